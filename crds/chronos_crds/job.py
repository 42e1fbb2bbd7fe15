"""ChronosJob: what to run and when, and what Chronos says about it.

Every field's description is what ``kubectl explain`` prints. A field is here only when it works.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chronos_crds.conditions import Condition
from chronos_crds.ledger import LedgerLine
from chronos_crds.meta import Model, ReachableTime, Time
from chronos_crds.schedule import Schedule
from chronos_crds.workload import Workload


class Retry(Model):
    """What happens after an attempt has failed."""

    max_attempts: int = Field(
        default=1,
        ge=1,
        le=100,
        description="How many attempts one execution may have, the first included. Default 1.",
    )
    initial_seconds: int = Field(
        default=10,
        ge=0,
        le=86400,
        description="Seconds from the end of a failed attempt to the next. Default 10.",
    )
    factor: float = Field(
        default=1.0,
        ge=1.0,
        le=10.0,
        description="Each further delay is the one before times this; 1 keeps it fixed. Default 1.",
    )
    max_seconds: int = Field(
        default=3600, ge=1, le=86400, description="No delay is longer than this. Default 3600."
    )


class History(Model):
    """How many ended executions stay in the cluster, with their kube jobs and pods."""

    successful: int = Field(
        default=30,
        ge=0,
        le=1000,
        description="Succeeded executions kept, newest first. Default 30.",
    )
    failed: int = Field(
        default=30,
        ge=0,
        le=1000,
        description="Failed and cancelled executions kept, newest first. Default 30.",
    )


class MissedPolicy(StrEnum):
    """Which of the seconds that a late operator finds it makes up."""

    LATEST = "Latest"
    ALL = "All"
    NONE = "None"


class MissedRuns(Model):
    """What is made up of the scheduled seconds that passed while nothing could be started."""

    policy: MissedPolicy = Field(
        default=MissedPolicy.LATEST,
        strict=False,
        description=(
            "Latest starts the newest of them, unless a newer one is on time, All the newest up to "
            "limit, oldest first, None none; the others are recorded as missed. A second counts "
            "among them when it was not started within 10 s. Default Latest."
        ),
    )
    limit: int = Field(
        default=100, ge=1, le=1000, description="The most that All makes up. Default 100."
    )


class ConcurrencyPolicy(StrEnum):
    """What happens to a run that is due while others of the job are active."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"
    QUEUE = "Queue"


class Concurrency(Model):
    """How many executions of the job may be active at a time, and what becomes of more."""

    policy: ConcurrencyPolicy = Field(
        default=ConcurrencyPolicy.ALLOW,
        strict=False,
        description=(
            "Allow starts each; Forbid skips one that is due while limit are active; Replace "
            "cancels the oldest and starts it when that has ended; Queue lets it wait its turn, "
            "first in, first out. Default Allow."
        ),
    )
    limit: int = Field(
        default=1,
        ge=1,
        le=1000,
        description=(
            "How many may be active under Forbid, Replace and Queue; Allow has no limit. Default 1."
        ),
    )
    queue_limit: int = Field(
        default=100,
        ge=1,
        le=1000,
        description="How many may wait under Queue; one more is skipped. Default 100.",
    )

    @model_validator(mode="after")
    def _limits_what_has_a_limit(self) -> Self:
        if self.policy is ConcurrencyPolicy.ALLOW and self.limit != 1:
            raise PydanticCustomError(
                "concurrency_limit",
                "gives a limit under policy Allow, which has none: choose Forbid, Replace or Queue",
            )
        return self


class ResumePolicy(StrEnum):
    """What becomes of the scheduled seconds of a pause when it ends."""

    SKIP = "Skip"
    CATCH_UP = "CatchUp"


class ChronosJobSpec(Model):
    """What to run and when; a change takes effect at once and never starts a run by itself."""

    description: str = Field(
        default="", max_length=1024, description="A sentence for people. Default empty."
    )
    suspend: bool = Field(
        default=False,
        description=(
            "While true nothing is started; scheduled seconds that pass are recorded as suspended. "
            "Executions that run go on; retries that wait do not start. Default false."
        ),
    )
    paused_until: ReachableTime | None = Field(
        default=None,
        alias="pausedUntil",
        description="Paused as by suspend until then; resumes by itself. Default not.",
    )
    on_resume: ResumePolicy = Field(
        default=ResumePolicy.SKIP,
        strict=False,
        description=(
            "What becomes of the scheduled seconds of a pause when it ends: Skip leaves them out, "
            "CatchUp treats them as missedRuns says. Default Skip."
        ),
    )
    pause_note: str = Field(
        default="",
        max_length=1024,
        description="Why the job was paused or resumed last. Default empty.",
    )
    schedule: Schedule = Field(description="When the job runs.")
    missed_runs: MissedRuns = Field(
        default=MissedRuns(),
        description="What is made up of the seconds that passed while nothing could be started.",
    )
    starting_deadline_seconds: int | None = Field(
        default=None,
        ge=1,
        le=31_622_400,
        description=(
            "What was not started so many seconds after it was due is missed, also in the queue. "
            "Default no deadline."
        ),
    )
    concurrency: Concurrency = Field(
        default=Concurrency(),
        description="How many executions may be active at a time, and what becomes of more.",
    )
    workload: Workload = Field(description="What the job runs.")
    retry: Retry = Field(default=Retry(), description="What happens after a failed attempt.")
    history: History = Field(
        default=History(), description="How many ended executions stay in the cluster."
    )


class JobState(StrEnum):
    """The one-word state of a job."""

    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    PAUSED = "Paused"
    COMPLETED = "Completed"
    INVALID = "Invalid"


class ChronosJobStatus(Model):
    """What Chronos has seen and done; written by the operator alone."""

    state: JobState | None = Field(
        default=None,
        strict=False,
        description="Scheduled, Running, Paused, Completed or Invalid.",
    )
    schedule: str | None = Field(
        default=None, max_length=512, description="The schedule in one line, for the table."
    )
    observed_generation: int = Field(
        default=0, ge=0, description="The metadata.generation that this status speaks of."
    )
    observed_schedule: Schedule | None = Field(
        default=None,
        description="The schedule that cursorTime belongs to; an edit of it is told by it.",
    )
    cursor_at: Time | None = Field(
        default=None,
        alias="cursorTime",
        description="Every scheduled second up to this one is accounted for.",
    )
    next_at: Time | None = Field(
        default=None,
        alias="nextTime",
        description="The next scheduled second that no calendar excludes.",
    )
    last_at: Time | None = Field(
        default=None, alias="lastTime", description="The scheduled second of the newest execution."
    )
    last_result: str | None = Field(
        default=None, max_length=64, description="How the newest ended execution ended."
    )
    active: int = Field(default=0, ge=0, description="Executions that have not ended.")
    queued: int = Field(default=0, ge=0, description="Of those, how many wait for their turn.")
    started: int = Field(default=0, ge=0, description="Scheduled seconds that were started.")
    late: int = Field(
        default=0, ge=0, description="Of those started, how many more than 1 s after their second."
    )
    missed: int = Field(
        default=0, ge=0, description="Scheduled seconds that passed and were never started."
    )
    skipped: int = Field(
        default=0, ge=0, description="Scheduled seconds not started by rule, such as suspend."
    )
    ledger: Annotated[tuple[LedgerLine, ...], Field(strict=False, max_length=256)] = Field(
        default=(),
        description="What became of the scheduled seconds in (ledgerFrom, cursorTime].",
    )
    ledger_from: Time | None = Field(
        default=None,
        alias="ledgerFrom",
        description="The ledger up to here lies in the archive.",
    )
    conditions: Annotated[tuple[Condition, ...], Field(strict=False, max_length=16)] = Field(
        default=(),
        description="Observations with reasons: Valid.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
