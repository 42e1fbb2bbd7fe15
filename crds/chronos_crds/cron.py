"""Cron expressions: their syntax, checked with the position of a mistake, and their wall times.

Everything here is about naive wall-clock time; ``timetable.py`` maps it to UTC. croniter walks the
calendar; it is handed a canonical expression of plain numbers, because it reads macros, names and
the order of fields differently from what people mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from croniter import CroniterBadDateError, croniter

MAX_LENGTH = 256
FIRST_YEAR = 1970
LAST_YEAR = 2099

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_MONTHS = tuple("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split())
_WEEKDAYS = tuple("SUN MON TUE WED THU FRI SAT".split())
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class CronError(ValueError):
    """An expression that cannot be read or can never fire; ``position`` counts from 0."""

    def __init__(self, message: str, *, position: int, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.remedy = remedy


@dataclass(frozen=True)
class _Field:
    """One place in an expression: its name, its bounds, its words."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    first_word: int = 0


_SECOND = _Field("second", 0, 59)
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS, 1)
_WEEKDAY = _Field("day of week", 0, 7, _WEEKDAYS, 0)
_YEAR = _Field("year", FIRST_YEAR, LAST_YEAR)

_FIVE = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
_LAYOUTS = {5: _FIVE, 6: (_SECOND, *_FIVE), 7: (_SECOND, *_FIVE, _YEAR)}


@dataclass(frozen=True)
class CronExpression:
    """An expression as sets of numbers; weekdays count from 0, Sunday."""

    text: str
    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int] | None
    any_day: bool
    any_weekday: bool
    # Whether the hour is a * or has a step: such schedules are about elapsed time, not about a
    # wall time, and go on in real time through daylight saving changes (Debian cron's rule).
    follows_real_time: bool

    def is_day(self, day: date) -> bool:
        """Whether the expression fires on that calendar day.

        Where both the day of month and the day of week are restricted either one is enough, as
        crontab(5) says.
        """
        if day.month not in self.months or (self.years is not None and day.year not in self.years):
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_month and by_week
        return by_month or by_week

    @property
    def canonical(self) -> str:
        """The expression for croniter: seconds first, numbers only."""
        parts = [
            _join(self.seconds, 60),
            _join(self.minutes, 60),
            _join(self.hours, 24),
            "*" if self.any_day else _join(self.days, 0),
            _join(self.months, 12),
            "*" if self.any_weekday else _join(self.weekdays, 0),
        ]
        if self.years is not None:
            parts.append(_join(self.years, 0))
        return " ".join(parts)


def _join(numbers: frozenset[int], full: int) -> str:
    return "*" if len(numbers) == full else ",".join(str(number) for number in sorted(numbers))


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> CronExpression:
    """Reads an expression of five, six or seven fields or a macro.

    Raises CronError with the position of the mistake and what to write instead.
    """
    if len(text) > MAX_LENGTH:
        raise CronError(
            f"has {len(text)} characters", position=MAX_LENGTH, remedy=f"at most {MAX_LENGTH}"
        )
    expanded = _expand_macro(text)
    tokens = [(match.group(), match.start()) for match in re.finditer(r"\S+", expanded)]
    if len(tokens) not in _LAYOUTS:
        raise CronError(
            f"has {len(tokens)} fields",
            position=len(text),
            remedy=(
                "write five (minute hour day-of-month month day-of-week), six (seconds first) or "
                "seven (seconds first, year last), such as '30 2 * * MON-FRI'"
            ),
        )
    layout = _LAYOUTS[len(tokens)]
    by_name = {
        field.name: (token, _parse_field(token, position, field))
        for field, (token, position) in zip(layout, tokens, strict=True)
    }
    expression = _build(text, by_name)
    _check_it_fires(expression)
    return expression


def _expand_macro(text: str) -> str:
    word = text.strip()
    if not word.startswith("@"):
        return text
    macro = MACROS.get(word.lower())
    if macro is None:
        known = " ".join(sorted(MACROS))
        raise CronError(
            f"{word!r} is not a known macro",
            position=text.index("@"),
            remedy=f"use one of {known}",
        )
    return macro


def _build(text: str, by_name: dict[str, tuple[str, frozenset[int]]]) -> CronExpression:
    second = by_name.get(_SECOND.name, ("0", frozenset({0})))
    hour_token, hours = by_name[_HOUR.name]
    day_token, days = by_name[_DAY.name]
    weekday_token, weekdays = by_name[_WEEKDAY.name]
    year_token, years = by_name.get(_YEAR.name, ("*", frozenset()))
    return CronExpression(
        text=text,
        seconds=second[1],
        minutes=by_name[_MINUTE.name][1],
        hours=hours,
        days=days,
        months=by_name[_MONTH.name][1],
        weekdays=frozenset(weekday % 7 for weekday in weekdays),
        years=None if year_token == "*" else years,
        any_day=day_token in ("*", "?"),
        any_weekday=weekday_token in ("*", "?"),
        follows_real_time="*" in hour_token or "/" in hour_token,
    )


def _parse_field(token: str, position: int, field: _Field) -> frozenset[int]:
    if token == "?" and field not in (_DAY, _WEEKDAY):
        raise CronError(
            f"'?' in the {field.name}",
            position=position,
            remedy="'?' may stand only for the day of month or the day of week: write *",
        )
    numbers: set[int] = set()
    for part in token.split(","):
        numbers.update(_parse_part(part, position, field))
        position += len(part) + 1
    return frozenset(numbers)


def _parse_part(part: str, position: int, field: _Field) -> range:
    span, slash, step_text = part.partition("/")
    step = 1
    if slash:
        if not re.fullmatch(r"[0-9]{1,4}", step_text) or int(step_text) < 1:
            raise CronError(
                f"the step {step_text!r} in the {field.name} is not a positive number",
                position=position + len(span) + 1,
                remedy="write a step such as */15",
            )
        step = int(step_text)
    # 7 is only another name of Sunday: a star or a step must not count it as an eighth day.
    last = 6 if field is _WEEKDAY else field.high
    if span in ("*", "?"):
        return range(field.low, last + 1, step)
    low_text, dash, high_text = span.partition("-")
    low = _parse_number(low_text, position, field)
    if dash:
        high = _parse_number(high_text, position + len(low_text) + 1, field)
    else:
        high = max(low, last) if slash else low
    if field is _WEEKDAY and dash and high == 0 and low > 0:
        high = 7
    if high < low:
        raise CronError(
            f"the range {span!r} in the {field.name} runs backwards",
            position=position,
            remedy=f"write two ranges, such as {low_text}-{field.high},{field.low}-{high_text}",
        )
    return range(low, high + 1, step)


def _parse_number(text: str, position: int, field: _Field) -> int:
    if text.upper() in field.words:
        return field.words.index(text.upper()) + field.first_word
    if re.fullmatch(r"[0-9]{1,4}", text) and field.low <= int(text) <= field.high:
        return int(text)
    words = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
    shown = repr(text) if text else "nothing"
    raise CronError(
        f"{shown} in the {field.name}",
        position=position,
        remedy=f"write a number from {field.low} to {field.high}{words}, *, a range, list or step",
    )


def _check_it_fires(expression: CronExpression) -> None:
    if next(_candidate_days(expression), None) is None:
        raise CronError(
            "can never fire: no such day exists",
            position=0,
            remedy="check the day of month against the month (and the year)",
        )


def _candidate_days(expression: CronExpression) -> Iterator[date]:
    """Some days on which the expression fires; empty only when there are none at all."""
    # 28 years hold every combination of leap year and weekday between 1901 and 2099.
    years = sorted(expression.years) if expression.years is not None else range(2000, 2028)
    for year in years:
        for month in sorted(expression.months):
            for number in range(1, _LONGEST[month - 1] + 1):
                try:
                    day = date(year, month, number)
                except ValueError:
                    continue
                if expression.is_day(day):
                    yield day


@lru_cache(maxsize=65536)
def next_wall_time(expression: CronExpression, after: datetime) -> datetime | None:
    """The first wall time strictly after ``after`` (both naive); None when there is no more."""
    if expression.years is not None and after.year > max(expression.years):
        return None
    try:
        found = croniter(
            expression.canonical,
            after,
            ret_type=datetime,
            second_at_beginning=True,
            # Listed years may lie as far apart as years can.
            max_years_between_matches=LAST_YEAR - FIRST_YEAR + 1,
        ).get_next()
    except CroniterBadDateError:
        return None
    return found if isinstance(found, datetime) and found.year <= LAST_YEAR else None
