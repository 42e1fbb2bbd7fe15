"""When a job runs.

Every field's description is what ``kubectl explain`` prints.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chronos_crds.meta import Model, ReachableTime
from chronos_crds.naming import CALENDAR_NAME_PATTERN

CronText = Annotated[str, Field(min_length=1, max_length=256)]
CalendarName = Annotated[str, Field(min_length=1, max_length=253, pattern=CALENDAR_NAME_PATTERN)]


class CronDialect(StrEnum):
    """How a cron expression counts weekdays, and which signs it knows."""

    AUTO = "Auto"
    UNIX = "Unix"
    QUARTZ = "Quartz"


class SkippedTime(StrEnum):
    """What becomes of a wall time that a daylight saving change leaves out."""

    RUN_AFTER_GAP = "RunAfterGap"
    SKIP = "Skip"


class RepeatedTime(StrEnum):
    """What becomes of a wall time that a daylight saving change shows twice."""

    FIRST = "First"
    SECOND = "Second"
    BOTH = "Both"


class DaylightSaving(Model):
    """What happens to fixed wall times when the clock is changed.

    The default is the rule of Debian's cron. Expressions with * or a step in the hour are about
    elapsed time and follow real time whatever stands here.
    """

    skipped: SkippedTime = Field(
        default=SkippedTime.RUN_AFTER_GAP,
        strict=False,
        description=(
            "A wall time that does not exist that day: RunAfterGap runs once at the end of the "
            "gap, Skip not at all. Default RunAfterGap."
        ),
    )
    repeated: RepeatedTime = Field(
        default=RepeatedTime.FIRST,
        strict=False,
        description=(
            "A wall time that comes twice that day: run on the First pass, the Second, or Both. "
            "Default First."
        ),
    )


class Schedule(Model):
    """When the job runs: the union of cron, everySeconds, at and immediate; at least one."""

    cron: (
        Annotated[tuple[CronText, ...], Field(strict=False, min_length=1, max_length=32)] | None
    ) = Field(
        default=None,
        description=(
            "Cron expressions; several form a union. Five fields (minute, hour, day of month, "
            "month, day of week), six with seconds first, seven with seconds first and the year "
            "last, one of @yearly, @monthly, @weekly, @daily, @hourly, or @every 90s. Days may be "
            "L, LW, L-3, 15W, weekdays 6L, 6#3; H stands for a value that differs from job to "
            "job. Example: '0 30 2 * * MON-FRI' is 02:30:00 on weekdays."
        ),
    )
    cron_dialect: CronDialect = Field(
        default=CronDialect.AUTO,
        strict=False,
        description=(
            "How cron is read: Unix counts weekdays from 0 = Sunday, Quartz from 1 = Sunday. Auto "
            "is Quartz where a ? or seven fields stand, else Unix. Default Auto."
        ),
    )
    every_seconds: int | None = Field(
        default=None,
        ge=1,
        le=31_622_400,
        description="Run each time so many seconds have passed since anchorTime, without drift.",
    )
    anchor_at: ReachableTime | None = Field(
        default=None,
        alias="anchorTime",
        description=(
            "What everySeconds and @every count from. Default startTime, else the job's creation."
        ),
    )
    at: (
        Annotated[tuple[ReachableTime, ...], Field(strict=False, min_length=1, max_length=100)]
        | None
    ) = Field(
        default=None,
        description=(
            "One-time runs: RFC 3339 times with an offset, whole seconds, in the future when "
            "they are stored. Example: '2026-03-28T09:30:00+01:00'."
        ),
    )
    immediate: bool = Field(
        default=False, description="Run once, as soon as the job is stored. Default false."
    )
    time_zone: str = Field(
        default="Etc/UTC",
        min_length=1,
        max_length=64,
        description=(
            "The IANA time zone in which cron expressions are read, such as Europe/Berlin. "
            "Default Etc/UTC."
        ),
    )
    start_at: ReachableTime | None = Field(
        default=None,
        alias="startTime",
        description="No scheduled second lies before this. Default none.",
    )
    end_at: ReachableTime | None = Field(
        default=None,
        alias="endTime",
        description="No scheduled second lies after this. Default none.",
    )
    max_runs: int | None = Field(
        default=None,
        ge=1,
        le=2_147_483_647,
        description=(
            "How many scheduled seconds are started in all; after the last the job is Completed. "
            "What is skipped or missed does not count. Default no limit."
        ),
    )
    jitter_seconds: int = Field(
        default=0,
        ge=0,
        le=86_400,
        description=(
            "Start up to so many seconds later, but before the next scheduled second; the same "
            "for the same job and second. Default 0."
        ),
    )
    daylight_saving: DaylightSaving = Field(
        default=DaylightSaving(),
        description="What happens to fixed wall times when the clock is changed.",
    )
    exclude_calendars: Annotated[tuple[CalendarName, ...], Field(strict=False, max_length=16)] = (
        Field(
            default=(),
            description=(
                "ChronosCalendars of this namespace; a scheduled second that lies in one of them is"
                " skipped, and recorded with the calendar's name."
            ),
        )
    )

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if not (self.cron or self.every_seconds or self.at or self.immediate):
            raise PydanticCustomError(
                "schedule_empty",
                "says no time: give at least one of cron, everySeconds, at, or immediate: true",
            )
        return self

    @model_validator(mode="after")
    def _has_whole_seconds(self) -> Self:
        if any(moment.microsecond for moment in self.at or ()):
            raise PydanticCustomError(
                "at_fraction", "times in at must be whole seconds: leave the fraction out"
            )
        if self.anchor_at is not None and self.anchor_at.microsecond:
            raise PydanticCustomError(
                "anchor_fraction", "anchorTime must be a whole second: leave the fraction out"
            )
        return self
