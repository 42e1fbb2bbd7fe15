"""ChronosExecution: one execution of a job at one scheduled second."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chronos_crds.job import Retry, Workload
from chronos_crds.meta import Model, Time


class JobRef(Model):
    """The job an execution belongs to; the UID tells it from a later job of the same name."""

    name: str = Field(min_length=1, max_length=46, description="The ChronosJob's name.")
    uid: str = Field(min_length=1, max_length=64, description="The ChronosJob's metadata.uid.")


class Trigger(StrEnum):
    """What asked for an execution."""

    SCHEDULE = "Schedule"
    IMMEDIATE = "Immediate"


class ExecutionSpec(Model):
    """What is run, as the job said it when the second was due."""

    job_ref: JobRef = Field(description="The job this is an execution of.")
    scheduled_at: Time = Field(
        alias="scheduledTime", description="The second it is for; it never starts earlier."
    )
    trigger: Trigger = Field(strict=False, description="What asked for it: Schedule or Immediate.")
    workload: Workload = Field(description="What is run.")
    retry: Retry = Field(default=Retry(), description="What happens after a failed attempt.")


class ExecutionState(StrEnum):
    """The one-word state of an execution."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def is_final(self) -> bool:
        """Whether an execution in this state never changes again."""
        return self not in (ExecutionState.PENDING, ExecutionState.RUNNING)


class Outcome(StrEnum):
    """What became of an attempt."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    OUT_OF_MEMORY = "OutOfMemory"
    EVICTED = "Evicted"
    NODE_LOST = "NodeLost"
    DENIED = "Denied"
    DELETED = "Deleted"


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
        description="Pending, Running, Succeeded, Failed or Cancelled.",
    )
    reason: str | None = Field(
        default=None, max_length=63, description="One word on why it is in this state."
    )
    message: str | None = Field(
        default=None, max_length=1024, description="A sentence on why it is in this state."
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
