"""Which runs of a job may start beside which: Allow, Forbid, Replace, Queue.

Decided for one job at a time by one worker, so that what was let start counts before the next is
looked at: two runs cannot both find the last place free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from chronos_crds.execution import RunConcurrency, Trigger
from chronos_crds.job import ChronosJobSpec, Concurrency, ConcurrencyPolicy
from chronos_operator.decide.values import ExecutionView

_NOT_DUE = "NotDue"
_PAUSED = "Paused"
_ADOPTION = "Adoption"


class Verdict(Enum):
    """What a run that is due may do."""

    START = "start"
    WAIT = "wait"
    SKIP = "skip"
    MISS = "miss"


@dataclass(frozen=True)
class Admission:
    """A verdict with the rule that made it, and the execution that stands in the way."""

    verdict: Verdict
    reason: str = ""
    name: str = ""


@dataclass(frozen=True)
class Active:
    """An execution that has begun and has not ended."""

    name: str
    scheduled_at: datetime
    backfill: str = ""
    is_cancelled: bool = False


@dataclass
class Places:
    """The places of a job: who is active and who waits, while runs are let in one by one.

    ``waiting`` counts what waits for its turn in the order of its coming; a backfill waits aside.
    ``cancelled`` gathers the executions that have to end so that a newer one can start.
    """

    concurrency: Concurrency
    active: list[Active]
    waiting: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    # By backfill, the first of it that waits: those behind it wait too.
    backfills_ahead: dict[str, str] = field(default_factory=dict)

    def admit(self, name: str, scheduled_at: datetime) -> Admission:
        """Lets a run of the schedule in that has just become due, by the job's policy."""
        admission = self._decide()
        if admission.verdict is Verdict.START:
            self.take(name, scheduled_at)
        elif admission.verdict is Verdict.WAIT:
            self.waiting.append(name)
        return admission

    def take(self, name: str, scheduled_at: datetime) -> None:
        """Counts in a run that has begun already."""
        self.active.append(Active(name, scheduled_at))

    def _decide(self) -> Admission:
        policy = self.concurrency.policy
        if policy is ConcurrencyPolicy.ALLOW:
            return Admission(Verdict.START)
        is_free = len(self.active) < self.concurrency.limit
        if is_free and not self.waiting:
            return Admission(Verdict.START)
        blocker = self.active[0].name if self.active else self.waiting[0]
        if policy is ConcurrencyPolicy.FORBID:
            return Admission(Verdict.SKIP, "Forbid", blocker)
        if policy is ConcurrencyPolicy.REPLACE:
            self.make_room()
            return Admission(Verdict.WAIT, "Replace", blocker)
        if len(self.waiting) >= self.concurrency.queue_limit:
            return Admission(Verdict.SKIP, "QueueFull", blocker)
        return Admission(Verdict.WAIT, "Queue", blocker)

    def make_room(self) -> None:
        """Has the oldest end, so many that one more finds a place."""
        too_many = len(self.active) - self.concurrency.limit + 1
        leaving = sum(1 for known in self.active if known.is_cancelled)
        oldest = sorted(self.active, key=lambda known: known.scheduled_at)
        for known in oldest:
            if leaving >= too_many:
                return
            if not known.is_cancelled:
                self.cancelled.append(known.name)
                self.active[self.active.index(known)] = replace(known, is_cancelled=True)
                leaving += 1


@dataclass(frozen=True)
class Turn:
    """What an execution that was recorded before its start does now.

    ``wake_at``: when to look again, where that is not told by another's end.
    """

    execution: ExecutionView
    admission: Admission
    wake_at: datetime | None = None

    @property
    def is_in_line(self) -> bool:
        """Whether those who come later wait behind it."""
        is_held = self.admission.reason in (_NOT_DUE, _PAUSED, _ADOPTION)
        return _is_in_line(self.execution) and not is_held


def decide_turns(
    spec: ChronosJobSpec,
    waiting: Sequence[ExecutionView],
    places: Places,
    *,
    is_paused: bool,
    now: datetime,
) -> tuple[Turn, ...]:
    """The turns of those that wait, in the order of their coming; those that start take places.

    ``waiting`` may hold some that are not filled in yet: these only keep their place in line.
    """
    places.waiting.clear()
    ordered = sorted(waiting, key=_coming)
    held = [_hold(spec, execution, is_paused=is_paused, now=now) for execution in ordered]
    # Only what could start itself may take the place of others.
    free = [
        it
        for it, turn in zip(ordered, held, strict=True)
        if turn is None and _is_in_line(it) and it.spec.concurrency is RunConcurrency.POLICY
    ]
    newest = max(free, key=_coming, default=None)
    turns = []
    for execution, hold in zip(ordered, held, strict=True):
        turn = hold or _decide_turn(spec, execution, places, is_newest=execution is newest)
        turns.append(turn)
        if turn.admission.verdict is Verdict.START:
            places.active.append(build_active(execution))
        elif turn.admission.verdict is Verdict.WAIT and turn.is_in_line:
            places.waiting.append(execution.meta.name)
        elif turn.admission.verdict is Verdict.WAIT and execution.spec.backfill is not None:
            places.backfills_ahead.setdefault(execution.spec.backfill.id, execution.meta.name)
    return tuple(turns)


def build_active(execution: ExecutionView, *, is_cancelled: bool = False) -> Active:
    """The execution as one that has begun."""
    part = execution.spec.backfill
    return Active(
        execution.meta.name, execution.scheduled_at, part.id if part else "", is_cancelled
    )


def _hold(
    spec: ChronosJobSpec, execution: ExecutionView, *, is_paused: bool, now: datetime
) -> Turn | None:
    """The turn of one that does not start now whoever else is active; None: it may."""
    if now < execution.scheduled_at:
        wait = Admission(Verdict.WAIT, _NOT_DUE)
        return Turn(execution, wait, wake_at=execution.scheduled_at)
    ends_at = _deadline(spec, execution)
    if ends_at is not None and now > ends_at:
        return Turn(execution, Admission(Verdict.MISS, "DeadlineExceeded"))
    if is_paused and execution.spec.is_scheduled:
        return Turn(execution, Admission(Verdict.WAIT, _PAUSED), wake_at=_just_after(ends_at))
    if not execution.spec.is_complete:
        return Turn(execution, Admission(Verdict.WAIT, _ADOPTION))
    return None


def _decide_turn(
    spec: ChronosJobSpec, execution: ExecutionView, places: Places, *, is_newest: bool
) -> Turn:
    admission = _admit_waiting(execution, places, is_newest=is_newest)
    if admission.verdict is not Verdict.WAIT:
        return Turn(execution, admission)
    return Turn(execution, admission, wake_at=_just_after(_deadline(spec, execution)))


def _just_after(deadline: datetime | None) -> datetime | None:
    """When a deadline has passed: at the deadline itself it has not."""
    return None if deadline is None else deadline + timedelta(milliseconds=1)


def _admit_waiting(execution: ExecutionView, places: Places, *, is_newest: bool) -> Admission:
    policy = places.concurrency.policy
    blocked = _blocked_in_backfill(execution, places)
    if blocked is not None:
        return blocked
    if execution.spec.concurrency is RunConcurrency.IGNORE or policy is ConcurrencyPolicy.ALLOW:
        return Admission(Verdict.START)
    in_line = _is_in_line(execution)
    if policy is ConcurrencyPolicy.REPLACE and in_line and not is_newest:
        return Admission(Verdict.SKIP, "Replaced")
    is_free = len(places.active) < places.concurrency.limit
    if is_free and not (in_line and places.waiting):
        return Admission(Verdict.START)
    blocker = places.active[0].name if places.active else places.waiting[0]
    if execution.spec.trigger is Trigger.MANUAL and policy is ConcurrencyPolicy.FORBID:
        return Admission(Verdict.SKIP, "Forbid", blocker)
    if policy is ConcurrencyPolicy.REPLACE and in_line:
        places.make_room()
    return Admission(Verdict.WAIT, str(policy), blocker)


def _blocked_in_backfill(execution: ExecutionView, places: Places) -> Admission | None:
    part = execution.spec.backfill
    if part is None:
        return None
    ahead = places.backfills_ahead.get(part.id)
    beside = [known.name for known in places.active if known.backfill == part.id]
    if ahead is None and len(beside) < part.parallel:
        return None
    return Admission(Verdict.WAIT, "Backfill", beside[0] if beside else ahead or "")


def _is_in_line(execution: ExecutionView) -> bool:
    """Whether it waits in the order of coming; a backfill takes what places are left."""
    return execution.spec.backfill is None


def _coming(execution: ExecutionView) -> tuple[bool, int, datetime, datetime, str]:
    """The order of coming, a backfill behind all others and in its own order."""
    part = execution.spec.backfill
    return (
        part is not None,
        part.position if part is not None else 0,
        execution.created_at,
        execution.scheduled_at,
        execution.meta.name,
    )


def _deadline(spec: ChronosJobSpec, execution: ExecutionView) -> datetime | None:
    seconds = spec.starting_deadline_seconds
    if seconds is None or not execution.spec.is_scheduled:
        return None
    return execution.scheduled_at + timedelta(seconds=seconds)


def list_active(
    executions: Iterable[ExecutionView],
    has_kube_job: Callable[[str], bool],
    is_cancelled: Callable[[str], bool],
    has_living_pod: Callable[[ExecutionView], bool],
) -> list[Active]:
    """The executions that have begun and have not ended, oldest first.

    One whose last attempt has ended for good is over, though its log may still be on the way, as
    soon as its pod runs no more; one that waits for a retry is not. ``has_kube_job`` tells of an
    execution's first attempt, ``is_cancelled`` whether its newest is being ended.
    """
    begun = [
        build_active(known, is_cancelled=is_cancelled(known.meta.name))
        for known in executions
        if is_begun(known, has_kube_job)
        and (not (known.is_final or _is_over(known)) or has_living_pod(known))
    ]
    return sorted(begun, key=lambda known: known.scheduled_at)


def is_begun(execution: ExecutionView, has_kube_job: Callable[[str], bool]) -> bool:
    """Whether its first attempt was started."""
    return (
        not execution.spec.is_recorded_first
        or bool(execution.status.attempts)
        or has_kube_job(execution.meta.name)
    )


def _is_over(execution: ExecutionView) -> bool:
    attempts = execution.status.attempts
    ended = bool(attempts) and attempts[-1].outcome is not None
    return ended and execution.status.next_attempt_at is None
