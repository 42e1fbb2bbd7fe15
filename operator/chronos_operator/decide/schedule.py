"""Which scheduled seconds of a job are to be opened, which were skipped or missed, what is next.

The cursor is the whole memory: every scheduled second up to it is accounted for. It moves only over
seconds that are recorded (their execution exists), skipped or missed, so a crash between any two
steps repeats a step and never loses or doubles a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import Timetable, build_timetable

# A second later than this is not made up any more: after an outage of a day nobody wants
# 86,400 runs of a job of every second at once.
STARTING_DEADLINE = timedelta(hours=1)
# How many seconds one pass looks at, and how many it opens, so that a job with a long past gives
# way to the others between passes.
PASS_SECONDS = 2000
PASS_STARTS = 50


@dataclass(frozen=True)
class SchedulePlan:
    """What a pass does about a job's scheduled seconds.

    ``to_open`` are oldest first. ``recorded`` are those since the cursor that have an execution,
    up to the first that has none. ``skipped`` and ``missed`` are counts. ``more``: this pass did
    not come to the end; look again at once. ``next_at``: when to look again otherwise.
    """

    to_open: tuple[datetime, ...]
    recorded: tuple[datetime, ...]
    cursor: datetime
    skipped: int
    missed: int
    missed_from: datetime | None
    missed_until: datetime | None
    next_at: datetime | None
    more: bool


class NeverDue(ValueError):
    """A schedule that can be read, all of whose times lie before the job was stored."""


def schedule_digest(schedule: Schedule) -> str:
    """What tells one schedule from another, however its text is formatted."""
    return hashlib.sha256(schedule.model_dump_json().encode()).hexdigest()[:16]


def decide_schedule(
    spec: ChronosJobSpec,
    status: ChronosJobStatus,
    *,
    created_at: datetime,
    is_recorded: Callable[[datetime], bool],
    now: datetime,
) -> SchedulePlan:
    """Looks at the seconds between the job's cursor and now; raises NeverDue for a new job that
    names no second at or after its creation, and CronError or ZoneError."""
    timetable = build_timetable(spec.schedule, created_at=created_at)
    cursor = status.cursor_at or created_at - timedelta(seconds=1)
    if status.cursor_at is None and timetable.next_after(cursor) is None:
        raise NeverDue(
            "spec.schedule: names no time at or after the job's creation; give a time in the future"
        )
    if _is_edited(spec, status):
        # An edit never fires a run by itself: the new schedule counts from now.
        cursor = max(cursor, now.replace(microsecond=0))
    if spec.suspend:
        # What passes meanwhile is counted when the job is resumed: a paused job costs no writes.
        return _idle(cursor)
    next_at = timetable.next_after(now)
    if status.state in (JobState.PAUSED, JobState.INVALID):
        return _skip(timetable, cursor, next_at=next_at, now=now)
    return _open(timetable, cursor, is_recorded=is_recorded, next_at=next_at, now=now)


def _is_edited(spec: ChronosJobSpec, status: ChronosJobStatus) -> bool:
    known = status.schedule_digest
    return known is not None and known != schedule_digest(spec.schedule)


def _idle(cursor: datetime) -> SchedulePlan:
    return SchedulePlan((), (), cursor, 0, 0, None, None, None, more=False)


def _skip(
    timetable: Timetable, cursor: datetime, *, next_at: datetime | None, now: datetime
) -> SchedulePlan:
    ticks, more = _ticks(timetable, cursor, now)
    cursor = ticks[-1] if ticks else cursor
    return SchedulePlan((), (), cursor, len(ticks), 0, None, None, next_at, more)


def _open(
    timetable: Timetable,
    cursor: datetime,
    *,
    is_recorded: Callable[[datetime], bool],
    next_at: datetime | None,
    now: datetime,
) -> SchedulePlan:
    ticks, more = _ticks(timetable, cursor, now)
    recorded: list[datetime] = []
    missed: list[datetime] = []
    to_open: list[datetime] = []
    for tick in ticks:
        known = is_recorded(tick)
        if not known and now - tick > STARTING_DEADLINE:
            missed.append(tick)
        elif not known and len(to_open) < PASS_STARTS:
            to_open.append(tick)
        elif not known:
            more = True
            break
        elif not to_open:
            recorded.append(tick)
        if not to_open:
            cursor = tick
    return SchedulePlan(
        to_open=tuple(to_open),
        recorded=tuple(recorded),
        cursor=cursor,
        skipped=0,
        missed=len(missed),
        missed_from=missed[0] if missed else None,
        missed_until=missed[-1] if missed else None,
        next_at=next_at,
        more=more or bool(to_open),
    )


def _ticks(timetable: Timetable, after: datetime, until: datetime) -> tuple[list[datetime], bool]:
    ticks: list[datetime] = []
    for tick in timetable.between(after, until):
        if len(ticks) == PASS_SECONDS:
            return ticks, True
        ticks.append(tick)
    return ticks, False
