"""Cron expressions: their dialects, checked with the position of a mistake.

Everything here is about naive wall-clock time; ``walltime.py`` walks it and ``timetable.py`` maps
it to UTC.
"""

from __future__ import annotations

import difflib
import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from chronos_crds.days import DayRule
from chronos_crds.field import (
    FIRST_YEAR,
    LAST_YEAR,
    QUARTZ,
    UNIX,
    WEEKDAYS,
    CronError,
    Field,
    FieldValue,
    read_field,
)
from chronos_crds.interval import MACRO, Interval, is_interval, parse_interval
from chronos_crds.schedule import CronDialect

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "MACROS",
    "MAX_LENGTH",
    "CronError",
    "CronExpression",
    "is_hashed",
    "parse_cron",
    "parse_entry",
    "read_fields",
]

MAX_LENGTH = 256

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_COUNTS = (
    "write five (minute hour day-of-month month day-of-week), six (seconds first) or seven "
    "(seconds first, year last), such as '30 2 * * MON-FRI'"
)
_YEARS = re.compile(r"(?:19[7-9][0-9]|20[0-9]{2})(?:[-,/][0-9]{1,4})*")


@dataclass(frozen=True, eq=False)
class CronExpression:
    """An expression as ordered numbers; compared by identity, because each is made only once."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: DayRule
    months: tuple[int, ...]
    # None: any year.
    years: tuple[int, ...] | None
    # Whether the hour is a * or has a step: such schedules are about elapsed time, not about a
    # wall time, and go on in real time through daylight saving changes (Debian cron's rule).
    follows_real_time: bool
    # What was worked out of the days, by (weekday of the first, length); at most 28 entries.
    _months_seen: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict, repr=False)

    def days_in(self, year: int, month: int) -> tuple[int, ...]:
        """The days of that month on which it fires, in order."""
        if month not in self.months or (self.years is not None and year not in self.years):
            return ()
        shape = _shape_of(year, month)
        found = self._months_seen.get(shape)
        if found is None:
            found = self._months_seen[shape] = self.days.days_in(*shape)
        return found


@lru_cache(maxsize=2048)
def _shape_of(year: int, month: int) -> tuple[int, int]:
    """The weekday of a month's first day (0 = Sunday) and its length."""
    weekday, length = monthrange(year, month)
    return (weekday + 1) % 7, length


def parse_entry(
    text: str, *, dialect: CronDialect = CronDialect.AUTO, uid: str = ""
) -> CronExpression | Interval:
    """One entry of ``schedule.cron``: an expression, or ``@every`` and a duration.

    Raises CronError with the position of the mistake and what to write instead.
    """
    _check_length(text)
    return parse_interval(text) if is_interval(text) else parse_cron(text, dialect=dialect, uid=uid)


def parse_cron(
    text: str, *, dialect: CronDialect = CronDialect.AUTO, uid: str = ""
) -> CronExpression:
    """Reads an expression of five, six or seven fields or a macro; H picks by the job's UID.

    Raises CronError with the position of the mistake and what to write instead.
    """
    _check_length(text)
    reading = _read(text, dialect)
    return reading.expression or _pick(reading, uid)


def read_fields(text: str, *, dialect: CronDialect = CronDialect.AUTO) -> tuple[FieldValue, ...]:
    """The seven fields, second to year, as they are written; raises CronError."""
    _check_length(text)
    return _read(text, dialect).values


def is_hashed(text: str, *, dialect: CronDialect = CronDialect.AUTO) -> bool:
    """Whether an entry has an H, so that it is another one for each job; raises CronError."""
    if is_interval(text):
        return False
    return any(value.spans for value in read_fields(text, dialect=dialect))


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise CronError(
            f"has {len(text)} characters", position=MAX_LENGTH, remedy=f"at most {MAX_LENGTH}"
        )


@dataclass(frozen=True, eq=False)
class _Reading:
    """A text and its fields; with H it is another expression for each job, and none of its own."""

    text: str
    values: tuple[FieldValue, ...]
    expression: CronExpression | None


@lru_cache(maxsize=8192)
def _read(text: str, dialect: CronDialect) -> _Reading:
    expanded = _expand_macro(text)
    tokens = [(match.group(), match.start()) for match in re.finditer(r"\S+", expanded)]
    if len(tokens) not in (5, 6, 7):
        raise CronError(f"has {len(tokens)} fields", position=len(text), remedy=_COUNTS)
    layout = _layout_of([token for token, _ in tokens], text, dialect)
    _check_question_marks(tokens, dialect)
    _check_year_last(tokens)
    values = _read_all(tokens, layout)
    if layout is QUARTZ:
        _check_one_day(values, tokens)
    _check_it_fires(values)
    is_hashed = any(value.spans for value in values)
    numbers = tuple(value.numbers for value in values)
    return _Reading(text, values, None if is_hashed else _build(text, values, numbers))


@lru_cache(maxsize=8192)
def _pick(reading: _Reading, uid: str) -> CronExpression:
    return _build_picked(reading, tuple(value.numbers_of(uid) for value in reading.values))


@lru_cache(maxsize=8192)
def _build_picked(reading: _Reading, numbers: tuple[frozenset[int], ...]) -> CronExpression:
    """One expression for all jobs that picked the same: of H * * * * there are only sixty."""
    return _build(reading.text, reading.values, numbers)


def _expand_macro(text: str) -> str:
    word = text.strip()
    if not word.startswith("@"):
        return text
    macro = MACROS.get(word.lower())
    if macro is None:
        known = [*sorted(MACROS), f"{MACRO} 90s"]
        close = difflib.get_close_matches(word.lower(), sorted(MACROS), n=1, cutoff=0.75)
        raise CronError(
            f"{word!r} is not a known macro"
            if not is_interval(text)
            else f"{MACRO} is an interval, not a cron expression",
            position=text.index("@"),
            remedy=f"did you mean {close[0]}?" if close else f"use one of {' '.join(known)}",
        )
    return macro


def _layout_of(tokens: list[str], text: str, dialect: CronDialect) -> tuple[Field, ...]:
    """The fields that the tokens fill; Quartz has no form with five of them."""
    is_macro = text.strip().startswith("@")
    if dialect is CronDialect.QUARTZ and len(tokens) == 5 and not is_macro:
        raise CronError(
            "has 5 fields, which is Unix cron",
            position=len(text),
            remedy="under cronDialect: Quartz put the second first and a ? in one of the days, "
            "such as '0 30 2 ? * MON-FRI', or leave cronDialect out",
        )
    if len(tokens) == 5 or dialect is CronDialect.UNIX:
        return UNIX
    if dialect is CronDialect.QUARTZ or len(tokens) == 7 or "?" in text:
        return QUARTZ
    return UNIX


def _check_question_marks(tokens: list[tuple[str, int]], dialect: CronDialect) -> None:
    for token, position in tokens if dialect is CronDialect.UNIX else ():
        if "?" in token:
            raise CronError(
                "'?' is Quartz, not Unix cron",
                position=position + token.index("?"),
                remedy="write *, or cronDialect: Quartz with the second as first field",
            )


def _check_year_last(tokens: list[tuple[str, int]]) -> None:
    """A year where the weekday stands: many write the year as the sixth field, or the fifth."""
    token, position = tokens[-1]
    if len(tokens) == 7 or not _YEARS.fullmatch(token):
        return
    texts = [text for text, _ in tokens]
    if len(tokens) == 6:
        weekday = re.sub(r"(?<![#/0-9])[0-7](?![0-9])", _weekday_name, texts[4])
        meant = " ".join(["0", *texts[:4], weekday, token])
    else:
        meant = " ".join(["0", *texts[:4], "?", token])
    both = len(tokens) == 6 and not {"*", "?"} & {texts[2], texts[4]}
    raise CronError(
        f"{token!r} in the day of week looks like a year",
        position=position,
        remedy=f"a year is the seventh field, and six fields mean seconds first: write '{meant}'"
        + (" with cronDialect: Unix" if both else ""),
    )


def _weekday_name(found: re.Match[str]) -> str:
    return WEEKDAYS[int(found.group()) % 7]


def _read_all(tokens: list[tuple[str, int]], layout: tuple[Field, ...]) -> tuple[FieldValue, ...]:
    """All seven fields; what is not written is second 0 of any year."""
    known = [("0", 0)] * (len(tokens) == 5) + tokens + [("*", 0)] * (len(tokens) < 7)
    values = []
    for (token, position), place in zip(known, layout, strict=True):
        try:
            values.append(read_field(token, place))
        except CronError as error:
            raise error.moved(position) from None
    return tuple(values)


def _check_one_day(values: tuple[FieldValue, ...], tokens: list[tuple[str, int]]) -> None:
    day, weekday = values[3], values[5]
    if not (day.is_free or weekday.is_free):
        raise CronError(
            "restricts the day of month and the day of week, which Quartz cannot",
            position=tokens[3][1],
            remedy="put ? in one of the two, or write cronDialect: Unix, where either is enough",
        )


def _check_it_fires(values: tuple[FieldValue, ...]) -> None:
    """Raises CronError where there is no such day; with H, where any job's pick has none."""
    for months in _possible_months(values[4]):
        if not any(_days_of(values).days_in(*shape) for shape in _shapes(months, values[6])):
            raise CronError(
                "can never fire: no such day exists"
                if not values[3].spans and not values[4].spans
                else "can never fire for some jobs: H may pick a day that does not exist",
                position=0,
                remedy="check the day of month against the month (and the year)",
            )


def _possible_months(month: FieldValue) -> Iterator[frozenset[int]]:
    """The sets of months that some job may get."""
    if not month.spans:
        yield month.numbers
    for span in month.spans[:1]:
        for number in range(span.size):
            yield month.numbers.union(span.choice(number))


def _days_of(values: tuple[FieldValue, ...]) -> DayRule:
    """The rule of days for the job that has the worst luck with H: the latest day of the month."""
    day, weekday = values[3], values[5]
    latest = [span.choice(span.size - 1) for span in day.spans]
    return _day_rule(day, weekday, day.numbers.union(*latest), weekday.numbers_of(""))


def _shapes(months: Iterable[int], year: FieldValue) -> Iterator[tuple[int, int]]:
    """The different months, by the weekday of their first day and their length."""
    # 28 years hold every combination of leap year and weekday between 1901 and 2099.
    years = range(2000, 2028) if year.is_free else sorted(year.numbers)
    seen: set[tuple[int, int]] = set()
    for number in years:
        for month in months:
            shape = _shape_of(number, month)
            if shape not in seen:
                seen.add(shape)
                yield shape


def _build(
    text: str, values: tuple[FieldValue, ...], numbers: tuple[frozenset[int], ...]
) -> CronExpression:
    hour, day, weekday, year = values[2], values[3], values[5], values[6]
    return CronExpression(
        text=text,
        seconds=tuple(sorted(numbers[0])),
        minutes=tuple(sorted(numbers[1])),
        hours=tuple(sorted(numbers[2])),
        days=_day_rule(day, weekday, numbers[3], numbers[5]),
        months=tuple(sorted(numbers[4])),
        years=None if year.is_free else tuple(sorted(numbers[6])),
        follows_real_time="*" in hour.text or "/" in hour.text,
    )


def _day_rule(
    day: FieldValue, weekday: FieldValue, days: frozenset[int], weekdays: frozenset[int]
) -> DayRule:
    return DayRule(
        days=days,
        weekdays=weekdays,
        marks=day.marks,
        weekday_marks=weekday.marks,
        any_day=day.is_free,
        any_weekday=weekday.is_free,
    )
