"""From a schedule to its scheduled seconds in UTC: the union of its kinds, within its window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice

from chronos_crds.course import END, Course, IntervalCourse, MomentCourse, cron_course
from chronos_crds.cron import parse_entry
from chronos_crds.interval import Interval
from chronos_crds.jitter import jitter_milliseconds
from chronos_crds.meta import format_time
from chronos_crds.schedule import Schedule
from chronos_crds.zones import ZoneError, load_zone

__all__ = ["Timetable", "ZoneError", "build_timetable", "describe_schedule", "load_zone"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Timetable:
    """All scheduled seconds of one job; moments are aware, answers whole seconds in UTC."""

    # What recurs: these lie strictly after ``since``, not after ``end``.
    recurring: tuple[Course, ...]
    # Single seconds, already within their bounds.
    moments: MomentCourse
    since: int
    end: int
    jitter_seconds: int
    uid: str

    def next_after(self, after: datetime) -> datetime | None:
        """The first scheduled second strictly after ``after``; None: no more."""
        found = self._next(_floor(after))
        return None if found is None else _moment(found)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every scheduled second in (after, until], oldest first."""
        return map(_moment, self._ticks(_floor(after), _floor(until)))

    def count_between(self, after: datetime, until: datetime) -> int:
        """How many scheduled seconds lie in (after, until]."""
        return sum(1 for _ in self._ticks(_floor(after), _floor(until)))

    def newest(self, until: datetime, *, after: datetime, limit: int) -> list[datetime]:
        """The newest ``limit`` of those in (after, until], oldest first.

        Walks backward from ``until``, so that a long span costs no more than a short one.
        """
        ticks = islice(self._ticks(_floor(after), _floor(until), newest=True), limit)
        return [_moment(tick) for tick in ticks][::-1]

    def delay_of(self, tick: datetime) -> timedelta:
        """How much later than its scheduled second it starts: less than ``jitterSeconds`` and less
        than the time to the next scheduled second, in whole milliseconds."""
        if not self.jitter_seconds:
            return timedelta()
        at = _floor(tick)
        later = self._next(at)
        bound = self.jitter_seconds if later is None else min(self.jitter_seconds, later - at)
        return timedelta(
            milliseconds=jitter_milliseconds(uid=self.uid, tick=at, bound_seconds=bound)
        )

    def _next(self, after: int) -> int | None:
        since = max(after, self.since)
        found = [course.next_after(since) for course in self.recurring]
        nearest = min((tick for tick in found if tick is not None), default=None)
        if nearest is not None and nearest > self.end:
            nearest = None
        single = self.moments.next_after(after)
        if nearest is None or single is None:
            return single if nearest is None else nearest
        return min(nearest, single)

    def _ticks(self, after: int, until: int, *, newest: bool = False) -> Iterator[int]:
        since, end = max(after, self.since), min(until, self.end)
        ticks = [course.between(since, end, newest=newest) for course in self.recurring]
        if self.moments.moments:
            ticks.append(self.moments.between(after, until, newest=newest))
        if len(ticks) == 1:
            return ticks[0]
        return (tick for tick, _ in groupby(merge(*ticks, reverse=newest)))


def build_timetable(schedule: Schedule, *, created_at: datetime, uid: str = "") -> Timetable:
    """The timetable of a schedule whose job was stored at ``created_at`` under that UID.

    Raises CronError or ZoneError. Nothing that recurs fires in the very second in which its job was
    stored; ``immediate`` is that second, and no window bounds it. An ``at`` from before it never
    was in the future and is left out.
    """
    stored = _floor(created_at)
    start = None if schedule.start_at is None else _ceil(schedule.start_at)
    end = END if schedule.end_at is None else _floor(schedule.end_at)
    first = stored if start is None else max(stored, start)
    single = {tick for tick in map(_floor, schedule.at or ()) if first <= tick <= end}
    if schedule.immediate:
        single.add(stored)
    return Timetable(
        recurring=_recurring(schedule, stored=stored, start=start, uid=uid),
        moments=MomentCourse(tuple(sorted(single))),
        since=stored if start is None else max(stored, start - 1),
        end=end,
        jitter_seconds=schedule.jitter_seconds,
        uid=uid,
    )


def _recurring(
    schedule: Schedule, *, stored: int, start: int | None, uid: str
) -> tuple[Course, ...]:
    anchor = stored if start is None else start
    if schedule.anchor_at is not None:
        anchor = _floor(schedule.anchor_at)
    zone = load_zone(schedule.time_zone)
    courses: list[Course] = []
    if schedule.every_seconds is not None:
        courses.append(IntervalCourse(anchor, schedule.every_seconds))
    for text in schedule.cron or ():
        entry = parse_entry(text, dialect=schedule.cron_dialect, uid=uid)
        if isinstance(entry, Interval):
            courses.append(IntervalCourse(anchor, entry.seconds))
        else:
            courses.append(cron_course(entry, zone, schedule.daylight_saving))
    return tuple(courses)


def _floor(moment: datetime) -> int:
    """Whole seconds since 1970; scheduled seconds are whole, so nothing lies between."""
    return (moment - _EPOCH) // _SECOND


def _ceil(moment: datetime) -> int:
    return -((_EPOCH - moment) // _SECOND)


def _moment(tick: int) -> datetime:
    return datetime.fromtimestamp(tick, UTC)


def describe_schedule(schedule: Schedule) -> str:
    """The schedule in one short line, for tables: its expressions, times, or 'immediate'."""
    every = schedule.every_seconds
    parts: Sequence[str] = [
        *(["immediate"] if schedule.immediate else []),
        *([f"every {every} s"] if every is not None else []),
        *(schedule.cron or ()),
        *(format_time(moment) for moment in schedule.at or ()),
    ]
    text = "; ".join(parts[:3])
    return f"{text}; +{len(parts) - 3} more" if len(parts) > 3 else text
