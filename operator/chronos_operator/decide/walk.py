"""One pass over the seconds of a job: what each is, by which rule."""

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
)
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.naming import execution_name
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import Timetable
from chronos_operator.decide.concurrency import Admission, Places, Verdict
from chronos_operator.decide.ledger import append_lines, build_line
from chronos_operator.decide.pause import Pause
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
    when the spec was last written, where that is known; ``mended_at``: when it, or a calendar it
    names, was. ``calendars``: those the schedule names, with their zones.
    """

    name: str
    uid: str
    created_at: datetime
    known: Callable[[datetime], LedgerLine | None]
    is_begun: Callable[[datetime], bool]
    touched: Callable[[], Iterable[datetime]] = tuple
    edited_at: datetime | None = None
    mended_at: datetime | None = None
    calendars: Mapping[str, tuple[ChronosCalendarSpec, ZoneInfo]] = field(default_factory=dict)


@dataclass(frozen=True)
class Opening:
    """A due second that gets an execution: started at once, or recorded to wait its turn."""

    scheduled_at: datetime
    admission: Admission


@dataclass
class Walk:
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
        self.pause = Pause(self.spec, self.status.state, self.facts.edited_at, self.now)
        self._opened = self._count_opened()

    def account(
        self, timetable: Timetable, schedule: Schedule, until: datetime, *, holds: bool = True
    ) -> bool:
        """Finds the fate of each second up to ``until``; whether it came to the end.

        ``holds``: jitter holds a second back. Where the schedule has ended since it does not: what
        is to come is the new one's.
        """
        kept = self._made_up(timetable, schedule, until)
        self._pass_stretches(timetable, schedule, until, kept)
        seconds = list(self._seconds(timetable, until))
        self._take_begun_places(seconds)
        for second in seconds:
            if self.is_exhausted(schedule):
                # Nothing comes of what lies behind the last run, however much that is.
                self.more = False
                break
            delay = timetable.delay_of(second) if holds else timedelta()
            if not self._account_second(schedule, second, second + delay, kept):
                return False
        return not self.more and not self.openings

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
        free = [second for second in newest if self.excluding(schedule, second) is None]
        return frozenset(free[-limit:])

    def _pass_stretches(
        self, timetable: Timetable, schedule: Schedule, until: datetime, kept: frozenset[datetime]
    ) -> None:
        """Accounts at once for all seconds from the cursor on that cannot but share their fate."""
        is_new = schedule.immediate and self.cursor < self.facts.created_at
        if schedule.exclude_calendars or is_new or self.is_exhausted(schedule):
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
        first = self.cursor + _SECOND
        if self.pause.leaves_out(first):
            yield Stretch(self.pause.ends_at(first, until), Fate.SUSPENDED, "Paused")
            return
        if self._is_invalid_at(first):
            yield Stretch(min(until, self._valid_from), Fate.SKIPPED, "Invalid")
            return
        # Jitter moves when a second is due, and so when it is late.
        certain = self.now - timedelta(seconds=schedule.jitter_seconds) - _SECOND
        deadline = self.spec.starting_deadline_seconds
        if self.pause.is_on:
            return
        if deadline is not None:
            yield Stretch(certain - timedelta(seconds=deadline), Fate.MISSED, "DeadlineExceeded")
        oldest_kept = min(kept, default=certain)
        end = min(certain - MISSED_AFTER, oldest_kept - _SECOND)
        if deadline is None:
            yield Stretch(end, Fate.MISSED, self._policy_reason())

    def _take_begun_places(self, seconds: Sequence[datetime]) -> None:
        """Begun before a crash and not recorded: these take places before any other is let in."""
        for second in seconds:
            if self.facts.is_begun(second) and self.facts.known(second) is None:
                name = execution_name(self.facts.name, second)
                if name not in (known.name for known in self.places.active):
                    self.places.take(name, second)

    def _account_second(
        self, schedule: Schedule, second: datetime, due_at: datetime, kept: frozenset[datetime]
    ) -> bool:
        """Accounts for one second; False where the pass ends before it."""
        line = self.facts.known(second)
        if line is None and not self.facts.is_begun(second):
            line = self._passed_over(schedule, second)
        if line is None:
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
        calendar = self.excluding(schedule, second)
        if calendar is not None and not is_creation:
            return build_line(second, Fate.EXCLUDED, reason="Calendar", name=calendar)
        if self.pause.leaves_out(second):
            return build_line(second, Fate.SUSPENDED, reason="Paused")
        is_first = is_creation and self.status.cursor_at is None
        if self._is_invalid_at(second) and not is_first:
            return build_line(second, Fate.SKIPPED, reason="Invalid")
        return None

    def _is_invalid_at(self, second: datetime) -> bool:
        return self.status.state is JobState.INVALID and second <= self._valid_from

    @property
    def _valid_from(self) -> datetime:
        """When a job that was invalid was mended."""
        return min(self.facts.mended_at or self.now, self.now)

    def excluding(self, schedule: Schedule, second: datetime) -> str | None:
        for name in schedule.exclude_calendars:
            known = self.facts.calendars.get(name)
            if known is not None and is_excluded(known[0], second, known[1]):
                return name
        return None

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
        if self.pause.is_on:
            # It was due before the pause, and nothing is started in one.
            return "Paused"
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

    def is_exhausted(self, schedule: Schedule) -> bool:
        recorded = sum(line.fate in (Fate.STARTED, Fate.QUEUED) for line in self.lines)
        return schedule.max_runs is not None and self._opened + recorded >= schedule.max_runs
