"""ChronosCalendar: days and hours in which jobs that name it do not start."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chronos_crds.meta import Model

_DAY_PATTERN = r"^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
_LEAP_YEAR = 2024

DayText = Annotated[str, Field(pattern=_DAY_PATTERN, max_length=10)]
ClockText = Annotated[str, Field(pattern=_CLOCK_PATTERN, max_length=5)]


class DayOfWeek(StrEnum):
    """A day of the week."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


_WEEK = tuple(DayOfWeek)


class DayRange(Model):
    """Days from one to another, both included; without a year it comes each year."""

    first: DayText = Field(
        alias="from", description="The first day: 2026-12-23, or 12-23 for each year."
    )
    last: DayText = Field(
        alias="to",
        description="The last day, in the same form; without a year it may lie in the next.",
    )

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if len(self.first) != len(self.last):
            raise PydanticCustomError(
                "range_forms", "gives a year on one side only: give it on both, or on neither"
            )
        _check_day(self.first)
        _check_day(self.last)
        if len(self.first) == 10 and self.last < self.first:
            raise PydanticCustomError("range_backwards", "runs backwards: exchange from and to")
        return self


class WeeklyWindow(Model):
    """Hours of certain days of each week; ``to`` is the first minute after them."""

    days: Annotated[
        tuple[Annotated[DayOfWeek, Field(strict=False)], ...],
        Field(strict=False, min_length=1, max_length=7),
    ] = Field(description="MON to SUN.")
    opens: ClockText = Field(
        default="00:00", alias="from", description="Wall time at which it begins. Default 00:00."
    )
    closes: ClockText = Field(
        default="24:00",
        alias="to",
        description=(
            "Wall time at which it has ended; before from it is that of the next day. "
            "Default 24:00."
        ),
    )

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.opens in (self.closes, "24:00"):
            raise PydanticCustomError(
                "window_empty",
                "holds no time: let to differ from from, and from begin before 24:00",
            )
        return self


class ChronosCalendarSpec(Model):
    """The days and hours; a moment that lies in any of them is excluded."""

    description: str = Field(
        default="", max_length=1024, description="A sentence for people. Default empty."
    )
    time_zone: str = Field(
        default="Etc/UTC",
        min_length=1,
        max_length=64,
        description="The IANA time zone of the days and hours. Default Etc/UTC.",
    )
    dates: Annotated[tuple[DayText, ...], Field(strict=False, max_length=256)] = Field(
        default=(), description="Days: 2026-12-25, or 12-25 for each year."
    )
    ranges: Annotated[tuple[DayRange, ...], Field(strict=False, max_length=200)] = Field(
        default=(), description="Days from one to another, both included."
    )
    weekly: Annotated[tuple[WeeklyWindow, ...], Field(strict=False, max_length=100)] = Field(
        default=(), description="Hours of certain days of each week."
    )

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if not (self.dates or self.ranges or self.weekly):
            raise PydanticCustomError(
                "calendar_empty",
                "excludes no time: give at least one of dates, ranges, or weekly",
            )
        for text in self.dates:
            _check_day(text)
        return self


def _check_day(text: str) -> None:
    try:
        date.fromisoformat(text if len(text) == 10 else f"{_LEAP_YEAR}-{text}")
    except ValueError as error:
        raise PydanticCustomError(
            "no_such_day",
            "names {day}, which does not exist: check the month's length",
            {"day": text},
        ) from error


def is_excluded(calendar: ChronosCalendarSpec, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the moment (aware) lies in the calendar, read in ``zone``, the calendar's own."""
    local = moment.astimezone(zone)
    return _is_day_excluded(calendar, local.date()) or any(
        _is_in_window(window, local) for window in calendar.weekly
    )


@lru_cache(maxsize=4096)
def _is_day_excluded(calendar: ChronosCalendarSpec, day: date) -> bool:
    full, short = day.isoformat(), day.isoformat()[5:]
    return any(text in (full, short) for text in calendar.dates) or any(
        _is_in_range(known, full, short) for known in calendar.ranges
    )


def _is_in_range(known: DayRange, full: str, short: str) -> bool:
    text = full if len(known.first) == 10 else short
    if known.first <= known.last:
        return known.first <= text <= known.last
    return text >= known.first or text <= known.last


def _is_in_window(window: WeeklyWindow, local: datetime) -> bool:
    clock = local.strftime("%H:%M")
    today = _WEEK[local.weekday()] in window.days
    if window.opens < window.closes:
        return today and window.opens <= clock < window.closes
    yesterday = _WEEK[(local - timedelta(days=1)).weekday()] in window.days
    return (today and clock >= window.opens) or (yesterday and clock < window.closes)
