"""The objects that run a workload: restricted, named by their second, the same every time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from builders import JOB, JOB_UID, NAMESPACE, NOON, build_execution_spec, build_spec
from chronos_crds.execution import (
    ExecutionSpec,
    ExecutionStatus,
    JobRef,
    Parameters,
    Trigger,
)
from chronos_crds.meta import ObjectMeta
from chronos_crds.naming import ANNOTATION_START_TIME
from chronos_operator.decide.manifest import (
    build_adoption,
    build_cancellation,
    build_execution,
    build_kube_job,
)
from chronos_operator.decide.manifest import (
    build_execution_spec as build_spec_of_execution,
)
from chronos_operator.decide.values import ExecutionView, read_execution, read_kube_job

META = ObjectMeta(name=JOB, namespace=NAMESPACE, uid=JOB_UID, created_at=NOON)
LABELS = {
    "app.kubernetes.io/managed-by": "chronos",
    "chronos.dev/job": JOB,
    "chronos.dev/job-uid": JOB_UID,
}
OWNER = {
    "apiVersion": "chronos.dev/v1alpha1",
    "kind": "ChronosJob",
    "name": JOB,
    "uid": JOB_UID,
    "controller": True,
}


def kube_job(container: dict[str, Any] | None = None, number: int = 1) -> dict[str, Any]:
    spec = build_execution_spec(workload={"container": {"image": "busybox", **(container or {})}})
    return build_kube_job(
        NAMESPACE,
        spec,
        execution="hello-1772366400",
        number=number,
        started_at=NOON + timedelta(milliseconds=12),
    )


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(manifest)["containers"]
    assert isinstance(container, dict)
    return container


def env_of(manifest: dict[str, Any]) -> dict[str, str]:
    env = container_of(manifest)["env"]
    names = [variable["name"] for variable in env]
    assert len(set(names)) == len(names), "a name stands once"
    return {variable["name"]: variable["value"] for variable in env}


def test_an_execution_says_what_it_is_of() -> None:
    manifest = build_execution(NAMESPACE, "hello-1772366400", build_execution_spec())
    assert manifest["apiVersion"] == "chronos.dev/v1alpha1"
    assert manifest["kind"] == "ChronosExecution"
    assert manifest["metadata"] == {
        "name": "hello-1772366400",
        "namespace": NAMESPACE,
        "labels": LABELS,
        "ownerReferences": [OWNER],
    }


def test_an_execution_reads_back_as_it_was_built() -> None:
    spec = build_execution_spec()
    assert read_execution(build_execution(NAMESPACE, "hello-1772366400", spec)).spec == spec


def test_an_executions_spec_is_the_jobs_at_that_second() -> None:
    spec = build_spec(cron="* * * * *", retry={"maxAttempts": 4})
    built = build_spec_of_execution(META, spec, scheduled_at=NOON + timedelta(minutes=1))
    assert built == ExecutionSpec(
        job_ref={"name": JOB, "uid": JOB_UID},
        scheduled_at=NOON + timedelta(minutes=1),
        trigger=Trigger.SCHEDULE,
        workload=spec.workload,
        retry=spec.retry,
    )


@pytest.mark.parametrize(
    ("schedule", "minutes", "trigger"),
    [
        ({"immediate": True}, 0, Trigger.IMMEDIATE),
        ({"immediate": True, "cron": "* * * * *"}, 0, Trigger.IMMEDIATE),
        ({"immediate": True, "cron": "* * * * *"}, 1, Trigger.SCHEDULE),
        ({"at": ["2026-03-01T12:00:00Z"]}, 0, Trigger.SCHEDULE),
    ],
)
def test_only_the_second_of_creation_is_triggered_by_immediate(
    schedule: dict[str, Any], minutes: int, trigger: Trigger
) -> None:
    scheduled_at = NOON + timedelta(minutes=minutes)
    spec = build_spec_of_execution(META, build_spec(**schedule), scheduled_at=scheduled_at)
    assert spec.trigger is trigger


def test_a_kube_job_is_one_attempt_and_no_more() -> None:
    spec = kube_job()["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["completions"] == spec["parallelism"] == 1
    assert spec["podReplacementPolicy"] == "Failed"
    assert "ttlSecondsAfterFinished" not in spec, "nothing is deleted before its log is shipped"
    assert "activeDeadlineSeconds" not in spec
    assert pod_of(kube_job())["restartPolicy"] == "Never"


def test_a_kube_job_says_what_it_is_of() -> None:
    meta = kube_job(number=2)["metadata"]
    labels = {**LABELS, "chronos.dev/execution": "hello-1772366400", "chronos.dev/attempt": "2"}
    assert meta == {
        "name": "hello-1772366400-2",
        "namespace": NAMESPACE,
        "labels": labels,
        "annotations": {
            "chronos.dev/scheduled-time": "2026-03-01T12:00:00Z",
            "chronos.dev/start-time": "2026-03-01T12:00:00.012Z",
        },
        "ownerReferences": [OWNER],
    }
    template = kube_job(number=2)["spec"]["template"]["metadata"]
    assert template["labels"] == labels
    assert ANNOTATION_START_TIME not in template["annotations"]


def test_a_kube_job_reads_back_as_it_was_built() -> None:
    body = kube_job(number=2)
    view = read_kube_job(body)
    assert (view.job, view.job_uid) == (JOB, JOB_UID)
    assert (view.execution, view.number) == ("hello-1772366400", 2)
    assert view.started_at == NOON + timedelta(milliseconds=12)


def test_two_builds_are_equal() -> None:
    # Whoever builds it again after a crash must not build another one.
    assert kube_job({"command": ["a"]}) == kube_job({"command": ["a"]})
    assert json.dumps(kube_job()) == json.dumps(kube_job())


def test_a_built_manifest_shares_nothing_with_the_next() -> None:
    first = kube_job({"args": ["a"]})
    container_of(first)["args"].append("b")
    first["metadata"]["labels"]["x"] = "y"
    second = kube_job({"args": ["a"]})
    assert container_of(second)["args"] == ["a"]
    assert "x" not in second["metadata"]["labels"]


def test_the_pod_is_restricted() -> None:
    # The Pod Security Standard "restricted", field by field.
    pod, container = pod_of(kube_job()), container_of(kube_job())
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"hostNetwork", "hostPID", "hostIPC", "volumes"}.isdisjoint(pod)
    assert {"ports", "volumeMounts", "lifecycle"}.isdisjoint(container)


def test_the_pod_has_no_rights_in_the_cluster() -> None:
    pod = pod_of(kube_job())
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert "serviceAccountName" not in pod


def test_the_command_runs_as_the_user_that_was_asked_for() -> None:
    security = pod_of(kube_job({"runAsUser": 1000}))["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (1000,) * 3


@pytest.mark.parametrize(
    ("given", "command", "args"),
    [
        ({}, None, None),
        ({"command": ["sh", "-c", "exit 3"]}, ["sh", "-c", "exit 3"], None),
        ({"args": ["a b", "$(X)"]}, None, ["a b", "$(X)"]),
        ({"command": ["x"], "args": ["y"]}, ["x"], ["y"]),
    ],
)
def test_command_and_arguments_are_passed_on_as_they_are(
    given: dict[str, Any], command: list[str] | None, args: list[str] | None
) -> None:
    container = container_of(kube_job(given))
    assert container.get("command") == command
    assert container.get("args") == args
    assert ("command" in container, "args" in container) == (command is not None, args is not None)


def test_an_attempt_is_told_about_itself() -> None:
    assert env_of(kube_job(number=2)) == {
        "CHRONOS_JOB": JOB,
        "CHRONOS_EXECUTION_ID": "hello-1772366400",
        "CHRONOS_ATTEMPT": "2",
        "CHRONOS_SCHEDULED_TIME": "2026-03-01T12:00:00Z",
        "CHRONOS_IDEMPOTENCY_KEY": f"{JOB_UID}/hello-1772366400",
    }


def test_the_idempotency_key_is_one_for_all_attempts() -> None:
    keys = {env_of(kube_job(number=number))["CHRONOS_IDEMPOTENCY_KEY"] for number in (1, 2, 3)}
    assert len(keys) == 1


def test_a_users_variables_are_passed_on_and_cannot_replace_ours() -> None:
    own = [
        {"name": "GREETING", "value": "hello"},
        {"name": "EMPTY"},
        {"name": "CHRONOS_JOB", "value": "forged"},
        {"name": "CHRONOS_IDEMPOTENCY_KEY", "value": "forged"},
    ]
    env = env_of(kube_job({"env": own}))
    assert env["GREETING"] == "hello"
    assert env["EMPTY"] == ""
    assert env["CHRONOS_JOB"] == JOB
    assert "forged" not in env.values()


def test_resources_are_small_unless_asked_for() -> None:
    assert container_of(kube_job())["resources"] == {
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {},
    }
    asked = {"requests": {"memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    assert container_of(kube_job({"resources": asked}))["resources"] == asked


def test_no_secret_is_in_a_manifest() -> None:
    text = json.dumps(kube_job())
    for word in ("token", "secret", "password", "Authorization", "X-Amz"):
        assert word not in text.replace("automountServiceAccountToken", "")


# --- runs by hand


def asked_for(**fields: Any) -> ExecutionView:
    """What ``kubectl create`` of an execution with a job's name alone leaves in the cluster."""
    meta = ObjectMeta(
        name="hello-manual-abcde",
        namespace=NAMESPACE,
        uid="x",
        created_at=NOON,
        resource_version="7",
    )
    spec = ExecutionSpec(job_ref=JobRef(name=JOB), **fields)
    return ExecutionView(meta, spec, ExecutionStatus())


def test_adopting_fills_in_what_its_author_left_out() -> None:
    spec = build_spec(cron="* * * * *", retry={"maxAttempts": 4})
    patch, complete = build_adoption(META, spec, asked_for())
    assert patch == {
        "metadata": {"labels": LABELS, "ownerReferences": [OWNER]},
        "spec": {
            "jobRef": {"name": JOB, "uid": JOB_UID},
            "scheduledTime": "2026-03-01T12:00:00Z",
            "workload": spec.workload.to_manifest(),
            "retry": spec.retry.to_manifest(),
        },
    }
    assert complete.is_complete
    assert complete.trigger is Trigger.MANUAL


def test_adopting_keeps_what_its_author_gave() -> None:
    later = NOON + timedelta(hours=1)
    given = asked_for(scheduled_at=later, parameters=Parameters(args=("--now",)))
    patch, complete = build_adoption(META, build_spec(), given)
    assert complete.scheduled_at == later
    assert complete.parameters.args == ("--now",)
    # Nothing is patched that may not change.
    assert set(patch["spec"]) == {"jobRef", "workload", "retry"}


CONTAINER = {
    "image": "busybox",
    "args": ["--daily"],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
}
PARAMETERS: list[tuple[str, dict[str, Any], list[str], dict[str, str]]] = [
    ("none", {}, ["--daily"], {"A": "1", "B": "2"}),
    ("other arguments", {"args": ["--full", "--now"]}, ["--full", "--now"], {"A": "1", "B": "2"}),
    ("another value", {"env": [{"name": "B", "value": "3"}]}, ["--daily"], {"A": "1", "B": "3"}),
    ("one more", {"env": [{"name": "C", "value": "3"}]}, ["--daily"],
     {"A": "1", "B": "2", "C": "3"}),
    ("one of Chronos' own is not theirs to give",
     {"env": [{"name": "CHRONOS_ATTEMPT", "value": "9"}]}, ["--daily"], {"A": "1", "B": "2"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "args", "env"),
    [row[1:] for row in PARAMETERS],
    ids=[row[0] for row in PARAMETERS],
)
def test_what_one_execution_is_given_instead(
    parameters: dict[str, Any], args: list[str], env: dict[str, str]
) -> None:
    spec = build_execution_spec(
        workload={"container": CONTAINER}, parameters=Parameters.model_validate(parameters)
    )
    manifest = build_kube_job(
        NAMESPACE, spec, execution="hello-manual-abcde", number=1, started_at=NOON
    )
    assert container_of(manifest)["args"] == args
    found = env_of(manifest)
    own = {name: value for name, value in found.items() if not name.startswith("CHRONOS_")}
    assert own == env
    assert found["CHRONOS_ATTEMPT"] == "1"
    assert found["CHRONOS_EXECUTION_ID"] == "hello-manual-abcde"


def test_one_that_was_not_adopted_is_never_started() -> None:
    with pytest.raises(ValueError, match="was not adopted"):
        build_kube_job(NAMESPACE, asked_for().spec, execution="x", number=1, started_at=NOON)


def test_one_that_has_to_end_gets_a_deadline_and_the_reason() -> None:
    assert build_cancellation("Replaced") == {
        "metadata": {"annotations": {"chronos.dev/cancelled": "Replaced"}},
        "spec": {"activeDeadlineSeconds": 1},
    }


def test_one_that_waits_says_that_it_was_recorded_first() -> None:
    spec = build_spec_of_execution(META, build_spec(), scheduled_at=NOON, queued=True)
    assert spec.queued
    assert spec.is_recorded_first
    assert spec.is_complete
