"""From a schedule to its scheduled seconds in UTC: zones, daylight saving, and the union of kinds.

Source of the daylight saving rule: Debian's cron(8): jobs at a fixed wall time run once at the end
of a gap and once on the first pass of a repeated hour; jobs with * or a step in the hour are about
elapsed time and simply go on.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from chronos_crds.cron import CronExpression, next_wall_time, parse_cron
from chronos_crds.schedule import Schedule

_SECOND = timedelta(seconds=1)
# Sampling for offset changes: no zone has changed its offset twice within this and back.
_STRIDE = timedelta(days=7)
# Further than any clock is turned at once; Apia's once skipped a whole day.
_NEAR = timedelta(days=2)


class ZoneError(ValueError):
    """A time zone that is not in the zone data."""

    def __init__(self, name: str) -> None:
        close = difflib.get_close_matches(name, sorted(_known_zones()), n=1, cutoff=0.6)
        self.remedy = f"did you mean {close[0]}?" if close else "use a name such as Europe/Berlin"
        super().__init__(f"{name!r} is not an IANA time zone")


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    """The names in the zone data that mean the same on every machine; reading them is slow."""
    return frozenset(available_timezones() - {"Factory", "localtime", "posixrules"})


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name; raises ZoneError where there is none."""
    try:
        if name in _known_zones():
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ZoneError(name)


@dataclass(frozen=True)
class Timetable:
    """All scheduled seconds of one job."""

    crons: tuple[CronExpression, ...]
    zone: ZoneInfo
    moments: tuple[datetime, ...]
    # A cron expression does not fire in the very second in which its job was stored.
    created_at: datetime

    def next_after(self, after: datetime) -> datetime | None:
        """The first scheduled second strictly after ``after`` (aware), in UTC; None: no more."""
        # Scheduled seconds are whole, so nothing lies between a moment and its whole second.
        after = after.replace(microsecond=0)
        since = max(after, self.created_at)
        candidates = [next_cron_time(cron, self.zone, since) for cron in self.crons]
        candidates += [next((moment for moment in self.moments if moment > after), None)]
        return min((found for found in candidates if found is not None), default=None)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every scheduled second in (after, until], oldest first."""
        moment = self.next_after(after)
        while moment is not None and moment <= until:
            yield moment
            moment = self.next_after(moment)


def build_timetable(schedule: Schedule, *, created_at: datetime) -> Timetable:
    """The timetable of a schedule whose job was stored at ``created_at``.

    Raises CronError or ZoneError. ``immediate`` is the second of the job's creation; an ``at`` from
    before it never was in the future and is left out.
    """
    stored_at = created_at.astimezone(UTC).replace(microsecond=0)
    moments = {moment for moment in schedule.at or () if moment >= stored_at}
    if schedule.immediate:
        moments.add(stored_at)
    return Timetable(
        crons=tuple(parse_cron(text) for text in schedule.cron or ()),
        zone=load_zone(schedule.time_zone),
        moments=tuple(sorted(moments)),
        created_at=stored_at,
    )


@lru_cache(maxsize=65536)
def next_cron_time(cron: CronExpression, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first second strictly after ``after`` at which it fires in the zone, in UTC."""
    if cron.follows_real_time:
        return _next_in_real_time(cron, zone, after)
    return _next_at_wall_time(cron, zone, after)


def _next_at_wall_time(cron: CronExpression, zone: ZoneInfo, after: datetime) -> datetime | None:
    wall = next_wall_time(cron, _highest_wall(after, zone))
    return None if wall is None else _first_pass(wall, zone)


def _highest_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """The latest wall time shown so far: on the second pass of a repeated hour that is its end."""
    local = moment.astimezone(zone)
    if local.fold:
        change = next_offset_change(zone, moment - _NEAR, moment)
        if change is not None:
            return _wall(change - _SECOND, zone)
    return local.replace(tzinfo=None)


def _next_in_real_time(cron: CronExpression, zone: ZoneInfo, after: datetime) -> datetime | None:
    start = after
    while True:
        wall = next_wall_time(cron, _wall(start, zone))
        moment = wall.replace(tzinfo=UTC) - _offset(start, zone) if wall is not None else None
        near = start + _NEAR if moment is None else min(moment, start + _NEAR)
        change = next_offset_change(zone, start, near)
        if change is None:
            if moment is None or near == moment:
                return moment
            # Until shortly before that wall time no other fires, however often the clock is turned.
            start = moment - _NEAR
            continue
        # The clock is turned before that moment comes: go on from the turn with the new offset.
        # If the turned clock shows a firing time at that very second, it fires.
        turned = _wall(change, zone) - _SECOND
        again = next_wall_time(cron, turned)
        if again is not None and again == turned + _SECOND:
            return change
        start = change


def next_offset_change(zone: tzinfo, after: datetime, until: datetime) -> datetime | None:
    """The first second in (after, until] from which the zone's UTC offset differs from before."""
    low = after
    while low < until:
        high = min(low + _STRIDE, until)
        if _offset(high, zone) != _offset(low, zone):
            return _bisect_change(zone, low, high)
        low = high
    return None


def _bisect_change(zone: tzinfo, low: datetime, high: datetime) -> datetime:
    before = _offset(low, zone)
    low, high = low.replace(microsecond=0), high
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _first_pass(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time: the first of two; for one that does not exist the gap's end."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(moment, zone) == wall:
        return moment
    # In a gap fold=0 reads the wall time with the offset from before it, which lies after the gap.
    change = next_offset_change(zone, moment - _NEAR, moment)
    return change if change is not None else moment


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def describe_schedule(schedule: Schedule) -> str:
    """The schedule in one short line, for tables: its expressions, times, or 'immediate'."""
    parts: Sequence[str] = [
        *(["immediate"] if schedule.immediate else []),
        *(schedule.cron or ()),
        *(moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in schedule.at or ()),
    ]
    text = "; ".join(parts[:3])
    return f"{text}; +{len(parts) - 3} more" if len(parts) > 3 else text
