"""What becomes of each scheduled second of a job between its cursor and now, and what is next.

The cursor is the whole memory: every scheduled second up to it is accounted for by a line of the
ledger. It moves only over seconds whose fate is known, so a crash between any two steps repeats a
step and never loses or doubles a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.cron import CronError
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_crds.ledger import LedgerLine
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import Timetable, build_timetable
from chronos_crds.zones import ZoneError
from chronos_operator.decide.concurrency import Places
from chronos_operator.decide.edit import taken_up_at
from chronos_operator.decide.pause import is_paused
from chronos_operator.decide.walk import LOOK_AHEAD, JobFacts, Opening, Walk

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class SchedulePlan:
    """What a pass does about a job's scheduled seconds.

    ``openings`` and ``lines`` are oldest first; the lines account for all up to ``cursor``.
    ``schedule``: the one the cursor belongs to now. ``next_at`` is the next second that no calendar
    excludes, ``wake_at`` when to look again. ``more``: this pass did not come to the end; look
    again at once. ``is_settled``: the past of a pause or an invalid time is accounted for.
    """

    openings: tuple[Opening, ...]
    lines: tuple[LedgerLine, ...]
    cursor: datetime
    schedule: Schedule
    next_at: datetime | None
    wake_at: datetime | None
    more: bool
    is_settled: bool


class NeverDue(ValueError):
    """A schedule that can be read, all of whose times lie before the job was stored."""


def decide_schedule(
    spec: ChronosJobSpec,
    status: ChronosJobStatus,
    places: Places,
    facts: JobFacts,
    *,
    now: datetime,
) -> SchedulePlan:
    """Looks at the seconds between the job's cursor and now, and lets those in that are due.

    Raises NeverDue for a new job that names no second at or after its creation, and CronError or
    ZoneError.
    """
    walk = Walk(spec, status, places, facts, now)
    timetable = _build(spec.schedule, facts)
    if status.cursor_at is None and timetable.next_after(walk.cursor) is None:
        raise NeverDue(
            "spec.schedule: names no time at or after the job's creation; give a time in the future"
        )
    before = status.observed_schedule
    if before is not None and before != spec.schedule:
        old = _build_old(before, facts)
        if not _account_edit(walk, before, old, timetable):
            return _plan(walk, old or timetable, before)
    if not is_paused(spec, now):
        walk.account(timetable, spec.schedule, now)
    elif status.state not in (None, JobState.PAUSED, JobState.INVALID):
        walk.account(timetable, spec.schedule, _edited_at(facts, now))
    return _plan(walk, timetable, spec.schedule)


def _build(schedule: Schedule, facts: JobFacts) -> Timetable:
    return build_timetable(schedule, created_at=facts.created_at, uid=facts.uid)


def _build_old(schedule: Schedule, facts: JobFacts) -> Timetable | None:
    """None where a schedule of before cannot be read any more: its zone was given up, say."""
    try:
        return _build(schedule, facts)
    except (CronError, ZoneError):
        return None


def _account_edit(walk: Walk, before: Schedule, old: Timetable | None, new: Timetable) -> bool:
    """Accounts for what the old schedule left until the edit; whether that came to its end."""
    facts, now = walk.facts, walk.now
    edited_at = _edited_at(facts, now)
    if old is not None:
        edited_at = taken_up_at(edited_at, old=old, new=new, touched=facts.touched(), now=now)
        if not walk.account(old, before, edited_at, holds=False):
            return False
    walk.cursor = max(walk.cursor, edited_at)
    return True


def _edited_at(facts: JobFacts, now: datetime) -> datetime:
    """When the spec was written, in whole seconds; by the API server's clock, which may go fast."""
    return min(facts.edited_at or now, now).replace(microsecond=0)


def _plan(walk: Walk, timetable: Timetable, schedule: Schedule) -> SchedulePlan:
    """What came of it."""
    next_second = None
    if not walk.is_exhausted(schedule):
        next_second = timetable.next_after(max(walk.now, walk.cursor))
    paused = is_paused(walk.spec, walk.now)
    wakes = [walk.held_until, walk.spec.paused_until if paused else None]
    if next_second is not None and not paused:
        wakes.append(next_second + timetable.delay_of(next_second))
    return SchedulePlan(
        openings=tuple(walk.openings),
        lines=walk.lines,
        cursor=walk.cursor,
        schedule=schedule,
        next_at=None if walk.spec.suspend else _next_shown(walk, timetable, next_second),
        wake_at=min((it for it in wakes if it is not None and it > walk.now), default=None),
        more=walk.more or bool(walk.openings),
        is_settled=not walk.more,
    )


def _next_shown(walk: Walk, timetable: Timetable, next_second: datetime | None) -> datetime | None:
    """The next second that no calendar excludes and no pause holds, as far as is looked."""
    until = walk.spec.paused_until
    if next_second is not None and until is not None and until > walk.now:
        next_second = timetable.next_after(until - _SECOND)
    for _ in range(LOOK_AHEAD):
        if next_second is None or walk.excluding(walk.spec.schedule, next_second) is None:
            return next_second
        next_second = timetable.next_after(next_second)
    return None
