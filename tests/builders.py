"""Small builders of specs, objects and views; every argument but the one a test is about defaults.

Times are written as people read them: ``utc("2026-03-01 12:00:00")``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chronos_crds import API_VERSION
from chronos_crds.execution import (
    Attempt,
    AttemptLog,
    ExecutionSpec,
    ExecutionState,
    ExecutionStatus,
    JobRef,
    Outcome,
    Trigger,
)
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, Retry
from chronos_crds.meta import ObjectMeta, format_time
from chronos_crds.naming import (
    ANNOTATION_START_TIME,
    LABEL_ATTEMPT,
    LABEL_EXECUTION,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_MANAGED_BY,
    MANAGED_BY,
    attempt_name,
    execution_name,
)
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import Timetable, build_timetable
from chronos_crds.workload import Workload
from chronos_operator.decide.values import (
    ExecutionView,
    JobView,
    KubeJobView,
    PodView,
    read_kube_job,
    read_pod,
)

Json = dict[str, Any]

NAMESPACE = "default"
JOB = "hello"
JOB_UID = "11111111-2222-3333-4444-555555555555"
SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def utc(text: str) -> datetime:
    """An aware UTC time from ``2026-03-01 12:00:00``, with or without an offset or fraction."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def wall(text: str) -> datetime:
    """What a clock on the wall shows: a naive time."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is None
    return moment


NOON = utc("2026-03-01 12:00:00")


def build_spec_body(
    *,
    cron: str | list[str] | None = None,
    at: list[str] | None = None,
    immediate: bool | None = None,
    zone: str | None = None,
    **fields: Any,
) -> Json:
    """A job's spec as JSON: cron of each minute unless some other time is given."""
    schedule: Json = {
        "cron": [cron] if isinstance(cron, str) else cron,
        "at": at,
        "immediate": immediate,
        "timeZone": zone,
    }
    if cron is None and at is None and immediate is None:
        schedule["cron"] = ["* * * * *"]
    return {
        "schedule": {name: value for name, value in schedule.items() if value is not None},
        "workload": {"container": {"image": "busybox"}},
        **fields,
    }


def build_spec(**fields: Any) -> ChronosJobSpec:
    """A job's spec; the arguments of ``build_spec_body``."""
    return ChronosJobSpec.model_validate(build_spec_body(**fields))


def build_times(*, created: str = "2000-01-01 00:00:00", **fields: Any) -> Timetable:
    """The timetable of a job with that schedule."""
    schedule: Schedule = build_spec(**fields).schedule
    return build_timetable(schedule, created_at=utc(created))


def build_calendar_body(name: str = "freeze", **spec: Any) -> Json:
    """A ChronosCalendar as a user writes it: the first of March 2026 unless said otherwise."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ChronosCalendar",
        "metadata": {"name": name},
        "spec": spec or {"dates": ["2026-03-01"]},
    }


def build_job_body(
    spec: Json | None = None,
    *,
    name: str = JOB,
    uid: str = JOB_UID,
    created: datetime = NOON,
    generation: int = 1,
    version: int = 1,
    status: Json | None = None,
) -> Json:
    """A ChronosJob as the API server answers it."""
    body: Json = {
        "apiVersion": API_VERSION,
        "kind": "ChronosJob",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": uid,
            "resourceVersion": str(version),
            "generation": generation,
            "creationTimestamp": format_time(created),
        },
        "spec": spec if spec is not None else build_spec_body(),
    }
    return {**body, "status": status} if status is not None else body


def build_job(
    spec: Json | None = None, *, status: ChronosJobStatus | None = None, **meta: Any
) -> JobView:
    """A ChronosJob as decisions see it."""
    body = build_job_body(spec, **meta)
    return JobView(
        ObjectMeta.model_validate(body["metadata"]), body["spec"], status or ChronosJobStatus()
    )


def build_execution_spec(
    scheduled: datetime = NOON,
    *,
    retry: Retry | None = None,
    workload: Json | None = None,
    job: str = JOB,
    job_uid: str = JOB_UID,
    **more: Any,
) -> ExecutionSpec:
    """What an execution runs; by its schedule unless said otherwise."""
    return ExecutionSpec(
        job_ref=JobRef(name=job, uid=job_uid),
        scheduled_at=scheduled,
        workload=Workload.model_validate(workload or {"container": {"image": "busybox"}}),
        retry=retry or Retry(),
        **{"trigger": Trigger.SCHEDULE, **more},
    )


def build_execution(
    scheduled: datetime = NOON,
    *,
    status: ExecutionStatus | None = None,
    version: int = 1,
    name: str | None = None,
    created: datetime | None = None,
    **spec: Any,
) -> ExecutionView:
    """A ChronosExecution as decisions see it."""
    execution = build_execution_spec(scheduled, **spec)
    meta = ObjectMeta(
        name=name or execution_name(execution.job_ref.name, scheduled),
        namespace=NAMESPACE,
        uid=f"execution-{int(scheduled.timestamp())}",
        resource_version=str(version),
        created_at=created,
    )
    return ExecutionView(meta, execution, status or ExecutionStatus())


def build_execution_body(scheduled: datetime = NOON, *, version: int = 1, **spec: Any) -> Json:
    """A ChronosExecution as the API server answers it."""
    view = build_execution(scheduled, **spec)
    return {
        "apiVersion": API_VERSION,
        "kind": "ChronosExecution",
        "metadata": {
            "name": view.meta.name,
            "namespace": NAMESPACE,
            "uid": view.meta.uid,
            "resourceVersion": str(version),
            "labels": {LABEL_JOB_UID: view.spec.job_ref.uid},
        },
        "spec": view.spec.to_manifest(),
    }


def build_attempt(number: int = 1, **fields: Any) -> Attempt:
    """A record of an attempt that was begun at noon."""
    known = {"name": attempt_name(execution_name(JOB, NOON), number), "started_at": NOON}
    return Attempt(number=number, **{**known, **fields})


def build_log(*, complete: bool = True, message: str | None = None, key: str = "k") -> AttemptLog:
    """A word about a log."""
    return AttemptLog(key=key, sha256=SHA256_OF_NOTHING, complete=complete, message=message)


def build_ended(
    scheduled: datetime,
    state: ExecutionState = ExecutionState.SUCCEEDED,
    *,
    trigger: Trigger = Trigger.SCHEDULE,
    **fields: Any,
) -> ExecutionView:
    """An execution that has ended, with the word about its log."""
    outcome = Outcome.SUCCEEDED if state is ExecutionState.SUCCEEDED else Outcome.FAILED
    attempt = build_attempt(outcome=outcome, completed_at=scheduled, log=build_log(), pod="p")
    known = {"attempts": (attempt,), "reason": str(outcome), "attempt_count": 1}
    status = ExecutionStatus(state=state, **{**known, **fields})
    return build_execution(scheduled, status=status, trigger=trigger)


def build_kube_job_body(
    number: int = 1,
    *,
    scheduled: datetime = NOON,
    condition: Json | None = None,
    version: int = 1,
    job_uid: str = JOB_UID,
    **meta: Any,
) -> Json:
    """A kube job as the API server answers it; ``condition`` is what ended it."""
    execution = execution_name(JOB, scheduled)
    return {
        "metadata": {
            "name": attempt_name(execution, number),
            "namespace": NAMESPACE,
            "uid": f"kube-job-{number}",
            "resourceVersion": str(version),
            "creationTimestamp": format_time(scheduled),
            "labels": {
                LABEL_MANAGED_BY: MANAGED_BY,
                LABEL_JOB: JOB,
                LABEL_JOB_UID: job_uid,
                LABEL_EXECUTION: execution,
                LABEL_ATTEMPT: str(number),
            },
            "annotations": {ANNOTATION_START_TIME: format_time(scheduled)},
            **meta,
        },
        "status": {"conditions": [condition]} if condition else {},
    }


def build_kube_job(number: int = 1, **fields: Any) -> KubeJobView:
    """A kube job as decisions see it."""
    return read_kube_job(build_kube_job_body(number, **fields))


def build_pod_body(
    *,
    kube_job: str = attempt_name(execution_name(JOB, NOON), 1),
    phase: str = "Pending",
    state: Json | None = None,
    conditions: list[Json] | None = None,
    node: str = "node-1",
    version: int = 1,
    status: Json | None = None,
    **meta: Any,
) -> Json:
    """A pod of a kube job as the API server answers it; ``state`` is its container's."""
    containers = [{"name": "main", "state": state}] if state else []
    return {
        "metadata": {
            "name": f"{kube_job}-abcde",
            "namespace": NAMESPACE,
            "uid": f"pod-of-{kube_job}",
            "resourceVersion": str(version),
            "labels": {
                LABEL_MANAGED_BY: MANAGED_BY,
                LABEL_EXECUTION: kube_job.rpartition("-")[0],
                "batch.kubernetes.io/job-name": kube_job,
            },
            **meta,
        },
        "spec": {"nodeName": node} if node else {},
        "status": {
            "phase": phase,
            "containerStatuses": containers,
            "conditions": conditions or [],
            **(status or {}),
        },
    }


def build_pod(**fields: Any) -> PodView:
    """A pod as decisions see it."""
    return read_pod(build_pod_body(**fields))


def running(since: datetime = NOON) -> Json:
    """The state of a container that runs."""
    return {"running": {"startedAt": format_time(since)}}


def terminated(
    code: int,
    *,
    reason: str = "Error",
    started: datetime = NOON,
    finished: datetime = NOON,
    **fields: Any,
) -> Json:
    """The state of a container that has ended."""
    times = {"startedAt": format_time(started), "finishedAt": format_time(finished)}
    return {"terminated": {"exitCode": code, "reason": reason, **times, **fields}}


def waiting(reason: str, message: str = "") -> Json:
    """The state of a container that waits."""
    return {"waiting": {"reason": reason, "message": message}}
