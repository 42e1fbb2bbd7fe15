"""A schedule as a sentence for people, such as

'at 02:30 every day, Berlin time; on 29 March after the gap at 03:00'.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from chronos_crds.cron import CronExpression, is_hashed, parse_entry, read_fields
from chronos_crds.interval import Interval
from chronos_crds.phrase import MONTHS, clock, every, listed, phrase_cron
from chronos_crds.schedule import RepeatedTime, Schedule, SkippedTime
from chronos_crds.walltime import wall_times, write_wall
from chronos_crds.zones import load_zone, next_change

_YEAR = 366 * 86400
_UTC_NAMES = frozenset({"UTC", "UCT", "Zulu", "Universal", "Greenwich", "GMT", "GMT0", "GMT+0"})


def describe_in_english(schedule: Schedule, *, after: datetime) -> str:
    """The schedule in one sentence, without a full stop.

    It ends with what the next change of the clock within a year after ``after`` does to it, if
    anything. Raises CronError or ZoneError.
    """
    zone = load_zone(schedule.time_zone)
    clauses, shows_time = _clauses(schedule, zone)
    parts = [", and ".join(clauses)]
    window = _window(schedule, zone)
    if shows_time or window:
        parts.append(_zone_name(schedule.time_zone))
    if window:
        parts.append(window)
    if schedule.max_runs is not None:
        times = "once" if schedule.max_runs == 1 else f"{schedule.max_runs} times"
        parts.append(f"{times} in all")
    if schedule.jitter_seconds:
        parts.append(f"each up to {schedule.jitter_seconds} s later")
    if schedule.exclude_calendars:
        word = "calendar" if len(schedule.exclude_calendars) == 1 else "calendars"
        parts.append(f"except in the {word} {listed(schedule.exclude_calendars)}")
    remark = _change_remark(schedule, zone, after)
    return ", ".join(parts) + (f"; {remark}" if remark else "")


def _clauses(schedule: Schedule, zone: ZoneInfo) -> tuple[list[str], bool]:
    """Each kind in words, and whether any of them tells a time in the zone."""
    clauses, shows_time = [], False
    if schedule.immediate:
        clauses.append("once as soon as it is stored")
    if schedule.every_seconds is not None:
        clauses.append(every(schedule.every_seconds) + _anchor(schedule, zone))
        shows_time |= schedule.anchor_at is not None
    for text in schedule.cron or ():
        entry = parse_entry(text, dialect=schedule.cron_dialect)
        if isinstance(entry, Interval):
            clauses.append(every(entry.seconds) + _anchor(schedule, zone))
            shows_time |= schedule.anchor_at is not None
        else:
            clauses.append(phrase_cron(entry, read_fields(text, dialect=schedule.cron_dialect)))
            shows_time = True
    if schedule.at:
        clauses.append(f"once {listed([_moment(at, zone) for at in sorted(set(schedule.at))])}")
        shows_time = True
    return clauses, shows_time


def _anchor(schedule: Schedule, zone: ZoneInfo) -> str:
    if schedule.anchor_at is None:
        return ""
    return f", counted from {_date_and_time(schedule.anchor_at, zone)}"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"on {_date_and_time(moment, zone)}"


def _date_and_time(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{_date(local)} {local.year} at {clock(local.hour, local.minute, local.second)}"


def _date(day: datetime) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"


def _window(schedule: Schedule, zone: ZoneInfo) -> str:
    parts = []
    if schedule.start_at is not None:
        parts.append(f"from {_date_and_time(schedule.start_at, zone)}")
    if schedule.end_at is not None:
        parts.append(f"until {_date_and_time(schedule.end_at, zone)}")
    return " ".join(parts)


def _zone_name(name: str) -> str:
    region, slash, place = name.rpartition("/")
    if place in _UTC_NAMES:
        return "UTC"
    if not slash or region == "Etc":
        return f"{name} time"
    return f"{place.replace('_', ' ')} time"


def _change_remark(schedule: Schedule, zone: ZoneInfo, after: datetime) -> str:
    """What the first change of the clock that touches the schedule does to it."""
    fixed = _fixed_times(schedule)
    low = max(after, schedule.start_at or after)
    since = int(low.astimezone(UTC).timestamp())
    until = since + _YEAR
    if schedule.end_at is not None:
        until = min(until, int(schedule.end_at.timestamp()))
    while fixed and (change := next_change(zone, since, until)) is not None:
        since, before, offset = change
        remark = _remark(schedule, fixed, since, before, offset)
        if remark:
            day = write_wall(since + offset)
            is_this_year = day.year == after.astimezone(zone).year
            return f"on {_date(day)}{'' if is_this_year else f' {day.year}'} {remark}"
    return ""


def _fixed_times(schedule: Schedule) -> list[CronExpression]:
    """The expressions that daylight saving concerns."""
    entries = [
        parse_entry(text, dialect=schedule.cron_dialect)
        for text in schedule.cron or ()
        # What H picks differs from job to job.
        if not is_hashed(text, dialect=schedule.cron_dialect)
    ]
    return [
        entry
        for entry in entries
        if isinstance(entry, CronExpression) and not entry.follows_real_time
    ]


def _remark(
    schedule: Schedule, fixed: list[CronExpression], change: int, before: int, offset: int
) -> str:
    low, high = sorted((change + before, change + offset))
    times = sorted({wall for cron in fixed for wall in list(wall_times(cron, low, high))[:1]})
    if not times:
        return ""
    told = clock(*write_wall(times[0]).timetuple()[3:6])
    if before < offset:
        end = write_wall(high)
        if schedule.daylight_saving.skipped is SkippedTime.SKIP:
            return f"not at {told}, which the clock leaves out"
        return f"after the gap at {clock(end.hour, end.minute, end.second)}"
    match schedule.daylight_saving.repeated:
        case RepeatedTime.FIRST:
            return f"at the first of two times {told}"
        case RepeatedTime.SECOND:
            return f"at the second of two times {told}"
        case RepeatedTime.BOTH:
            return f"at both times {told}"
