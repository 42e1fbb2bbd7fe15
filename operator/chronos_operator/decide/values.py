"""What is observed, as small frozen values: only what decisions need of each object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from chronos_crds.execution import ExecutionSpec, ExecutionStatus
from chronos_crds.job import ChronosJobStatus
from chronos_crds.meta import ObjectMeta, parse_time
from chronos_crds.naming import (
    ANNOTATION_CANCELLED,
    ANNOTATION_START_TIME,
    LABEL_ATTEMPT,
    LABEL_EXECUTION,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_KUBE_JOB,
    MAIN_CONTAINER,
)
from chronos_crds.validation import parse_model

Object = Mapping[str, Any]

EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class JobView:
    """A ChronosJob; its spec unread, because it may be wrong."""

    meta: ObjectMeta
    spec: Mapping[str, Any]
    status: ChronosJobStatus
    # When its spec was last written, in whole seconds, as the API server's field managers tell.
    edited_at: datetime | None = None

    @property
    def calendar_names(self) -> tuple[str, ...]:
        """The calendars its schedule names, as far as that can be read."""
        schedule = self.spec.get("schedule")
        names = schedule.get("excludeCalendars") if isinstance(schedule, Mapping) else None
        return tuple(str(name) for name in names) if isinstance(names, list) else ()


@dataclass(frozen=True)
class ExecutionView:
    """A ChronosExecution."""

    meta: ObjectMeta
    spec: ExecutionSpec
    status: ExecutionStatus

    @property
    def created_at(self) -> datetime:
        """When it was stored; whole seconds."""
        return self.meta.created_at or EPOCH

    @property
    def scheduled_at(self) -> datetime:
        """The second it is for: where nothing else is said that of its creation."""
        return self.spec.scheduled_at or self.created_at

    @property
    def job_uid(self) -> str:
        """The UID of its job; "" until Chronos has filled it in."""
        return self.spec.job_ref.uid or ""

    @property
    def blocker(self) -> str | None:
        """The execution that stood in its way."""
        return self.status.blocked_by

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status.state is not None and self.status.state.is_final


@dataclass(frozen=True)
class CalendarView:
    """A ChronosCalendar; its spec unread, because it may be wrong."""

    meta: ObjectMeta
    spec: Mapping[str, Any]
    # When its spec was last written, in whole seconds.
    edited_at: datetime | None = None


@dataclass(frozen=True)
class KubeJobView:
    """A kube job: one attempt."""

    namespace: str
    name: str
    uid: str
    job: str
    job_uid: str
    execution: str
    number: int
    created_at: datetime | None
    # When Chronos had it created, by Chronos' own watch: creationTimestamp has whole seconds only.
    started_at: datetime | None
    finished: str
    reason: str
    message: str
    finished_at: datetime | None
    is_deleted: bool
    # Why Chronos has it ended before its time; "" where it has not.
    cancelled: str = ""
    resource_version: int = 0


@dataclass(frozen=True)
class PodView:
    """A pod of a kube job, and its one container that runs the command.

    It is kept after the pod itself is gone (``is_gone``): it still tells how the command ended.
    """

    namespace: str
    name: str
    uid: str
    kube_job: str
    execution: str
    phase: str
    reason: str
    message: str
    node: str
    is_deleted: bool
    waiting_reason: str
    waiting_message: str
    unschedulable: str
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    signal: int | None
    ended_reason: str
    ended_message: str
    disruption: str
    is_gone: bool = False
    resource_version: int = 0

    @property
    def is_started(self) -> bool:
        """Whether the command has run or runs."""
        return self.started_at is not None

    @property
    def is_ended(self) -> bool:
        """Whether the command runs no more, as far as Kubernetes knows."""
        return self.exit_code is not None or self.phase in ("Succeeded", "Failed")


def read_job(body: Object) -> JobView:
    """A ChronosJob as read from the API.

    Raises InvalidInput where its status cannot be read: without the cursor nothing says which
    seconds have run, so that such a job must not be started at all.
    """
    status = parse_model(ChronosJobStatus, body.get("status") or {}, at="/status", known_only=True)
    meta = body["metadata"]
    return JobView(
        ObjectMeta.model_validate(meta), body.get("spec") or {}, status, _edited_at(meta)
    )


def read_calendar(body: Object) -> CalendarView:
    """A ChronosCalendar as read from the API."""
    meta = body["metadata"]
    return CalendarView(ObjectMeta.model_validate(meta), body.get("spec") or {}, _edited_at(meta))


def read_execution(body: Object) -> ExecutionView:
    """A ChronosExecution as read from the API; raises InvalidInput where it cannot be read."""
    spec = parse_model(ExecutionSpec, body.get("spec") or {}, at="/spec")
    status = parse_model(ExecutionStatus, body.get("status") or {}, at="/status", known_only=True)
    return ExecutionView(ObjectMeta.model_validate(body["metadata"]), spec, status)


def read_kube_job(body: Object) -> KubeJobView:
    """A kube job that carries Chronos' labels."""
    meta = body["metadata"]
    labels = meta.get("labels") or {}
    status = body.get("status") or {}
    ended: Object = next(
        (
            condition
            for condition in status.get("conditions") or ()
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True"
        ),
        {},
    )
    number = labels.get(LABEL_ATTEMPT, "")
    return KubeJobView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta.get("uid", ""),
        job=labels.get(LABEL_JOB, ""),
        job_uid=labels.get(LABEL_JOB_UID, ""),
        execution=labels.get(LABEL_EXECUTION, ""),
        number=int(number) if number.isdigit() else 0,
        created_at=_time(meta.get("creationTimestamp")),
        started_at=_start_time(meta) or _time(meta.get("creationTimestamp")),
        finished=ended.get("type", ""),
        reason=ended.get("reason", ""),
        message=ended.get("message", ""),
        finished_at=_time(status.get("completionTime")) or _time(ended.get("lastTransitionTime")),
        is_deleted=bool(meta.get("deletionTimestamp")),
        cancelled=(meta.get("annotations") or {}).get(ANNOTATION_CANCELLED, ""),
        resource_version=_version(meta),
    )


def read_pod(body: Object) -> PodView:
    """A pod of a kube job that carries Chronos' labels."""
    meta, status = body["metadata"], body.get("status") or {}
    container: Object = next(
        (
            known
            for known in status.get("containerStatuses") or ()
            if known["name"] == MAIN_CONTAINER
        ),
        {},
    )
    state = container.get("state") or {}
    waiting, running = state.get("waiting") or {}, state.get("running") or {}
    ended = state.get("terminated") or {}
    conditions = {known["type"]: known for known in status.get("conditions") or ()}
    labels = meta.get("labels") or {}
    scheduled = conditions.get("PodScheduled") or {}
    disrupted = conditions.get("DisruptionTarget") or {}
    return PodView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta.get("uid", ""),
        kube_job=labels.get(LABEL_KUBE_JOB, ""),
        execution=labels.get(LABEL_EXECUTION, ""),
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        node=(body.get("spec") or {}).get("nodeName", ""),
        is_deleted=bool(meta.get("deletionTimestamp")),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        unschedulable=(
            scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else ""
        ),
        started_at=_time(running.get("startedAt")) or _time(ended.get("startedAt")),
        finished_at=_time(ended.get("finishedAt")),
        exit_code=ended.get("exitCode"),
        signal=ended.get("signal"),
        ended_reason=ended.get("reason", ""),
        ended_message=ended.get("message", ""),
        disruption=disrupted.get("reason", "") if disrupted.get("status") == "True" else "",
        resource_version=_version(meta),
    )


def mark_gone(pod: PodView) -> PodView:
    """The pod as it was when it went: news that follow all that the cluster said about it."""
    return replace(pod, is_gone=True, resource_version=pod.resource_version + 1)


def _edited_at(meta: Mapping[str, Any]) -> datetime | None:
    """The newest time at which somebody wrote the spec.

    A manager's time moves with any field it writes, so that it may be later than the edit of the
    schedule, never earlier; where managers are not kept nothing is known.
    """
    times = [
        _time(known.get("time"))
        for known in meta.get("managedFields") or ()
        if not known.get("subresource") and "f:spec" in (known.get("fieldsV1") or {})
    ]
    return max((moment for moment in times if moment is not None), default=None)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _start_time(meta: Mapping[str, Any]) -> datetime | None:
    """What our annotation says; anybody in the tenant may have written something else there."""
    try:
        return _time((meta.get("annotations") or {}).get(ANNOTATION_START_TIME))
    except ValueError:
        return None


def _version(meta: Mapping[str, Any]) -> int:
    """etcd's revision: comparable within one cluster, as the API's documentation allows."""
    text = str(meta.get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0
