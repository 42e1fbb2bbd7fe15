"""From a typed workload to the objects that run it; users never hand in a PodSpec.

Each field of the pod has its one owner here. The pod is what the restricted Pod Security Standard
asks for, without a token of the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chronos_crds import API_VERSION
from chronos_crds.execution import ExecutionSpec, JobRef, Parameters, Trigger
from chronos_crds.job import ChronosJobSpec
from chronos_crds.meta import ObjectMeta, format_time
from chronos_crds.naming import (
    ANNOTATION_CANCELLED,
    ANNOTATION_SCHEDULED_TIME,
    ANNOTATION_START_TIME,
    LABEL_ATTEMPT,
    LABEL_EXECUTION,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_MANAGED_BY,
    MAIN_CONTAINER,
    MANAGED_BY,
    attempt_name,
)
from chronos_crds.workload import Container, ResourceAmounts, Workload
from chronos_operator.decide.values import ExecutionView

Manifest = dict[str, Any]

# How long a command has between SIGTERM and SIGKILL.
GRACE_SECONDS = 30


def build_execution_spec(
    job: ObjectMeta, spec: ChronosJobSpec, *, scheduled_at: datetime, queued: bool = False
) -> ExecutionSpec:
    """What is run for that second, as the job says it now."""
    immediate = spec.schedule.immediate and scheduled_at == job.created_at
    return ExecutionSpec(
        job_ref=JobRef(name=job.name, uid=job.uid),
        scheduled_at=scheduled_at,
        trigger=Trigger.IMMEDIATE if immediate else Trigger.SCHEDULE,
        queued=queued,
        workload=spec.workload,
        retry=spec.retry,
    )


def build_execution(namespace: str, name: str, spec: ExecutionSpec) -> Manifest:
    """The ChronosExecution of a scheduled second."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ChronosExecution",
        "metadata": {"name": name, "namespace": namespace, **_membership(spec)},
        "spec": spec.to_manifest(),
    }


def build_adoption(
    job: ObjectMeta, spec: ChronosJobSpec, execution: ExecutionView
) -> tuple[Manifest, ExecutionSpec]:
    """The patch that makes an execution asked for by hand one of the job's, and its spec then:
    what its author left out is filled in as the job says it now."""
    complete = execution.spec.model_copy(
        update={
            "job_ref": JobRef(name=job.name, uid=job.uid),
            "scheduled_at": execution.scheduled_at,
            "workload": spec.workload,
            "retry": spec.retry,
        }
    )
    manifest = complete.to_manifest()
    filled = {name: manifest[name] for name in ("jobRef", "workload", "retry")}
    if execution.spec.scheduled_at is None:
        # Where it is given it stays as it was written: in whatever form, it may not change.
        filled["scheduledTime"] = manifest["scheduledTime"]
    return {"metadata": _membership(complete), "spec": filled}, complete


def build_cancellation(reason: str) -> Manifest:
    """The patch that has a kube job end its pod, and remembers why: SIGTERM, grace, SIGKILL.

    A deadline that has passed ends a kube job without deleting it, so that its end is seen.
    """
    return {
        "metadata": {"annotations": {ANNOTATION_CANCELLED: reason}},
        "spec": {"activeDeadlineSeconds": 1},
    }


def build_kube_job(
    namespace: str, spec: ExecutionSpec, *, execution: str, number: int, started_at: datetime
) -> Manifest:
    """The kube job of an attempt, which Chronos has created at ``started_at``."""
    if spec.workload is None or spec.scheduled_at is None:
        raise ValueError(f"{execution} was not adopted before it was started")
    labels = {
        **_job_labels(spec),
        LABEL_EXECUTION: execution,
        LABEL_ATTEMPT: str(number),
    }
    annotations = {ANNOTATION_SCHEDULED_TIME: format_time(spec.scheduled_at)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": attempt_name(execution, number),
            "namespace": namespace,
            "labels": labels,
            "annotations": {**annotations, ANNOTATION_START_TIME: format_time(started_at)},
            "ownerReferences": [_owner(spec)],
        },
        "spec": {
            # Chronos retries by its own rules; a kube job is one attempt.
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": _build_pod_spec(
                    spec.workload,
                    spec.parameters,
                    _build_environment(spec, execution=execution, number=number),
                ),
            },
        },
    }


def _membership(spec: ExecutionSpec) -> Manifest:
    return {"labels": _job_labels(spec), "ownerReferences": [_owner(spec)]}


def _owner(spec: ExecutionSpec) -> Manifest:
    return {
        "apiVersion": API_VERSION,
        "kind": "ChronosJob",
        "name": spec.job_ref.name,
        "uid": spec.job_ref.uid,
        "controller": True,
    }


def _job_labels(spec: ExecutionSpec) -> dict[str, str]:
    return {
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_JOB: spec.job_ref.name,
        LABEL_JOB_UID: spec.job_ref.uid or "",
    }


def _build_environment(spec: ExecutionSpec, *, execution: str, number: int) -> dict[str, str]:
    """What an attempt is told about itself; the idempotency key is the same over attempts."""
    return {
        "CHRONOS_JOB": spec.job_ref.name,
        "CHRONOS_EXECUTION_ID": execution,
        "CHRONOS_ATTEMPT": str(number),
        "CHRONOS_SCHEDULED_TIME": format_time(spec.scheduled_at) if spec.scheduled_at else "",
        "CHRONOS_IDEMPOTENCY_KEY": f"{spec.job_ref.uid}/{execution}",
    }


def _build_pod_spec(
    workload: Workload, parameters: Parameters, environment: Mapping[str, str]
) -> Manifest:
    if workload.container is None:
        raise ValueError("a container workload without a container passed validation")
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": workload.container.run_as_user,
            "runAsGroup": workload.container.run_as_user,
            "fsGroup": workload.container.run_as_user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_build_container(workload.container, parameters, environment)],
    }


def _build_container(
    container: Container, parameters: Parameters, environment: Mapping[str, str]
) -> Manifest:
    own = {variable.name: variable.value for variable in (*container.env, *parameters.env)}
    args = parameters.args or container.args
    manifest: Manifest = {
        "name": MAIN_CONTAINER,
        "image": container.image,
        "env": [{"name": name, "value": value} for name, value in {**own, **environment}.items()],
        "resources": {
            "requests": _amounts(container.resources.requests),
            "limits": _amounts(container.resources.limits),
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if container.command is not None:
        manifest["command"] = list(container.command)
    if args is not None:
        manifest["args"] = list(args)
    return manifest


def _amounts(amounts: ResourceAmounts) -> dict[str, str]:
    return {
        name: amount
        for name, amount in (("cpu", amounts.cpu), ("memory", amounts.memory))
        if amount is not None
    }
