"""One cron expression as an English phrase: 'at 02:30 on weekdays'."""

from __future__ import annotations

from collections.abc import Sequence

from chronos_crds.cron import CronExpression
from chronos_crds.field import FieldValue, HashSpan, Mark, MarkKind

MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)
_WEEKDAYS = tuple("Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split())
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_WORKDAYS = frozenset(range(1, 6))
_WEEKEND = frozenset({0, 6})
# More items than this are counted, not listed.
_LISTED = 6
_EVERY_DAY = "every day"
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def listed(items: Sequence[str], word: str = "and") -> str:
    """'a, b and c'; of a long list the first few and how many more."""
    if len(items) > _LISTED:
        items = [*items[: _LISTED - 1], f"{len(items) - _LISTED + 1} more"]
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def every(seconds: int) -> str:
    """'every 90 seconds', 'every 2 hours', _EVERY_DAY: in the largest unit that divides it."""
    size, unit = next(known for known in _UNITS if seconds % known[0] == 0)
    return _every(seconds // size, unit)


def clock(hour: int, minute: int, second: int = 0) -> str:
    """A time of day; seconds only where there are any."""
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def phrase_cron(cron: CronExpression, fields: tuple[FieldValue, ...]) -> str:
    """The expression in words; what H stands for is not told, because it differs from job to job.

    ``fields`` are those of ``read_fields``.
    """
    day = _days(cron, fields)
    if any(field.spans for field in fields[:3]):
        time = " ".join(part for part in _hashed_time(cron, fields) if part)
        is_often = len(cron.hours) == 24
    else:
        time, is_often = _time(cron)
    day = day.removeprefix(_EVERY_DAY) if is_often else day or _EVERY_DAY
    return f"{time} {day.strip()}".strip()


def _time(cron: CronExpression) -> tuple[str, bool]:
    """The time of day, and whether it goes without saying that it is each day."""
    seconds, minutes, hours = cron.seconds, cron.minutes, cron.hours
    if len(hours) * len(minutes) * len(seconds) <= _LISTED and len(hours) < 24:
        times = [clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return f"at {listed(times)}", False
    if len(minutes) == len(seconds) == 1 and (step := _even_step(hours)) is not None:
        first, last = (clock(hour, minutes[0], seconds[0]) for hour in (hours[0], hours[-1]))
        return f"{_every(step, 'hour')} from {first} to {last}", False
    often = _often(seconds, minutes, hours)
    if often is not None:
        return often, True
    parts = [_seconds(seconds), _minutes(minutes, hours), _hours(hours)]
    return " ".join(part for part in parts if part), len(hours) == 24


def _often(
    seconds: tuple[int, ...], minutes: tuple[int, ...], hours: tuple[int, ...]
) -> str | None:
    """What comes around all day in even steps."""
    if len(hours) != 24:
        return None
    if len(minutes) == 60 and seconds != (0,):
        step = _step(seconds, 60)
        return None if step is None else _every(step, "second")
    if seconds != (0,):
        return None
    if minutes == (0,):
        return "every hour, on the hour"
    step = _step(minutes, 60)
    return None if step is None else _every(step, "minute")


def _step(numbers: tuple[int, ...], size: int) -> int | None:
    """The step of numbers that go round from 0 evenly, such as 0, 15, 30, 45."""
    step = size // len(numbers)
    return step if numbers == tuple(range(0, size, step)) and len(numbers) > 1 else None


def _even_step(numbers: tuple[int, ...]) -> int | None:
    """The step of many numbers that lie evenly apart without going all the way round."""
    step = numbers[1] - numbers[0] if _LISTED < len(numbers) < 24 else 0
    return step if step and numbers == tuple(range(numbers[0], numbers[-1] + 1, step)) else None


def _every(number: int, unit: str) -> str:
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _seconds(seconds: tuple[int, ...]) -> str:
    if seconds == (0,):
        return ""
    step = _step(seconds, 60)
    if step is not None:
        return f"{_every(step, 'second')},"
    return f"at {_plural('second', seconds)} {_numbers(seconds)},"


def _minutes(minutes: tuple[int, ...], hours: tuple[int, ...]) -> str:
    whose = " of every hour" if len(hours) == 24 else ""
    step = _step(minutes, 60)
    if step is not None:
        return _every(step, "minute")
    return f"at {_plural('minute', minutes)} {_numbers(minutes)}{whose}"


def _hours(hours: tuple[int, ...]) -> str:
    if len(hours) == 24:
        return ""
    if hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"from {clock(hours[0], 0)} to {clock(hours[-1], 59)}"
    return f"in the hours {_numbers(hours)}"


def _plural(word: str, numbers: tuple[int, ...]) -> str:
    return word if len(numbers) == 1 else f"{word}s"


def _numbers(numbers: Sequence[int]) -> str:
    """'5', '1, 5 and 9' or '10 to 20'."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return listed([str(number) for number in numbers])


def _hashed_time(cron: CronExpression, fields: tuple[FieldValue, ...]) -> list[str]:
    second, minute, hour = fields[:3]
    hours = _hours(cron.hours) or "of every hour"
    return [
        _hashed(second, "at", "second") if second.spans else _seconds(cron.seconds),
        _hashed(minute, "at", "minute") if minute.spans else _minutes(cron.minutes, ()),
        _hashed(hour, "in", "hour") if hour.spans else hours,
    ]


def _hashed(field: FieldValue, where: str, unit: str) -> str:
    span = field.spans[0]
    article = "an" if unit == "hour" else "a"
    own = f"{article} {unit} of the job's own{_bounds(field, span)}"
    if span.step is None:
        return f"{where} {own}"
    return f"{_every(span.step, unit)} from {own}"


def _bounds(field: FieldValue, span: HashSpan) -> str:
    whole = (span.low, span.high) == (field.field.low, field.field.hash_last)
    return "" if whole else f" ({span.low} to {span.high})"


def _days(cron: CronExpression, fields: tuple[FieldValue, ...]) -> str:
    """The days, months and years; empty for every day."""
    day, month, weekday, year = fields[3:]
    months = _months(cron, month)
    whose = f"of {months}" if months else "of the month"
    parts = []
    if not cron.days.any_day:
        parts.append(_month_days(cron, day, whose))
    if not cron.days.any_weekday:
        parts.append(_weekdays(cron, weekday, whose))
    text = " or ".join(parts)
    if months and whose not in text:
        text = f"{text} in {months}" if text else f"{_EVERY_DAY} in {months}"
    if cron.years is not None and not year.is_free:
        text = f"{text or _EVERY_DAY} in {_numbers(cron.years)}"
    return text


def _months(cron: CronExpression, month: FieldValue) -> str:
    if month.spans:
        return f"a month of the job's own{_bounds(month, month.spans[0])}"
    if len(cron.months) == 12:
        return ""
    names = [MONTHS[number - 1] for number in cron.months]
    return names[0] if len(names) == 1 else listed(names)


def _month_days(cron: CronExpression, day: FieldValue, whose: str) -> str:
    if day.spans:
        own = f"a day {whose} of the job's own{_bounds(day, day.spans[0])}"
        step = day.spans[0].step
        return f"every {step} days from {own}" if step else f"on {own}"
    days = [f"the {_ordinal(number)}" for number in sorted(cron.days.days)]
    if len(days) > 2 and cron.days.days == set(range(min(cron.days.days), max(cron.days.days) + 1)):
        days = [f"{days[0]} to {days[-1]}"]
    marks = [_day_mark(mark) for mark in sorted(cron.days.marks, key=lambda m: m.number)]
    return f"on {listed([*days, *marks])} {whose}"


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _day_mark(mark: Mark) -> str:
    before = f"the {_ordinal(mark.number)} day before the last" if mark.number else "the last day"
    match mark.kind:
        case MarkKind.LAST_DAY:
            return before
        case MarkKind.LAST_WORKDAY:
            return f"the weekday nearest to {before}" if mark.number else "the last weekday"
        case _:
            return f"the weekday nearest to the {_ordinal(mark.number)}"


def _weekdays(cron: CronExpression, weekday: FieldValue, whose: str) -> str:
    if weekday.spans:
        return "on a day of the week of the job's own"
    days, parts = cron.days.weekdays, []
    if days == _WORKDAYS:
        parts.append("weekdays")
    elif days == _WEEKEND:
        parts.append("weekends")
    else:
        # The week begins on Monday.
        parts += [f"{_WEEKDAYS[number % 7]}s" for number in range(1, 8) if number % 7 in days]
    marks = sorted(cron.days.weekday_marks, key=lambda mark: (mark.nth, mark.number))
    if not marks:
        return f"on {listed(parts)}"
    return f"on {listed([*parts, *map(_weekday_mark, marks)])} {whose}"


def _weekday_mark(mark: Mark) -> str:
    which = "last" if mark.kind is MarkKind.LAST_WEEKDAY else _ORDINALS[mark.nth - 1]
    return f"the {which} {_WEEKDAYS[mark.number]}"
