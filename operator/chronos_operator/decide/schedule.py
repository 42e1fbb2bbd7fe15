"""What becomes of each scheduled second of a job between its cursor and now, and what is next.

The cursor is the whole memory: every scheduled second up to it is accounted for by a line of the
ledger. It moves only over seconds whose fate is known, so a crash between any two steps repeats a
step and never loses or doubles a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chronos_crds.calendar import ChronosCalendarSpec, is_excluded
from chronos_crds.job import (
    ChronosJobSpec,
    ChronosJobStatus,
    JobState,
    MissedPolicy,
    MissedRuns,
    ResumePolicy,
)
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.naming import execution_name
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import Timetable, build_timetable
from chronos_operator.decide.concurrency import Admission, Places, Verdict
from chronos_operator.decide.edit import taken_up_at
from chronos_operator.decide.ledger import append_lines, build_line
from chronos_operator.decide.stretch import (
    FEWEST_SECONDS,
    MOST_SECONDS,
    Stretch,
    tell_stretch,
    untouched_until,
)

# A second that was not started so soon was missed, and missedRuns says what is made up. A restart
# of the operator takes less.
MISSED_AFTER = timedelta(seconds=10)
# How many seconds one pass looks at, how many it opens, and how many lines it writes, so that a job
# with a long past gives way to the others between passes.
PASS_SECONDS = 5000
PASS_STARTS = 50
PASS_LINES = 60
# How far ahead the next second that no calendar excludes is looked for.
LOOK_AHEAD = 500

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class JobFacts:
    """What a decision about a job's schedule rests on besides its spec and status.

    ``known`` tells the line of a second whose execution is recorded, ``is_begun`` whether its
    first kube job is there; ``touched`` lists all seconds of which either is so. ``edited_at``:
    when the spec was last written, where that is known. ``calendars``: those the schedule names,
    with their zones.
    """

    name: str
    uid: str
    created_at: datetime
    known: Callable[[datetime], LedgerLine | None]
    is_begun: Callable[[datetime], bool]
    touched: Callable[[], Iterable[datetime]] = tuple
    edited_at: datetime | None = None
    calendars: Mapping[str, tuple[ChronosCalendarSpec, ZoneInfo]] = field(default_factory=dict)


@dataclass(frozen=True)
class Opening:
    """A due second that gets an execution: started at once, or recorded to wait its turn."""

    scheduled_at: datetime
    admission: Admission


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


def is_paused(spec: ChronosJobSpec, now: datetime) -> bool:
    """Whether nothing of the schedule is started now."""
    return spec.suspend or (spec.paused_until is not None and now < spec.paused_until)


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
    walk = _Walk(spec, status, places, facts, now)
    timetable = build_timetable(spec.schedule, created_at=facts.created_at, uid=facts.uid)
    if status.cursor_at is None and timetable.next_after(walk.cursor) is None:
        raise NeverDue(
            "spec.schedule: names no time at or after the job's creation; give a time in the future"
        )
    before = status.observed_schedule
    if before is not None and before != spec.schedule:
        # Until the edit the old schedule holds: what it left is accounted for first.
        edited_at = min(facts.edited_at or now, now).replace(microsecond=0)
        old = build_timetable(before, created_at=facts.created_at, uid=facts.uid)
        edited_at = taken_up_at(edited_at, old=old, new=timetable, touched=facts.touched(), now=now)
        if not walk.account(old, before, edited_at):
            return walk.plan(old, before)
        walk.cursor = max(walk.cursor, edited_at)
    if is_paused(spec, now):
        paused_at = min(facts.edited_at or now, now).replace(microsecond=0)
        if status.state in (None, JobState.PAUSED, JobState.INVALID):
            return walk.plan(timetable, spec.schedule)
        walk.account(timetable, spec.schedule, paused_at)
        return walk.plan(timetable, spec.schedule)
    walk.account(timetable, spec.schedule, now)
    return walk.plan(timetable, spec.schedule)


@dataclass
class _Walk:
    """One pass over the seconds of a job, oldest first."""

    spec: ChronosJobSpec
    status: ChronosJobStatus
    places: Places
    facts: JobFacts
    now: datetime

    def __post_init__(self) -> None:
        self.cursor = self.status.cursor_at or self.facts.created_at - _SECOND
        self.lines: tuple[LedgerLine, ...] = ()
        self.openings: list[Opening] = []
        self.more = False
        self.held_until: datetime | None = None
        self._opened = self._count_opened()

    def account(self, timetable: Timetable, schedule: Schedule, until: datetime) -> bool:
        """Finds the fate of each second up to ``until``; whether it came to the end."""
        kept = self._made_up(timetable, schedule, until)
        self._pass_stretches(timetable, schedule, until, kept)
        seconds = list(self._seconds(timetable, until))
        self._take_begun_places(seconds)
        for second in seconds:
            if self._is_exhausted(schedule):
                # Nothing comes of what lies behind the last run, however much that is.
                self.more = False
                break
            if not self._account_second(timetable, schedule, second, kept):
                return False
        return not self.more and not self.openings

    def plan(self, timetable: Timetable, schedule: Schedule) -> SchedulePlan:
        """What came of it."""
        next_second = None
        if not self._is_exhausted(schedule):
            next_second = timetable.next_after(max(self.now, self.cursor))
        paused = is_paused(self.spec, self.now)
        wakes = [self.held_until, self.spec.paused_until if paused else None]
        if next_second is not None and not paused:
            wakes.append(next_second + timetable.delay_of(next_second))
        return SchedulePlan(
            openings=tuple(self.openings),
            lines=self.lines,
            cursor=self.cursor,
            schedule=schedule,
            next_at=None if self.spec.suspend else self._next_shown(timetable, next_second),
            wake_at=min((it for it in wakes if it is not None and it > self.now), default=None),
            more=self.more or bool(self.openings),
            is_settled=not self.more,
        )

    def _seconds(self, timetable: Timetable, until: datetime) -> Iterator[datetime]:
        for number, second in enumerate(timetable.between(self.cursor, until)):
            if number == PASS_SECONDS:
                self.more = True
                return
            yield second

    def _made_up(
        self, timetable: Timetable, schedule: Schedule, until: datetime
    ) -> frozenset[datetime]:
        """The seconds that missedRuns has started however late it is."""
        rule: MissedRuns = self.spec.missed_runs
        if rule.policy is MissedPolicy.NONE:
            return frozenset()
        limit = rule.limit if rule.policy is MissedPolicy.ALL else 1
        most = limit + LOOK_AHEAD if schedule.exclude_calendars else limit
        newest = timetable.newest(until, after=self.cursor, limit=most)
        free = [second for second in newest if self._excluding(schedule, second) is None]
        return frozenset(free[-limit:])

    def _pass_stretches(
        self, timetable: Timetable, schedule: Schedule, until: datetime, kept: frozenset[datetime]
    ) -> None:
        """Accounts at once for all seconds from the cursor on that cannot but share their fate."""
        is_new = schedule.immediate and self.cursor < self.facts.created_at
        if schedule.exclude_calendars or is_new or self._is_exhausted(schedule):
            return
        for stretch in self._stretches(schedule, until, kept):
            end = min(stretch.until, until)
            if end - self.cursor < timedelta(seconds=FEWEST_SECONDS):
                continue
            end = untouched_until(self.cursor, end, self.facts.touched())
            line = tell_stretch(
                timetable, replace(stretch, until=end), after=self.cursor, now=self.now
            )
            if line is None:
                return
            self.lines = append_lines(self.lines, [line])
            self.cursor = line.last
            if line.count >= MOST_SECONDS:
                return

    def _stretches(
        self, schedule: Schedule, until: datetime, kept: frozenset[datetime]
    ) -> Iterator[Stretch]:
        """What is the same for all seconds up to a time, oldest first."""
        if self._is_in_pause(self.cursor + _SECOND):
            yield Stretch(self._pause_ends(until), Fate.SUSPENDED, "Paused")
            return
        if self.status.state is JobState.INVALID:
            yield Stretch(until, Fate.SKIPPED, "Invalid")
            return
        # Jitter moves when a second is due, and so when it is late.
        certain = self.now - timedelta(seconds=schedule.jitter_seconds) - _SECOND
        deadline = self.spec.starting_deadline_seconds
        if deadline is not None:
            yield Stretch(certain - timedelta(seconds=deadline), Fate.MISSED, "DeadlineExceeded")
        oldest_kept = min(kept, default=certain)
        end = min(certain - MISSED_AFTER, oldest_kept - _SECOND)
        if deadline is None:
            yield Stretch(end, Fate.MISSED, self._policy_reason())

    def _pause_ends(self, until: datetime) -> datetime:
        """Up to when ``_is_in_pause`` holds, from a second on for which it does."""
        paused_until = self.spec.paused_until
        if paused_until is not None and self.cursor + _SECOND < paused_until <= self.now:
            return min(until, paused_until - _SECOND)
        if is_paused(self.spec, self.now):
            return until
        return min(until, self.facts.edited_at or self.now)

    def _take_begun_places(self, seconds: Sequence[datetime]) -> None:
        """Begun before a crash and not recorded: these take places before any other is let in."""
        for second in seconds:
            if self.facts.is_begun(second) and self.facts.known(second) is None:
                name = execution_name(self.facts.name, second)
                if name not in (known.name for known in self.places.active):
                    self.places.take(name, second)

    def _account_second(
        self, timetable: Timetable, schedule: Schedule, second: datetime, kept: frozenset[datetime]
    ) -> bool:
        """Accounts for one second; False where the pass ends before it."""
        line = self.facts.known(second)
        if line is None and not self.facts.is_begun(second):
            line = self._passed_over(schedule, second)
        if line is None:
            due_at = second + timetable.delay_of(second)
            if self.now < due_at:
                self.held_until = due_at
                return False
            line = self._let_in(second, due_at, kept)
        if line is None:
            # Opened; what comes behind it stays unaccounted for until it is recorded.
            if len(self.openings) >= PASS_STARTS:
                self.more = True
                return False
            return True
        if self.openings:
            return True
        if len(self.lines) >= PASS_LINES:
            self.more = True
            return False
        self.lines = append_lines(self.lines, [line])
        self.cursor = second
        return True

    def _passed_over(self, schedule: Schedule, second: datetime) -> LedgerLine | None:
        """The line of a second that no rule of starting comes to see."""
        is_creation = schedule.immediate and second == self.facts.created_at
        calendar = self._excluding(schedule, second)
        if calendar is not None and not is_creation:
            return build_line(second, Fate.EXCLUDED, reason="Calendar", name=calendar)
        if self._is_in_pause(second):
            return build_line(second, Fate.SUSPENDED, reason="Paused")
        if self.status.state is JobState.INVALID and not (
            is_creation and self.status.cursor_at is None
        ):
            return build_line(second, Fate.SKIPPED, reason="Invalid")
        return None

    def _excluding(self, schedule: Schedule, second: datetime) -> str | None:
        for name in schedule.exclude_calendars:
            known = self.facts.calendars.get(name)
            if known is not None and is_excluded(known[0], second, known[1]):
                return name
        return None

    def _is_in_pause(self, second: datetime) -> bool:
        """Whether the second lies in a pause whose seconds are left out."""
        if self.spec.on_resume is ResumePolicy.CATCH_UP and not is_paused(self.spec, self.now):
            return False
        until = self.spec.paused_until
        if until is not None and until <= self.now and second < until:
            return True
        if self.status.state is not JobState.PAUSED:
            return False
        if is_paused(self.spec, self.now):
            return True
        # Ended by the time that pausedUntil named, unless by an edit after it.
        edited_at = self.facts.edited_at
        if until is not None and until <= self.now and (edited_at is None or edited_at <= until):
            return False
        return second <= (edited_at or self.now)

    def _let_in(
        self, second: datetime, due_at: datetime, kept: frozenset[datetime]
    ) -> LedgerLine | None:
        """Opens a due second, or tells by which rule it is not."""
        name = execution_name(self.facts.name, second)
        if self.facts.is_begun(second):
            self.openings.append(Opening(second, Admission(Verdict.START)))
            self._opened += 1
            return None
        lateness = self.now - due_at
        reason = self._missed_by(second, lateness, kept)
        if reason is not None:
            return build_line(second, Fate.MISSED, reason=reason, lateness=lateness)
        admission = self.places.admit(name, second)
        if admission.verdict is Verdict.SKIP:
            return build_line(second, Fate.SKIPPED, reason=admission.reason, name=admission.name)
        self.openings.append(Opening(second, admission))
        self._opened += 1
        return None

    def _missed_by(
        self, second: datetime, lateness: timedelta, kept: frozenset[datetime]
    ) -> str | None:
        deadline = self.spec.starting_deadline_seconds
        if deadline is not None and lateness > timedelta(seconds=deadline):
            return "DeadlineExceeded"
        if lateness <= MISSED_AFTER or second in kept:
            return None
        if second == self.facts.created_at and self.spec.schedule.immediate:
            return None
        return self._policy_reason()

    def _policy_reason(self) -> str:
        reasons = {MissedPolicy.LATEST: "NotLatest", MissedPolicy.ALL: "OverLimit"}
        return reasons.get(self.spec.missed_runs.policy, "NotMadeUp")

    def _count_opened(self) -> int:
        """How many seconds count towards maxRuns so far."""
        queued = sum(line.fate is Fate.QUEUED for line in self.status.ledger)
        return self.status.started + queued

    def _is_exhausted(self, schedule: Schedule) -> bool:
        recorded = sum(line.fate in (Fate.STARTED, Fate.QUEUED) for line in self.lines)
        return schedule.max_runs is not None and self._opened + recorded >= schedule.max_runs

    def _next_shown(self, timetable: Timetable, next_second: datetime | None) -> datetime | None:
        """The next second that no calendar excludes and no pause holds, as far as is looked."""
        until = self.spec.paused_until
        if next_second is not None and until is not None and until > self.now:
            next_second = timetable.next_after(until - _SECOND)
        for _ in range(LOOK_AHEAD):
            if next_second is None or self._excluding(self.spec.schedule, next_second) is None:
                return next_second
            next_second = timetable.next_after(next_second)
        return None
