"""From a typed workload to the objects that run it; users never hand in a PodSpec.

Each field of the pod has its one owner here. The pod is what the restricted Pod Security Standard
asks for, without a token of the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chronos_crds import API_VERSION
from chronos_crds.execution import ExecutionSpec, JobRef, Trigger
from chronos_crds.job import ChronosJobSpec
from chronos_crds.workload import Container, ResourceAmounts, Workload
from chronos_crds.meta import ObjectMeta, format_time
from chronos_crds.naming import (
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
    execution_name,
)

Manifest = dict[str, Any]

# How long a command has between SIGTERM and SIGKILL.
GRACE_SECONDS = 30


def build_execution_spec(
    job: ObjectMeta, spec: ChronosJobSpec, *, scheduled_at: datetime
) -> ExecutionSpec:
    """What is run for that second, as the job says it now."""
    immediate = spec.schedule.immediate and scheduled_at == job.created_at
    return ExecutionSpec(
        job_ref=JobRef(name=job.name, uid=job.uid),
        scheduled_at=scheduled_at,
        trigger=Trigger.IMMEDIATE if immediate else Trigger.SCHEDULE,
        workload=spec.workload,
        retry=spec.retry,
    )


def build_execution(namespace: str, spec: ExecutionSpec) -> Manifest:
    """The ChronosExecution of a scheduled second."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ChronosExecution",
        "metadata": {
            "name": execution_name(spec.job_ref.name, spec.scheduled_at),
            "namespace": namespace,
            "labels": _job_labels(spec),
            "ownerReferences": [_owner(spec)],
        },
        "spec": spec.to_manifest(),
    }


def build_kube_job(
    namespace: str, spec: ExecutionSpec, *, execution: str, number: int, started_at: datetime
) -> Manifest:
    """The kube job of an attempt, which Chronos has created at ``started_at``."""
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
                    spec.workload, _build_environment(spec, execution=execution, number=number)
                ),
            },
        },
    }


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
        LABEL_JOB_UID: spec.job_ref.uid,
    }


def _build_environment(spec: ExecutionSpec, *, execution: str, number: int) -> dict[str, str]:
    """What an attempt is told about itself; the idempotency key is the same over attempts."""
    return {
        "CHRONOS_JOB": spec.job_ref.name,
        "CHRONOS_EXECUTION_ID": execution,
        "CHRONOS_ATTEMPT": str(number),
        "CHRONOS_SCHEDULED_TIME": format_time(spec.scheduled_at),
        "CHRONOS_IDEMPOTENCY_KEY": f"{spec.job_ref.uid}/{execution}",
    }


def _build_pod_spec(workload: Workload, environment: Mapping[str, str]) -> Manifest:
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
        "containers": [_build_container(workload.container, environment)],
    }


def _build_container(container: Container, environment: Mapping[str, str]) -> Manifest:
    own = {variable.name: variable.value for variable in container.env}
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
    if container.args is not None:
        manifest["args"] = list(container.args)
    return manifest


def _amounts(amounts: ResourceAmounts) -> dict[str, str]:
    return {
        name: amount
        for name, amount in (("cpu", amounts.cpu), ("memory", amounts.memory))
        if amount is not None
    }
