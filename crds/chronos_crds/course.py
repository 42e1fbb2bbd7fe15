"""The courses a schedule is the union of: each tells its own scheduled seconds, in UTC.

Scheduled seconds are whole seconds since 1970. Source of the daylight saving rule: Debian's
cron(8): jobs at a fixed wall time run once at the end of a gap and once on the first pass of a
repeated hour; jobs with * or a step in the hour are about elapsed time and simply go on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Protocol
from zoneinfo import ZoneInfo

from chronos_crds.cron import CronExpression
from chronos_crds.schedule import DaylightSaving, RepeatedTime, SkippedTime
from chronos_crds.walltime import has_wall_time, wall_times
from chronos_crds.zones import NEAR, Stretch, stretches

# 2100-01-01 and more than any clock is behind UTC: nothing is scheduled from here on.
END = 4_102_444_800 + NEAR

# A reconcile asks for the next second after the cursor and after now.
_REMEMBERED = 4

# What is walked at once: half a year holds a change or two.
_WINDOW = 182 * 86400

# Going on in real time: what is skipped is not made up, what comes twice runs twice.
_REAL_TIME = DaylightSaving(skipped=SkippedTime.SKIP, repeated=RepeatedTime.BOTH)


class Course(Protocol):
    """One part of a timetable."""

    def next_after(self, after: int) -> int | None:
        """The first scheduled second strictly after ``after``; None: no more."""

    def between(self, after: int, until: int, *, newest: bool = False) -> Iterator[int]:
        """Those in (after, until] in order; the newest first where asked for."""


@dataclass(frozen=True)
class MomentCourse:
    """Single seconds, in order, each once."""

    moments: tuple[int, ...]

    def next_after(self, after: int) -> int | None:
        return next(iter(self.moments[bisect_right(self.moments, after) :]), None)

    def between(self, after: int, until: int, *, newest: bool = False) -> Iterator[int]:
        low, high = bisect_right(self.moments, after), bisect_right(self.moments, until)
        found = self.moments[low:high]
        return reversed(found) if newest else iter(found)


@dataclass(frozen=True)
class IntervalCourse:
    """Each ``every`` seconds from the anchor on, the anchor included."""

    anchor: int
    every: int

    def next_after(self, after: int) -> int | None:
        if after < self.anchor:
            return self.anchor
        return after + self.every - (after - self.anchor) % self.every

    def between(self, after: int, until: int, *, newest: bool = False) -> Iterator[int]:
        first = self.next_after(after)
        ticks = range(self.anchor if first is None else first, until + 1, self.every)
        return reversed(ticks) if newest else iter(ticks)


@dataclass(frozen=True, eq=False)
class CronCourse:
    """A cron expression in a zone, under a daylight saving rule."""

    cron: CronExpression
    zone: ZoneInfo
    rule: DaylightSaving
    # The last answers, each with the start of the span in which it holds: most jobs ask the same.
    _answers: list[tuple[int, int | None]] = field(default_factory=list, repr=False)

    def next_after(self, after: int) -> int | None:
        for since, found in self._answers:
            if since <= after and (found is None or after < found):
                return found
        found = next(self.between(after, END), None)
        self._answers[:] = [(after, found), *self._answers[: _REMEMBERED - 1]]
        return found

    def between(self, after: int, until: int, *, newest: bool = False) -> Iterator[int]:
        windows = self._windows_backward if newest else self._windows_forward
        return chain.from_iterable(
            self._in_window(low, high, newest=newest)
            for low, high in windows(max(after, -NEAR), min(until, END))
        )

    def _windows_forward(self, after: int, until: int) -> Iterator[tuple[int, int]]:
        """Spans (low, high] that hold all there is; years in which nothing fires are left out."""
        while after < until:
            wall = next(wall_times(self.cron, after - NEAR, END), None)
            if wall is None:
                return
            after = max(after, wall - NEAR)
            yield after, min(after + _WINDOW, until)
            after += _WINDOW

    def _windows_backward(self, after: int, until: int) -> Iterator[tuple[int, int]]:
        while after < until:
            wall = next(wall_times(self.cron, -NEAR, until + NEAR, newest=True), None)
            if wall is None:
                return
            until = min(until, wall + NEAR)
            yield max(until - _WINDOW, after), until
            until -= _WINDOW

    def _in_window(self, after: int, until: int, *, newest: bool) -> Iterator[int]:
        if after >= until:
            return iter(())
        parts = stretches(self.zone, after + 1, until)
        return chain.from_iterable(
            self._in_stretch(part, after, until, newest=newest)
            for part in (reversed(list(parts)) if newest else parts)
        )

    def _in_stretch(
        self, stretch: Stretch, after: int, until: int, *, newest: bool
    ) -> Iterator[int]:
        """Those of the stretch that lie in (after, until]."""
        offset = stretch.offset
        low = max(after + 1, stretch.start) + offset
        high = min(until + 1, stretch.end) + offset
        if self.rule.repeated is RepeatedTime.FIRST:
            # What the clock has shown before the change is over.
            low = max(low, stretch.start + stretch.before)
        elif self.rule.repeated is RepeatedTime.SECOND:
            # What the clock will show again waits for it.
            high = min(high, stretch.end + stretch.after)
        turned = self._runs_after_gap(stretch) and after < stretch.start <= until
        if not turned:
            return (wall - offset for wall in wall_times(self.cron, low, high, newest=newest))
        # The change itself is one second, however many wall times were skipped up to it.
        later = wall_times(self.cron, stretch.start + offset + 1, high, newest=newest)
        ticks = (wall - offset for wall in later)
        return chain(ticks, (stretch.start,)) if newest else chain((stretch.start,), ticks)

    def _runs_after_gap(self, stretch: Stretch) -> bool:
        if self.rule.skipped is SkippedTime.SKIP or stretch.before >= stretch.offset:
            return False
        return has_wall_time(
            self.cron, stretch.start + stretch.before, stretch.start + stretch.offset
        )


@lru_cache(maxsize=16384)
def cron_course(cron: CronExpression, zone: ZoneInfo, rule: DaylightSaving) -> CronCourse:
    """The course of an expression; one for all jobs that share it, and with it what it knows."""
    return CronCourse(cron, zone, _REAL_TIME if cron.follows_real_time else rule)
