"""ChronosExecution: one execution of a job at one scheduled second."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from chronos_crds.job import Retry
from chronos_crds.meta import Model, ReachableTime, Time
from chronos_crds.workload import Argument, EnvVar, Workload, check_unique_env


class JobRef(Model):
    """The job an execution belongs to; the UID tells it from a later job of the same name."""

    name: str = Field(min_length=1, max_length=46, description="The ChronosJob's name.")
    uid: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="The ChronosJob's metadata.uid; Chronos fills it in.",
    )


class Trigger(StrEnum):
    """What asked for an execution."""

    SCHEDULE = "Schedule"
    IMMEDIATE = "Immediate"
    MANUAL = "Manual"
    BACKFILL = "Backfill"


class RunConcurrency(StrEnum):
    """Whether an execution obeys its job's concurrency."""

    POLICY = "Policy"
    IGNORE = "Ignore"


class Parameters(Model):
    """What one execution is given instead of what its job says."""

    args: (
        Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=256)] | None
    ) = Field(default=None, description="Arguments instead of the container's.")
    env: Annotated[tuple[EnvVar, ...], Field(strict=False, max_length=256)] = Field(
        default=(),
        description="Variables beside the container's, or instead of those of the same name.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )

    @model_validator(mode="after")
    def _has_unique_env(self) -> Self:
        check_unique_env(self.env)
        return self


class BackfillPart(Model):
    """Where an execution stands in a backfill."""

    id: str = Field(min_length=1, max_length=63, description="The same for all of one backfill.")
    position: int = Field(ge=1, le=100_000, description="When its turn is, counted from 1.")
    parallel: int = Field(
        default=1, ge=1, le=100, description="How many of the backfill run at a time. Default 1."
    )


class ExecutionSpec(Model):
    """What is run: the job's name suffices; Chronos fills in the rest, and never changes it."""

    job_ref: JobRef = Field(description="The job this is an execution of.")
    scheduled_at: ReachableTime | None = Field(
        default=None,
        alias="scheduledTime",
        description="The second it is for; it never starts earlier. Default its creation.",
    )
    trigger: Trigger = Field(
        default=Trigger.MANUAL,
        strict=False,
        description="What asked for it: Schedule, Immediate, Manual or Backfill. Default Manual.",
    )
    parameters: Parameters = Field(
        default=Parameters(), description="What is given instead of what the job says."
    )
    concurrency: RunConcurrency = Field(
        default=RunConcurrency.POLICY,
        strict=False,
        description=(
            "Policy obeys the job's concurrency; Ignore starts whatever else is active. "
            "Default Policy."
        ),
    )
    queued: bool = Field(
        default=False,
        description="Set by Chronos: it was recorded before it was started. Default false.",
    )
    backfill: BackfillPart | None = Field(
        default=None, description="Where it stands in a backfill, where it is part of one."
    )
    workload: Workload | None = Field(
        default=None, description="What is run; Chronos copies it from the job."
    )
    retry: Retry | None = Field(
        default=None,
        description="What happens after a failed attempt; Chronos copies it from the job.",
    )

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule asked for it, and not a person."""
        return self.trigger in (Trigger.SCHEDULE, Trigger.IMMEDIATE)

    @property
    def is_recorded_first(self) -> bool:
        """Whether it is recorded before its first attempt is started, so that a missing first
        attempt has not begun rather than been deleted."""
        return self.queued or not self.is_scheduled

    @property
    def is_complete(self) -> bool:
        """Whether Chronos has filled in what the one who asked for it left out."""
        return None not in (self.job_ref.uid, self.scheduled_at, self.workload, self.retry)


class ExecutionState(StrEnum):
    """The one-word state of an execution."""

    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    MISSED = "Missed"
    SKIPPED = "Skipped"

    @property
    def is_final(self) -> bool:
        """Whether an execution in this state never changes again."""
        return self not in (
            ExecutionState.PENDING,
            ExecutionState.QUEUED,
            ExecutionState.RUNNING,
        )


class Outcome(StrEnum):
    """What became of an attempt."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    OUT_OF_MEMORY = "OutOfMemory"
    EVICTED = "Evicted"
    NODE_LOST = "NodeLost"
    DENIED = "Denied"
    DELETED = "Deleted"
    CANCELLED = "Cancelled"


class AttemptLog(Model):
    """Where an attempt's log lies, and whether every line of it does."""

    key: str = Field(max_length=1024, description="The object's key in the log bucket.")
    size: int = Field(default=0, ge=0, alias="bytes", description="Its size in bytes.")
    sha256: str | None = Field(
        default=None, max_length=64, description="SHA-256 over the content, in hexadecimal."
    )
    complete: bool = Field(
        description="Whether it is known that no byte of the container's output is missing."
    )
    message: str | None = Field(
        default=None, max_length=1024, description="Why it is not complete, where it is not."
    )


class Attempt(Model):
    """One try of an execution: one kube job with one pod."""

    number: int = Field(ge=1, description="Counted from 1.")
    name: str = Field(max_length=63, description="The kube job's name.")
    started_at: Time | None = Field(
        default=None, alias="startTime", description="When its kube job was created."
    )
    completed_at: Time | None = Field(
        default=None, alias="completionTime", description="When its command ended."
    )
    outcome: Outcome | None = Field(
        default=None, strict=False, description="What became of it; unset while it is open."
    )
    reason: str | None = Field(
        default=None, max_length=63, description="One word on why it waits or how it ended."
    )
    message: str | None = Field(
        default=None, max_length=1024, description="What Kubernetes said about it."
    )
    exit_code: int | None = Field(default=None, description="The command's exit code.")
    signal: int | None = Field(default=None, description="The signal that ended the command.")
    duration_ms: int | None = Field(
        default=None, ge=0, description="Milliseconds from the command's start to its end."
    )
    pod: str | None = Field(default=None, max_length=253, description="The pod's name.")
    log: AttemptLog | None = Field(
        default=None, description="Where its log lies; set once it is shipped."
    )


class ExecutionStatus(Model):
    """What became of the execution so far; written by the operator alone."""

    state: ExecutionState | None = Field(
        default=None,
        strict=False,
        description=("Pending, Queued, Running, Succeeded, Failed, Cancelled, Missed or Skipped."),
    )
    reason: str | None = Field(
        default=None, max_length=63, description="One word on why it is in this state."
    )
    message: str | None = Field(
        default=None, max_length=1024, description="A sentence on why it is in this state."
    )
    blocked_by: str | None = Field(
        default=None, max_length=253, description="The execution that stood in its way."
    )
    attempts: Annotated[tuple[Attempt, ...], Field(strict=False, max_length=100)] = Field(
        default=(),
        description="Its attempts, oldest first.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["number"],
        },
    )
    attempt_count: int = Field(default=0, ge=0, description="How many attempts were begun.")
    exit_code: int | None = Field(default=None, description="The newest attempt's exit code.")
    duration: str | None = Field(
        default=None, max_length=32, description="How long the newest attempt's command ran."
    )
    next_attempt_at: Time | None = Field(
        default=None, alias="nextAttemptTime", description="When the next attempt starts."
    )
    completed_at: Time | None = Field(
        default=None, alias="completionTime", description="When the execution ended."
    )
