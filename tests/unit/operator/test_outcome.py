"""What became of an attempt, from pod statuses as clusters really write them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOON, build_kube_job, build_pod, running, terminated, waiting
from chronos_crds.execution import Outcome
from chronos_operator.decide.outcome import classify_ending, classify_waiting
from chronos_operator.decide.values import PodView

LATER = NOON + timedelta(seconds=9)
DELETED = {"deletionTimestamp": "2026-03-01T12:00:05Z"}
FAILED = {
    "type": "Failed",
    "status": "True",
    "reason": "BackoffLimitExceeded",
    "message": "Job has reached the specified backoff limit",
    "lastTransitionTime": "2026-03-01T12:00:09Z",
}
COMPLETE = {
    "type": "Complete",
    "status": "True",
    "reason": "CompletionsReached",
    "lastTransitionTime": "2026-03-01T12:00:09Z",
}


def disrupted(reason: str) -> list[dict[str, Any]]:
    return [{"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "m"}]


ENDED: list[tuple[str, dict[str, Any], Outcome, str, int | None, int | None]] = [
    ("exit 0", {"phase": "Succeeded", "state": terminated(0, reason="Completed")},
     Outcome.SUCCEEDED, "Completed", 0, None),
    ("exit 0, the phase not yet told", {"phase": "Running", "state": terminated(0)},
     Outcome.SUCCEEDED, "Completed", 0, None),
    ("exit 3", {"phase": "Failed", "state": terminated(3)},
     Outcome.FAILED, "ExitCode", 3, None),
    ("exit 3, the phase not yet told", {"phase": "Running", "state": terminated(3)},
     Outcome.FAILED, "ExitCode", 3, None),
    ("exit 128, which is no signal", {"phase": "Failed", "state": terminated(128)},
     Outcome.FAILED, "ExitCode", 128, None),
    ("exit 255, which is no signal", {"phase": "Failed", "state": terminated(255)},
     Outcome.FAILED, "ExitCode", 255, None),
    ("SIGTERM", {"phase": "Failed", "state": terminated(143)},
     Outcome.FAILED, "Signal", 143, 15),
    ("SIGKILL by somebody inside", {"phase": "Failed", "state": terminated(137)},
     Outcome.FAILED, "Signal", 137, 9),
    ("SIGSEGV", {"phase": "Failed", "state": terminated(139)},
     Outcome.FAILED, "Signal", 139, 11),
    ("a signal that the runtime tells by itself",
     {"phase": "Failed", "state": terminated(255, signal=6)}, Outcome.FAILED, "Signal", 255, 6),
    ("memory beyond the limit", {"phase": "Failed", "state": terminated(137, reason="OOMKilled")},
     Outcome.OUT_OF_MEMORY, "OOMKilled", 137, 9),
    ("a child killed for memory, the command survived and exits 1",
     {"phase": "Failed", "state": terminated(1, reason="OOMKilled")},
     Outcome.OUT_OF_MEMORY, "OOMKilled", 1, None),
    ("a child killed for memory, the command ends well",
     {"phase": "Succeeded", "state": terminated(0, reason="OOMKilled")},
     Outcome.SUCCEEDED, "Completed", 0, None),
    ("a command that does not exist",
     {"phase": "Failed", "state": terminated(128, reason="StartError", message="no such file")},
     Outcome.FAILED, "ContainerCannotRun", 128, None),
    ("a command that may not be run",
     {"phase": "Failed", "state": terminated(126, reason="ContainerCannotRun")},
     Outcome.FAILED, "ContainerCannotRun", 126, None),
    ("evicted by the kubelet for disk",
     {"phase": "Failed", "status": {"reason": "Evicted", "message": "low on ephemeral-storage"}},
     Outcome.EVICTED, "Evicted", None, None),
    ("evicted by the kubelet while it ran",
     {"phase": "Failed", "state": terminated(137), "status": {"reason": "Evicted"},
      "conditions": disrupted("TerminationByKubelet")},
     Outcome.EVICTED, "TerminationByKubelet", 137, 9),
    ("evicted through the API, by a drain",
     {"phase": "Failed", "state": terminated(143), "conditions": disrupted("EvictionByEvictionAPI"),
      **DELETED},
     Outcome.EVICTED, "EvictionByEvictionAPI", 143, 15),
    ("preempted by a pod of higher priority",
     {"phase": "Failed", "state": terminated(143), "conditions": disrupted("PreemptionByScheduler"),
      **DELETED},
     Outcome.EVICTED, "PreemptionByScheduler", 143, 15),
    ("deleted for a taint on its node",
     {"phase": "Failed", "conditions": disrupted("DeletionByTaintManager"), **DELETED},
     Outcome.EVICTED, "DeletionByTaintManager", None, None),
    ("its node is gone", {"phase": "Failed", "conditions": disrupted("DeletionByPodGC"), **DELETED},
     Outcome.NODE_LOST, "DeletionByPodGC", None, None),
    ("its node does not answer", {"phase": "Failed", "status": {"reason": "NodeLost"}},
     Outcome.NODE_LOST, "NodeLost", None, None),
    ("deleted by somebody, ended by SIGTERM",
     {"phase": "Failed", "state": terminated(143), **DELETED},
     Outcome.DELETED, "PodDeleted", 143, 15),
    ("deleted by somebody, ended by SIGKILL after the grace",
     {"phase": "Failed", "state": terminated(137), **DELETED},
     Outcome.DELETED, "PodDeleted", 137, 9),
    ("deleted by somebody, with a code of its own",
     {"phase": "Failed", "state": terminated(3), **DELETED}, Outcome.FAILED, "ExitCode", 3, None),
    ("deleted by somebody, but it had ended well",
     {"phase": "Succeeded", "state": terminated(0), **DELETED},
     Outcome.SUCCEEDED, "Completed", 0, None),
    ("deleted before it was started", {"phase": "Failed", **DELETED},
     Outcome.DELETED, "PodDeleted", None, None),
    ("refused by the kubelet", {"phase": "Failed", "status": {"reason": "OutOfcpu"}},
     Outcome.FAILED, "OutOfcpu", None, None),
    ("failed without a word", {"phase": "Failed"}, Outcome.FAILED, "PodFailed", None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pod", "outcome", "reason", "code", "signal"),
    [row[1:] for row in ENDED],
    ids=[row[0] for row in ENDED],
)
def test_how_a_pod_ended(
    pod: dict[str, Any], outcome: Outcome, reason: str, code: int | None, signal: int | None
) -> None:
    ending = classify_ending(build_kube_job(), build_pod(**pod))
    assert ending is not None
    assert (ending.outcome, ending.reason) == (outcome, reason)
    assert (ending.exit_code, ending.signal) == (code, signal)


def test_the_time_and_the_words_are_the_pods() -> None:
    pod = build_pod(
        phase="Failed",
        state=terminated(1, finished=LATER),
        status={"message": "The node was low on resource: memory."},
    )
    ending = classify_ending(build_kube_job(condition=FAILED), pod)
    assert ending is not None
    assert ending.completed_at == LATER
    assert ending.message == "The node was low on resource: memory."


def test_what_the_runtime_said_about_a_command_that_cannot_run_is_told() -> None:
    said = 'exec: "/nope": stat /nope: no such file or directory'
    pod = build_pod(phase="Failed", state=terminated(128, reason="StartError", message=said))
    ending = classify_ending(build_kube_job(), pod)
    assert ending is not None
    assert ending.message == said


OPEN: list[tuple[str, PodView | None]] = [
    ("no pod yet", None),
    ("a pod that waits", build_pod()),
    ("a pod whose image is pulled", build_pod(state=waiting("ContainerCreating"))),
    ("a command that runs", build_pod(phase="Running", state=running())),
    ("a pod being deleted whose command still runs",
     build_pod(phase="Running", state=running(), **DELETED)),
    ("a node that does not answer for a while", build_pod(phase="Unknown")),
]  # fmt: skip


@pytest.mark.parametrize("pod", [row[1] for row in OPEN], ids=[row[0] for row in OPEN])
def test_an_attempt_is_open_while(pod: PodView | None) -> None:
    assert classify_ending(build_kube_job(), pod) is None


BY_KUBE_JOB: list[tuple[str, dict[str, Any], PodView | None, Outcome, str]] = [
    ("complete, its pod already gone", COMPLETE, None, Outcome.SUCCEEDED, "Completed"),
    ("failed, its pod already gone", FAILED, None, Outcome.DELETED, "PodDeleted"),
    ("failed, its pod being deleted before it ran", FAILED, build_pod(**DELETED),
     Outcome.DELETED, "PodDeleted"),
    ("failed, its pod taken away by force while it ran", FAILED,
     replace(build_pod(phase="Running", state=running()), is_gone=True),
     Outcome.DELETED, "PodDeleted"),
    ("failed for a reason of its own, its pod never ran",
     {**FAILED, "reason": "DeadlineExceeded"}, build_pod(), Outcome.FAILED, "DeadlineExceeded"),
    ("failed without a reason", {**FAILED, "reason": ""}, build_pod(),
     Outcome.FAILED, "JobFailed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "pod", "outcome", "reason"),
    [row[1:] for row in BY_KUBE_JOB],
    ids=[row[0] for row in BY_KUBE_JOB],
)
def test_where_the_pod_does_not_tell_the_kube_job_does(
    condition: dict[str, Any], pod: PodView | None, outcome: Outcome, reason: str
) -> None:
    ending = classify_ending(build_kube_job(condition=condition), pod)
    assert ending is not None
    assert (ending.outcome, ending.reason) == (outcome, reason)
    assert ending.completed_at == LATER


def test_a_condition_that_is_not_true_ends_nothing() -> None:
    kube_job = build_kube_job(condition={**FAILED, "status": "False"})
    assert classify_ending(kube_job, None) is None


def test_a_kube_job_that_only_will_fail_has_not_ended() -> None:
    # Kubernetes says FailureTarget before the pods are gone.
    kube_job = build_kube_job(condition={**FAILED, "type": "FailureTarget"})
    assert classify_ending(kube_job, build_pod(phase="Running", state=running())) is None


def test_a_pod_that_ended_is_believed_before_its_kube_job() -> None:
    pod = build_pod(phase="Succeeded", state=terminated(0))
    ending = classify_ending(build_kube_job(condition=FAILED), pod)
    assert ending is not None
    assert ending.outcome is Outcome.SUCCEEDED


UNSCHEDULABLE = [
    {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }
]

WAITS: list[tuple[str, dict[str, Any], str | None]] = [
    ("no node has room", {"conditions": UNSCHEDULABLE, "node": ""}, "Unschedulable"),
    ("no such image", {"state": waiting("ErrImagePull", "not found")}, "ImageUnavailable"),
    ("no such image, backing off", {"state": waiting("ImagePullBackOff", "x")}, "ImageUnavailable"),
    ("an image's name is wrong", {"state": waiting("InvalidImageName")}, "ImageUnavailable"),
    ("never pull, and not there", {"state": waiting("ErrImageNeverPull")}, "ImageUnavailable"),
    ("the registry is away", {"state": waiting("RegistryUnavailable")}, "ImageUnavailable"),
    ("the image cannot be read", {"state": waiting("ImageInspectError")}, "ImageUnavailable"),
    ("the image's user is root", {"state": waiting("CreateContainerConfigError", "runAsNonRoot")},
     "ConfigInvalid"),
    ("the container cannot be made", {"state": waiting("CreateContainerError")},
     "ContainerCannotRun"),
    ("the command cannot be run", {"state": waiting("RunContainerError")}, "ContainerCannotRun"),
    ("the container is being made", {"state": waiting("ContainerCreating")}, None),
    ("the pod is being set up", {"state": waiting("PodInitializing")}, None),
    ("it has only just been made", {}, None),
    ("it runs", {"phase": "Running", "state": running()}, None),
    ("it has ended", {"phase": "Failed", "state": terminated(1)}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pod", "reason"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS]
)
def test_why_a_command_does_not_run_yet(pod: dict[str, Any], reason: str | None) -> None:
    found = classify_waiting(build_pod(**pod))
    assert (found.reason if found else None) == reason
    if found is not None:
        assert found.message, "what Kubernetes said, or at least its word"


def test_without_a_pod_nothing_is_known_to_be_in_the_way() -> None:
    assert classify_waiting(None) is None


def test_what_kubernetes_said_is_told() -> None:
    found = classify_waiting(build_pod(conditions=UNSCHEDULABLE, node=""))
    assert found is not None
    assert found.message == "0/1 nodes are available: 1 Insufficient memory."
