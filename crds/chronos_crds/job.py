"""ChronosJob: what to run and when.

Every field's description is what ``kubectl explain`` prints. A field is here only when it works.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chronos_crds.conditions import Condition
from chronos_crds.meta import Model, Time

ENV_NAME_PATTERN = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"

CronText = Annotated[str, Field(min_length=1, max_length=256)]
Argument = Annotated[str, Field(max_length=32768)]
Quantity = Annotated[str, Field(pattern=QUANTITY_PATTERN, max_length=32)]


class Schedule(Model):
    """When the job runs: the union of all given here; at least one of cron, at, immediate."""

    cron: (
        Annotated[tuple[CronText, ...], Field(strict=False, min_length=1, max_length=32)] | None
    ) = Field(
        default=None,
        description=(
            "Cron expressions; several form a union. Five fields (minute, hour, day of month, "
            "month, day of week), six with seconds first, seven with seconds first and the year "
            "last, or one of @yearly, @monthly, @weekly, @daily, @hourly. "
            "Example: '0 30 2 * * MON-FRI' is 02:30:00 on weekdays."
        ),
    )
    at: Annotated[tuple[Time, ...], Field(strict=False, min_length=1, max_length=100)] | None = (
        Field(
            default=None,
            description=(
                "One-time runs: RFC 3339 times with an offset, whole seconds, in the future when "
                "they are stored. Example: '2026-03-28T09:30:00+01:00'."
            ),
        )
    )
    immediate: bool = Field(
        default=False, description="Run once, as soon as the job is stored. Default false."
    )
    time_zone: str = Field(
        default="Etc/UTC",
        min_length=1,
        max_length=64,
        description=(
            "The IANA time zone in which cron expressions are read, such as Europe/Berlin. A wall "
            "time that a daylight saving change skips runs once, at the end of the gap; one that "
            "occurs twice runs once, on the first pass; expressions with * or a step in the hour "
            "follow real time. Default Etc/UTC."
        ),
    )

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if not (self.cron or self.at or self.immediate):
            raise PydanticCustomError(
                "schedule_empty", "says no time: give at least one of cron, at, or immediate: true"
            )
        return self

    @model_validator(mode="after")
    def _has_whole_seconds(self) -> Self:
        if any(moment.microsecond for moment in self.at or ()):
            raise PydanticCustomError(
                "at_fraction", "times in at must be whole seconds: leave the fraction out"
            )
        return self


class EnvVar(Model):
    """One environment variable with a literal value; never put a secret here."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=ENV_NAME_PATTERN,
        description="The variable's name. Names that begin with CHRONOS_ are set by Chronos.",
    )
    value: str = Field(
        default="", max_length=32768, description="Its value, stored as plain text. Default empty."
    )


class ResourceAmounts(Model):
    """Amounts of cpu and memory, as Kubernetes quantities."""

    cpu: Quantity | None = Field(default=None, description="Cores, such as 500m or 2.")
    memory: Quantity | None = Field(default=None, description="Bytes, such as 128Mi or 1Gi.")


class Resources(Model):
    """What the container is promised (requests) and the most it may take (limits)."""

    requests: ResourceAmounts = Field(
        default=ResourceAmounts(cpu="10m", memory="32Mi"),
        description="What the scheduler keeps free for the pod. Default cpu 10m, memory 32Mi.",
    )
    limits: ResourceAmounts = Field(
        default=ResourceAmounts(),
        description=(
            "The most the container may take: cpu beyond it is throttled, memory beyond it ends "
            "the attempt as OutOfMemory. Default none."
        ),
    )


class Container(Model):
    """One container, run to its end in a pod of its own, without rights in the cluster."""

    image: str = Field(
        min_length=1,
        max_length=512,
        pattern=r"^\S+$",
        description="The image to run, such as docker.io/library/busybox:1.35.",
    )
    command: (
        Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=256)] | None
    ) = Field(
        default=None,
        description="The program and first arguments; no shell reads it. Default: the image's.",
    )
    args: (
        Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=256)] | None
    ) = Field(default=None, description="Arguments behind the command. Default: the image's.")
    env: Annotated[tuple[EnvVar, ...], Field(strict=False, max_length=256)] = Field(
        default=(),
        description=(
            "Environment variables. Chronos adds CHRONOS_JOB, CHRONOS_EXECUTION_ID, "
            "CHRONOS_ATTEMPT, CHRONOS_SCHEDULED_TIME and CHRONOS_IDEMPOTENCY_KEY."
        ),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    resources: Resources = Field(
        default=Resources(), description="Requests and limits of cpu and memory."
    )
    run_as_user: int = Field(
        default=65532,
        ge=1,
        le=2147483647,
        description="The numeric user the command runs as; never root. Default 65532.",
    )

    @model_validator(mode="after")
    def _has_unique_env(self) -> Self:
        names = [variable.name for variable in self.env]
        if len(set(names)) != len(names):
            raise PydanticCustomError(
                "env_duplicate", "names a variable twice in env: keep one of each name"
            )
        return self


class WorkloadType(StrEnum):
    """What kind of work an attempt is."""

    CONTAINER = "container"


class Workload(Model):
    """What to run: its type, and the part that is named like the type."""

    type: WorkloadType = Field(
        default=WorkloadType.CONTAINER,
        strict=False,
        description="The kind of work: container. Default container.",
    )
    container: Container | None = Field(
        default=None, description="The container to run; required where type is container."
    )

    @model_validator(mode="after")
    def _has_its_part(self) -> Self:
        if self.type is WorkloadType.CONTAINER and self.container is None:
            raise PydanticCustomError(
                "workload_part", "has type container but no container: add container.image"
            )
        return self


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


class ChronosJobSpec(Model):
    """What to run and when; a change takes effect at once and never starts a run by itself."""

    description: str = Field(
        default="", max_length=1024, description="A sentence for people. Default empty."
    )
    suspend: bool = Field(
        default=False,
        description=(
            "While true nothing is started; scheduled seconds that pass are skipped, not made up. "
            "Executions that run go on; retries that wait do not start. Default false."
        ),
    )
    schedule: Schedule = Field(description="When the job runs.")
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
    schedule_digest: str | None = Field(
        default=None,
        max_length=64,
        description="A digest of the schedule that cursorTime belongs to; tells an edit of it.",
    )
    cursor_at: Time | None = Field(
        default=None,
        alias="cursorTime",
        description="Every scheduled second up to this one is accounted for.",
    )
    next_at: Time | None = Field(
        default=None, alias="nextTime", description="The next scheduled second."
    )
    last_at: Time | None = Field(
        default=None, alias="lastTime", description="The scheduled second of the newest execution."
    )
    last_result: str | None = Field(
        default=None, max_length=64, description="How the newest ended execution ended."
    )
    active: int = Field(default=0, ge=0, description="Executions that have not ended.")
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
    conditions: Annotated[tuple[Condition, ...], Field(strict=False, max_length=16)] = Field(
        default=(),
        description="Observations with reasons: Valid.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
