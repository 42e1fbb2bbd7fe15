"""The walk over the wall times of a cron expression, forward or backward.

A wall time is a whole second since 1970 as a clock on the wall would count it, without any zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from chronos_crds.cron import LAST_YEAR, CronExpression

DAY = 86400
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock on the wall has no zone
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST = 0
_END = (date(LAST_YEAR + 1, 1, 1).toordinal() - _EPOCH_DAY) * DAY


def wall_times(cron: CronExpression, low: int, high: int, *, newest: bool = False) -> Iterator[int]:
    """The wall times in [low, high) in order; the newest first where asked for.

    Nothing fires before 1970 or after 2099.
    """
    low, high = max(low, _FIRST), min(high, _END)
    if low >= high:
        return
    times = _times_backward if newest else _times_forward
    for day in _days(cron, low // DAY, (high - 1) // DAY, newest=newest):
        start = day * DAY
        yield from times(cron, start, max(low, start), min(high, start + DAY))


def has_wall_time(cron: CronExpression, low: int, high: int) -> bool:
    """Whether any wall time lies in [low, high)."""
    return next(wall_times(cron, low, high), None) is not None


def _times_forward(cron: CronExpression, start: int, low: int, high: int) -> Iterator[int]:
    minutes, seconds = cron.minutes, cron.seconds
    hours = cron.hours
    for hour in hours[bisect_left(hours, (low - start) // 3600) :]:
        hour_at = start + hour * 3600
        first = bisect_left(minutes, (low - hour_at) // 60) if low > hour_at else 0
        for minute in minutes[first:] if first else minutes:
            at = hour_at + minute * 60
            if low <= at and at + 60 <= high:
                for second in seconds:
                    yield at + second
                continue
            if at >= high:
                return
            for second in seconds:
                if low <= at + second < high:
                    yield at + second


def _times_backward(cron: CronExpression, start: int, low: int, high: int) -> Iterator[int]:
    minutes, seconds = cron.minutes[::-1], cron.seconds[::-1]
    for hour in reversed(cron.hours[: bisect_right(cron.hours, (high - 1 - start) // 3600)]):
        for minute in minutes:
            at = start + hour * 3600 + minute * 60
            if at + 60 <= low:
                return
            if at < high:
                for second in seconds:
                    if low <= at + second < high:
                        yield at + second


def _days(cron: CronExpression, first: int, last: int, *, newest: bool) -> Iterator[int]:
    """The days from first to last (both included) on which it fires, as days since 1970."""
    start, end = (date.fromordinal(day + _EPOCH_DAY) for day in (first, last))
    low, high = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    step = -1 if newest else 1
    for number in range(low, high + 1)[::step]:
        year, month = divmod(number, 12)
        days = cron.days_in(year, month + 1)
        if not days:
            continue
        before = date(year, month + 1, 1).toordinal() - _EPOCH_DAY - 1
        for day in days[::step]:
            if first <= before + day <= last:
                yield before + day


def read_wall(moment: datetime) -> int:
    """A naive datetime as a wall time; fractions of a second are cut off."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def write_wall(wall: int) -> datetime:
    """A wall time as a naive datetime."""
    return _EPOCH + timedelta(seconds=wall)
