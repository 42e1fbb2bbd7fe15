"""What became of an attempt, or why it waits: from the kube job and its pod as observed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chronos_crds.execution import Outcome
from chronos_operator.decide.values import KubeJobView, PodView

# Reasons of a waiting container and the words Chronos has for them.
_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CONFIG_REASONS = frozenset({"CreateContainerConfigError"})
_CONTAINER_REASONS = frozenset({"CreateContainerError", "RunContainerError", "StartError"})
_EVICTIONS = frozenset(
    {
        "EvictionByEvictionAPI",
        "TerminationByKubelet",
        "DeletionByTaintManager",
        "PreemptionByScheduler",
    }
)
_SIGNAL_BASE = 128


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, with what Kubernetes said about it."""

    outcome: Outcome
    reason: str
    message: str
    completed_at: datetime | None
    exit_code: int | None = None
    signal: int | None = None


@dataclass(frozen=True)
class Waiting:
    """Why an attempt's command does not run yet: one word, and what Kubernetes said."""

    reason: str
    message: str


def classify_ending(kube_job: KubeJobView, pod: PodView | None) -> Ending | None:
    """The end of an attempt; None while it is open.

    The pod tells more and sooner than the kube job; without a pod the kube job's own condition
    counts.
    """
    ending = _classify(kube_job, pod)
    if ending is None or not kube_job.cancelled:
        return ending
    ended_by_itself = ending.outcome is Outcome.SUCCEEDED and pod is not None and not pod.is_deleted
    if ended_by_itself:
        return ending
    return replace(ending, outcome=Outcome.CANCELLED, reason=kube_job.cancelled)


def _classify(kube_job: KubeJobView, pod: PodView | None) -> Ending | None:
    if pod is not None and pod.is_ended:
        return _classify_pod(pod)
    if kube_job.finished == "Complete":
        return Ending(Outcome.SUCCEEDED, "Completed", "", kube_job.finished_at)
    if kube_job.finished == "Failed":
        return _classify_failed(kube_job, pod)
    return None


def classify_waiting(pod: PodView | None) -> Waiting | None:
    """Why the command has not started; None where nothing speaks against a start."""
    if pod is None or pod.is_started or pod.is_ended:
        return None
    if pod.unschedulable:
        return Waiting("Unschedulable", pod.unschedulable)
    if pod.waiting_reason in _IMAGE_REASONS:
        return Waiting("ImageUnavailable", pod.waiting_message or pod.waiting_reason)
    if pod.waiting_reason in _CONFIG_REASONS:
        return Waiting("ConfigInvalid", pod.waiting_message or pod.waiting_reason)
    if pod.waiting_reason in _CONTAINER_REASONS:
        return Waiting("ContainerCannotRun", pod.waiting_message or pod.waiting_reason)
    return None


def _classify_pod(pod: PodView) -> Ending:
    if pod.disruption in _EVICTIONS or pod.reason == "Evicted":
        return _ending(pod, Outcome.EVICTED, pod.disruption or pod.reason)
    if pod.disruption == "DeletionByPodGC" or pod.reason == "NodeLost":
        return _ending(pod, Outcome.NODE_LOST, pod.disruption or pod.reason)
    if pod.exit_code == 0 and pod.phase != "Failed":
        return _ending(pod, Outcome.SUCCEEDED, "Completed")
    if pod.ended_reason == "OOMKilled":
        return _ending(pod, Outcome.OUT_OF_MEMORY, "OOMKilled")
    if pod.ended_reason in _CONTAINER_REASONS or pod.ended_reason == "ContainerCannotRun":
        # The runtime's words; of a command that ran it would be what the command left there.
        ending = _ending(pod, Outcome.FAILED, "ContainerCannotRun")
        return replace(ending, message=pod.message or pod.ended_message)
    if pod.is_deleted and pod.exit_code in (None, _SIGNAL_BASE + 9, _SIGNAL_BASE + 15):
        return _ending(pod, Outcome.DELETED, "PodDeleted")
    if pod.exit_code is None:
        return _ending(pod, Outcome.FAILED, pod.reason or "PodFailed")
    return _ending(pod, Outcome.FAILED, "Signal" if _signal(pod) else "ExitCode")


def _ending(pod: PodView, outcome: Outcome, reason: str) -> Ending:
    return Ending(
        outcome, reason, pod.message, pod.finished_at, exit_code=pod.exit_code, signal=_signal(pod)
    )


def _signal(pod: PodView) -> int | None:
    """The signal that ended the command: runtimes tell it as an exit code of 128 and more."""
    if pod.signal:
        return pod.signal
    code = pod.exit_code
    return code - _SIGNAL_BASE if code is not None and 1 <= code - _SIGNAL_BASE <= 64 else None


def _classify_failed(kube_job: KubeJobView, pod: PodView | None) -> Ending:
    if pod is None or pod.is_deleted or pod.is_gone:
        return Ending(Outcome.DELETED, "PodDeleted", kube_job.message, kube_job.finished_at)
    return Ending(
        Outcome.FAILED, kube_job.reason or "JobFailed", kube_job.message, kube_job.finished_at
    )
