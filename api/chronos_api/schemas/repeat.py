"""Schedules in plain words, such as weekly on MON at 09:30; stored as cron."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, create_model

from chronos_api.schemas.document import Json
from chronos_crds.calendar import DayOfWeek
from chronos_crds.meta import Model
from chronos_crds.schedule import Schedule
from chronos_crds.validation import InvalidInput, Problem

EXAMPLE_REPEAT: Json = {
    "repeat": "weekly",
    "on": ["MON"],
    "at": "09:30",
    "timeZone": "Europe/Berlin",
}
# The words say these; each of them beside the words would be a second schedule.
_TIMES = ("cron", "cronDialect", "everySeconds", "anchorTime", "immediate")
_WORDS = ("repeat", "on", "at")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
_PAST_THE_HOUR = re.compile(r":([0-5][0-9])(?::([0-5][0-9]))?", re.ASCII)
_DAY_OF_YEAR = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)
_LEAP_YEAR = 2024
_LAST = "last"
_WEEK = {
    "MONDAY": DayOfWeek.MON,
    "TUESDAY": DayOfWeek.TUE,
    "WEDNESDAY": DayOfWeek.WED,
    "THURSDAY": DayOfWeek.THU,
    "FRIDAY": DayOfWeek.FRI,
    "SATURDAY": DayOfWeek.SAT,
    "SUNDAY": DayOfWeek.SUN,
}


class Repeat(StrEnum):
    """How often."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


class RepeatWords(Model):
    """When, in plain words; it is stored as cron."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_REPEAT]})

    repeat: Repeat = Field(strict=False, description="How often.")
    on: Annotated[tuple[str | int, ...], Field(strict=False, min_length=1, max_length=366)] = Field(
        default=(),
        description=(
            "weekly: MON to SUN; monthly: 1 to 31, or last (a month without that day is left "
            "out); yearly: days such as 12-24. hourly and daily take none."
        ),
    )
    at: str | int | None = Field(
        default=None,
        description="The time of day, 09:30 or 09:30:15; hourly: the minute, 15 or :15 or :15:30.",
    )


def _beside_the_words() -> dict[str, Any]:
    """The fields of a Schedule that the words leave open: zone, window, jitter, calendars."""
    named = {*_TIMES, *_WORDS}
    return {
        name: (info.annotation, info)
        for name, info in Schedule.model_fields.items()
        if (info.alias or name) not in named
    }


# Only to be described: the words are read one by one, so that each mistake has its pointer.
RepeatSchedule = create_model(
    "RepeatSchedule", __base__=RepeatWords, __doc__=RepeatWords.__doc__, **_beside_the_words()
)


def translate_schedule(document: object, *, at: str = "/schedule") -> object:
    """The schedule with plain words turned into cron; whatever holds none comes back as it is.

    Raises InvalidInput where the words do not fit, pointers below ``at``.
    """
    if not isinstance(document, Mapping) or "repeat" not in document:
        return document
    problems: list[Problem] = []

    def refuse(field: str, message: str, remedy: str) -> None:
        problems.append(Problem(f"{at}/{field}", message, remedy))

    for field in _TIMES:
        if field in document:
            refuse(field, "does not go with repeat", "leave out one of the two")
    lines = _translate_words(document, refuse)
    if problems:
        raise InvalidInput(problems)
    rest = {key: value for key, value in document.items() if key not in _WORDS}
    return {"cron": lines, **rest}


Refuse = Callable[[str, str, str], None]


def _translate_words(words: Mapping[str, Any], refuse: Refuse) -> list[str]:
    """The cron expressions; of no use where something was refused."""
    repeat = words["repeat"]
    if not isinstance(repeat, str) or repeat not in tuple(Repeat):
        known = ", ".join(Repeat)
        refuse("repeat", "is not one of the known words", f"use one of {known}")
        return []
    clock = _read_hourly(words, refuse) if repeat == Repeat.HOURLY else _read_clock(words, refuse)
    days = {
        Repeat.HOURLY: _no_days,
        Repeat.DAILY: _no_days,
        Repeat.WEEKLY: _days_of_week,
        Repeat.MONTHLY: _days_of_month,
        Repeat.YEARLY: _days_of_year,
    }[Repeat(repeat)]
    return [f"{clock} {part}" for part in days(words, refuse)]


def _read_hourly(words: Mapping[str, Any], refuse: Refuse) -> str:
    """Seconds, minutes and hours of an expression that fires each hour."""
    given = words.get("at", 0)
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 59:
        return _join_clock("*", given, 0)
    found = _PAST_THE_HOUR.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        refuse("at", "is not a minute of the hour", "write 15, or :15, or :15:30 with seconds")
        return ""
    return _join_clock("*", int(found[1]), int(found[2] or 0))


def _read_clock(words: Mapping[str, Any], refuse: Refuse) -> str:
    """Seconds, minutes and hours of an expression that fires at one time of day."""
    if "at" not in words:
        refuse("at", "is required", "give the time of day, such as 09:30")
        return ""
    found = _CLOCK.fullmatch(words["at"]) if isinstance(words["at"], str) else None
    if found is None:
        refuse("at", "is not a time of day", "write it like 09:30, or 09:30:15 with seconds")
        return ""
    return _join_clock(str(int(found[1])), int(found[2]), int(found[3] or 0))


def _join_clock(hour: str, minute: int, second: int) -> str:
    return f"{second} {minute} {hour}" if second else f"{minute} {hour}"


def _no_days(words: Mapping[str, Any], refuse: Refuse) -> list[str]:
    if "on" in words:
        refuse("on", f"does not go with {words['repeat']}", "leave it out, or say weekly")
    return ["* * *"]


def _days_of_week(words: Mapping[str, Any], refuse: Refuse) -> list[str]:
    chosen = set()
    for index, given in _each_day(words, refuse, "the weekdays, such as MON"):
        day = _weekday(given)
        if day is None:
            refuse(f"on/{index}", "is not a day of the week", f"use {', '.join(DayOfWeek)}")
        chosen.add(day)
    return [f"* * {','.join(day for day in DayOfWeek if day in chosen)}"]


def _weekday(given: object) -> DayOfWeek | None:
    word = given.upper() if isinstance(given, str) else ""
    return DayOfWeek(word) if word in tuple(DayOfWeek) else _WEEK.get(word)


def _days_of_month(words: Mapping[str, Any], refuse: Refuse) -> list[str]:
    numbers, is_last = set(), False
    for index, given in _each_day(words, refuse, "the days of the month, such as 1 or last"):
        if given == _LAST:
            is_last = True
        elif isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 31:
            numbers.add(given)
        else:
            refuse(f"on/{index}", "is not a day of the month", "use a number from 1 to 31, or last")
    parts = [str(number) for number in sorted(numbers)] + (["L"] if is_last else [])
    return [f"{','.join(parts)} * *"]


def _days_of_year(words: Mapping[str, Any], refuse: Refuse) -> list[str]:
    by_month: dict[int, set[int]] = {}
    for index, given in _each_day(words, refuse, "the days of the year, such as 12-24"):
        found = _DAY_OF_YEAR.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            remedy = "write month and day, such as 12-24 for the 24th of December"
            refuse(f"on/{index}", "is not a day of the year", remedy)
        elif not _exists(int(found[1]), int(found[2])):
            refuse(f"on/{index}", "does not exist", "check the month's length")
        else:
            by_month.setdefault(int(found[1]), set()).add(int(found[2]))
    return [
        f"{','.join(str(day) for day in sorted(days))} {month} *"
        for month, days in sorted(by_month.items())
    ]


def _exists(month: int, day: int) -> bool:
    try:
        date(_LEAP_YEAR, month, day)
    except ValueError:
        return False
    return True


def _each_day(words: Mapping[str, Any], refuse: Refuse, what: str) -> Iterator[tuple[int, object]]:
    given = words.get("on")
    if given is None or given == []:
        refuse("on", "is required", f"name {what}")
    elif not isinstance(given, list):
        refuse("on", "must be a list", "put it in [ ]")
    elif len(given) > 366:
        refuse("on", "has too many items", "give at most 366")
    else:
        yield from enumerate(given)
