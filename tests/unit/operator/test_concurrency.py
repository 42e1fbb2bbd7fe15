"""Which runs start beside which: no more than the limit, first in first out, none lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOON, build_attempt, build_ended, build_execution, build_spec
from chronos_crds.execution import (
    BackfillPart,
    ExecutionState,
    ExecutionStatus,
    Outcome,
    RunConcurrency,
    Trigger,
)
from chronos_crds.job import ChronosJobSpec, Concurrency, ConcurrencyPolicy
from chronos_operator.decide.concurrency import (
    Active,
    Places,
    Turn,
    Verdict,
    decide_turns,
    is_begun,
    list_active,
)
from chronos_operator.decide.values import ExecutionView

SECOND = timedelta(seconds=1)


def at(seconds: float) -> datetime:
    return NOON + seconds * SECOND


def job(policy: str, **fields: Any) -> ChronosJobSpec:
    more = {name: fields.pop(name) for name in ("limit", "queueLimit") if name in fields}
    return build_spec(concurrency={"policy": policy, **more}, **fields)


def queued(name: str, second: float, *, came: float | None = None, **spec: Any) -> ExecutionView:
    """A run of the schedule that was recorded to wait its turn."""
    created = at(second if came is None else came)
    return build_execution(at(second), name=name, created=created, queued=True, **spec)


def by_hand(name: str, second: float, *, came: float | None = None, **spec: Any) -> ExecutionView:
    created = at(second if came is None else came)
    return build_execution(at(second), name=name, created=created, trigger=Trigger.MANUAL, **spec)


def backfilled(
    name: str, second: float, *, position: int, parallel: int = 1, came: float = 0, id: str = "b"
) -> ExecutionView:
    part = BackfillPart(id=id, position=position, parallel=parallel)
    return build_execution(
        at(second), name=name, created=at(came), trigger=Trigger.BACKFILL, backfill=part
    )


IGNORE = {"concurrency": RunConcurrency.IGNORE}
ALLOW, FORBID, REPLACE, QUEUE = (job(policy) for policy in ("Allow", "Forbid", "Replace", "Queue"))
A, B = Active("a", at(-20)), Active("b", at(-10))


def tell(turns: Sequence[Turn]) -> list[str]:
    words = {
        Verdict.START: "starts",
        Verdict.WAIT: "waits",
        Verdict.SKIP: "skipped",
        Verdict.MISS: "missed",
    }
    return [
        " ".join(
            part
            for part in (
                turn.execution.meta.name,
                words[turn.admission.verdict],
                turn.admission.reason,
                f"for {turn.admission.name}" if turn.admission.name else "",
            )
            if part
        )
        for turn in turns
    ]


Row = tuple[str, ChronosJobSpec, list[Active], list[ExecutionView], list[str], list[str]]

# What, the spec, who is active, who waits; who does what, and who has to end. It is noon.
ROWS: list[Row] = [
    ("nobody waits", QUEUE, [A], [], [], []),
    ("a place is free", QUEUE, [], [queued("x", -1)], ["x starts"], []),
    ("no place is free", QUEUE, [A], [queued("x", -1)], ["x waits Queue for a"], []),
    ("first in, first out, whatever the names say", QUEUE, [],
     [queued("a2", -2), queued("z1", -3)], ["z1 starts", "a2 waits Queue for z1"], []),
    ("two that came in one second: the earlier second first", QUEUE, [],
     [queued("y", -3, came=-1), queued("x", -4, came=-1)],
     ["x starts", "y waits Queue for x"], []),
    ("a limit of two", job("Queue", limit=2), [A],
     [queued("x", -3), queued("y", -2)], ["x starts", "y waits Queue for a"], []),
    ("one by hand waits in the same line", QUEUE, [A],
     [queued("x", -2), by_hand("m", -3)], ["m waits Queue for a", "x waits Queue for a"], []),
    ("one by hand may jump the line where it says so", QUEUE, [A],
     [queued("x", -3), by_hand("m", -2, **IGNORE)], ["x waits Queue for a", "m starts"], []),
    ("one by hand, forbidden", FORBID, [A], [by_hand("m", -2)], ["m skipped Forbid for a"], []),
    ("one by hand, and a place is free", FORBID, [], [by_hand("m", -2)], ["m starts"], []),
    ("two by hand, and one place is free", FORBID, [],
     [by_hand("m", -3), by_hand("n", -2)], ["m starts", "n skipped Forbid for m"], []),
    ("one by hand that ignores what is forbidden", FORBID, [A], [by_hand("m", -2, **IGNORE)],
     ["m starts"], []),
    ("one by hand where all is allowed", ALLOW, [A], [by_hand("m", -2)], ["m starts"], []),
    ("one by hand for later", ALLOW, [], [by_hand("m", 5, came=-5)], ["m waits NotDue"], []),
    ("one by hand for later stands in nobody's way", QUEUE, [],
     [by_hand("m", 5, came=-5), queued("x", -1)], ["m waits NotDue", "x starts"], []),
    ("one by hand at the very second", ALLOW, [], [by_hand("m", 0, came=-5)], ["m starts"], []),
    ("what waited for a place under an earlier rule", FORBID, [A], [queued("x", -2)],
     ["x waits Forbid for a"], []),
    ("what waited, and all is allowed now", ALLOW, [A], [queued("x", -3), queued("y", -2)],
     ["x starts", "y starts"], []),
    # Replace.
    ("the newest waits for the one it replaces", REPLACE, [A], [queued("x", -1)],
     ["x waits Replace for a"], ["a"]),
    ("the one that is replaced has ended", REPLACE, [], [queued("x", -1)], ["x starts"], []),
    ("what is being ended already is not told again", REPLACE,
     [Active("a", at(-20), is_cancelled=True)], [queued("x", -1)],
     ["x waits Replace for a"], []),
    ("of several that wait the newest is left", REPLACE, [A],
     [queued("x", -3), queued("y", -2), queued("z", -1)],
     ["x skipped Replaced", "y skipped Replaced", "z waits Replace for a"], ["a"]),
    ("only the oldest ends where two may be active", job("Replace", limit=2), [A, B],
     [queued("x", -1)], ["x waits Replace for a"], ["a"]),
    ("more are active than may be: so many end", REPLACE, [A, B], [queued("x", -1)],
     ["x waits Replace for a"], ["a", "b"]),
    ("one by hand replaces, too", REPLACE, [A], [by_hand("m", -1)], ["m waits Replace for a"],
     ["a"]),
    ("a backfill replaces nobody", REPLACE, [A], [backfilled("p", -900, position=1)],
     ["p waits Replace for a"], []),
    ("one that is not due replaces nobody", REPLACE, [A],
     [queued("x", -1), by_hand("m", 5, came=0)],
     ["x waits Replace for a", "m waits NotDue"], ["a"]),
    ("one that ignores the rule replaces nobody", REPLACE, [A],
     [queued("x", -2), by_hand("m", -1, **IGNORE)], ["x waits Replace for a", "m starts"], ["a"]),
    # Backfills.
    ("a backfill goes in its order, one at a time", ALLOW, [],
     [backfilled("q", -500, position=2), backfilled("p", -900, position=1)],
     ["p starts", "q waits Backfill for p"], []),
    ("newest first is an order, too", ALLOW, [],
     [backfilled("p", -900, position=2), backfilled("q", -500, position=1)],
     ["q starts", "p waits Backfill for q"], []),
    ("its order is kept though the second was stored sooner", ALLOW, [],
     [backfilled("q", -500, position=2, came=-9), backfilled("p", -900, position=1, came=-8)],
     ["p starts", "q waits Backfill for p"], []),
    ("two of a backfill at a time", ALLOW, [],
     [backfilled(name, -900, position=n, parallel=2) for n, name in enumerate("pqr", 1)],
     ["p starts", "q starts", "r waits Backfill for p"], []),
    ("another backfill's runs do not count", ALLOW, [Active("o", at(-5), backfill="other")],
     [backfilled("p", -900, position=1)], ["p starts"], []),
    ("its own do", ALLOW, [Active("o", at(-5), backfill="b")],
     [backfilled("p", -900, position=1)], ["p waits Backfill for o"], []),
    ("a backfill obeys the job's rule, and waits", FORBID, [A],
     [backfilled("p", -900, position=1)], ["p waits Forbid for a"], []),
    ("a backfill stands behind those in line", QUEUE, [],
     [backfilled("p", -900, position=1, came=-99), queued("x", -1)],
     ["x starts", "p waits Queue for x"], []),
    ("a backfill stands in nobody's way", QUEUE, [A],
     [backfilled("p", -900, position=1, came=-99), queued("x", -1)],
     ["x waits Queue for a", "p waits Queue for a"], []),
    ("what of a backfill is held holds what is behind it", QUEUE, [A],
     [backfilled("p", -900, position=1, parallel=2), backfilled("q", -500, position=2, parallel=2)],
     ["p waits Queue for a", "q waits Backfill for p"], []),
    # Deadlines.
    ("its deadline has passed in the queue", job("Queue", startingDeadlineSeconds=60), [A],
     [queued("x", -61), queued("y", -60)], ["x missed DeadlineExceeded", "y waits Queue for a"],
     []),
    ("what was asked for by hand has no deadline", job("Queue", startingDeadlineSeconds=60), [],
     [by_hand("m", -500), backfilled("p", -900, position=1)],
     ["m starts", "p waits Queue for m"], []),
    ("a missed one makes way", job("Queue", startingDeadlineSeconds=60), [],
     [queued("x", -61), queued("y", -5)], ["x missed DeadlineExceeded", "y starts"], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "active", "waiting", "told", "cancelled"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_whose_turn_it_is(
    spec: ChronosJobSpec,
    active: list[Active],
    waiting: list[ExecutionView],
    told: list[str],
    cancelled: list[str],
) -> None:
    places = Places(spec.concurrency, list(active))
    turns = decide_turns(spec, waiting, places, is_paused=False, now=NOON)
    assert tell(turns) == told
    assert places.cancelled == cancelled
    # In whatever order they are handed over, the answer is the same.
    again = Places(spec.concurrency, list(active))
    assert tell(decide_turns(spec, waiting[::-1], again, is_paused=False, now=NOON)) == told


def test_in_a_pause_the_schedules_runs_wait_and_those_asked_for_by_people_go_on() -> None:
    waiting = [queued("x", -3), by_hand("m", -2), backfilled("p", -900, position=1)]
    turns = decide_turns(ALLOW, waiting, Places(ALLOW.concurrency, []), is_paused=True, now=NOON)
    assert tell(turns) == ["x waits Paused", "m starts", "p starts"]


def test_one_that_a_pause_holds_replaces_nobody() -> None:
    waiting = [by_hand("m", -3), queued("x", -2)]
    turns = decide_turns(
        REPLACE, waiting, Places(REPLACE.concurrency, []), is_paused=True, now=NOON
    )
    assert tell(turns) == ["m starts", "x waits Paused"]


def test_one_whose_deadline_has_passed_replaces_nobody() -> None:
    spec = job("Replace", startingDeadlineSeconds=60)
    waiting = [by_hand("m", -90), queued("x", -70)]
    turns = decide_turns(spec, waiting, Places(spec.concurrency, []), is_paused=False, now=NOON)
    assert tell(turns) == ["m starts", "x missed DeadlineExceeded"]


def test_one_that_is_not_filled_in_yet_keeps_its_place_and_does_not_start() -> None:
    bare = by_hand("m", -3)
    spec = bare.spec.model_copy(update={"workload": None, "retry": None})
    bare = ExecutionView(bare.meta, spec, bare.status)
    turns = decide_turns(
        QUEUE, [bare, queued("x", -2)], Places(QUEUE.concurrency, []), is_paused=False, now=NOON
    )
    assert tell(turns) == ["m waits Adoption", "x starts"]


WAKES: list[tuple[str, ExecutionView, dict[str, Any], float | None]] = [
    ("one for later: at its time", by_hand("m", 5, came=-5), {}, 5),
    ("one that waits for another's end: whenever that ends", queued("x", -10), {}, None),
    ("one with a deadline: when that has passed", queued("x", -10),
     {"startingDeadlineSeconds": 60}, 50.001),
    ("one that starts: never", queued("x", -10), {"free": True}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("execution", "fields", "wake"), [row[1:] for row in WAKES], ids=[row[0] for row in WAKES]
)
def test_when_to_look_again(
    execution: ExecutionView, fields: dict[str, Any], wake: float | None
) -> None:
    active = [] if fields.pop("free", False) else [A]
    spec = job("Queue", **fields)
    (turn,) = decide_turns(
        spec, [execution], Places(spec.concurrency, active), is_paused=False, now=NOON
    )
    assert turn.wake_at == (None if wake is None else at(wake))


# --- who is active


def status_of(*attempts: Any, **fields: Any) -> ExecutionStatus:
    return ExecutionStatus(state=ExecutionState.RUNNING, attempts=attempts, **fields)


FAILED = build_attempt(outcome=Outcome.FAILED, completed_at=NOON)

ACTIVE: list[tuple[str, ExecutionView, dict[str, bool], bool]] = [
    ("one of the schedule that was recorded is begun", build_execution(NOON), {}, True),
    ("one that was recorded first is not", queued("x", 0), {}, False),
    ("until its kube job is there", queued("x", 0), {"kube_job": True}, True),
    ("or its first attempt is recorded", queued("x", 0, status=status_of(build_attempt())), {},
     True),
    ("one by hand is not begun by being there", by_hand("m", 0), {}, False),
    ("its command runs", build_execution(NOON, status=status_of(build_attempt())), {}, True),
    ("its last attempt has ended, the log is on its way",
     build_execution(NOON, status=status_of(FAILED)), {}, False),
    ("its last attempt has ended, but its pod lives on",
     build_execution(NOON, status=status_of(FAILED)), {"pod": True}, True),
    ("it waits for its next attempt",
     build_execution(NOON, status=status_of(FAILED, next_attempt_at=NOON + SECOND)), {}, True),
    ("it has ended", build_ended(NOON), {}, False),
    ("it has ended, but its pod lives on", build_ended(NOON), {"pod": True}, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("execution", "observed", "is_active"),
    [row[1:] for row in ACTIVE],
    ids=[row[0] for row in ACTIVE],
)
def test_who_is_active(
    execution: ExecutionView, observed: dict[str, bool], is_active: bool
) -> None:
    active = list_active(
        [execution],
        lambda _: observed.get("kube_job", False),
        lambda _: False,
        lambda _: observed.get("pod", False),
    )
    assert [known.name for known in active] == ([execution.meta.name] if is_active else [])


def test_the_active_are_told_oldest_first_and_whether_they_are_being_ended() -> None:
    executions = [build_execution(at(5)), build_execution(at(-5))]
    old = executions[1].meta.name
    active = list_active(executions, lambda _: True, lambda name: name == old, lambda _: False)
    assert [(known.scheduled_at, known.is_cancelled) for known in active] == [
        (at(-5), True),
        (at(5), False),
    ]


# --- whatever comes and ends, in whatever order


@dataclass
class World:
    """A job whose runs come, start and end; only what a reconciler would know is handed on."""

    spec: ChronosJobSpec
    second: int = 0
    active: list[Active] = field(default_factory=list)
    waiting: list[ExecutionView] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    came: list[str] = field(default_factory=list)

    def step(self, arrivals: int, ends: int) -> None:
        """A second passes: some end, those whose turn it is start, some come due."""
        self.second += 1
        del self.active[:ends]
        now = at(self.second)
        places = Places(self.spec.concurrency, list(self.active))
        turns = decide_turns(self.spec, self.waiting, places, is_paused=False, now=now)
        self.waiting = []
        for turn in turns:
            self._follow(turn.execution, turn.admission.verdict)
        for number in range(arrivals):
            name = f"r{self.second:03d}-{number}"
            self.came.append(name)
            execution = queued(name, self.second)
            self._follow(execution, places.admit(name, now).verdict)
        # Who has to end, has ended when the next second comes.
        self.active = [known for known in self.active if known.name not in places.cancelled]

    def _follow(self, execution: ExecutionView, verdict: Verdict) -> None:
        name = execution.meta.name
        if verdict is Verdict.START:
            self.started.append(name)
            self.active.append(Active(name, execution.scheduled_at))
        elif verdict is Verdict.WAIT:
            self.waiting.append(execution)
        else:
            self.dropped.append(name)


LIMITED = [ConcurrencyPolicy.FORBID, ConcurrencyPolicy.QUEUE, ConcurrencyPolicy.REPLACE]
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    policy=st.sampled_from(LIMITED),
    limit=st.integers(1, 3),
    queue_limit=st.integers(1, 5),
    steps=STEPS,
)
def test_whatever_comes_and_ends(
    policy: ConcurrencyPolicy, limit: int, queue_limit: int, steps: list[tuple[int, int]]
) -> None:
    rule = Concurrency(policy=policy, limit=limit, queue_limit=queue_limit)
    world = World(build_spec().model_copy(update={"concurrency": rule}))
    for arrivals, ends in steps:
        world.step(arrivals, ends)
        assert len(world.active) <= limit
        assert len(world.waiting) <= max(queue_limit, 3)
    waiting = [known.meta.name for known in world.waiting]
    # Each that came has exactly one fate.
    assert sorted([*world.started, *world.dropped, *waiting]) == sorted(world.came)
    if policy is ConcurrencyPolicy.QUEUE:
        assert world.started == sorted(world.started)
        assert all(name > world.started[-1] for name in waiting if world.started)
    if policy is ConcurrencyPolicy.FORBID:
        assert waiting == []
    # When nothing comes any more, all that wait get their turn.
    for _ in range(20):
        world.step(0, limit)
    assert world.waiting == []
    if policy is ConcurrencyPolicy.REPLACE and world.came:
        assert max(world.came) in world.started
    if policy is ConcurrencyPolicy.QUEUE:
        assert world.started == sorted(world.started)


def test_begun_is_told_by_the_first_attempt() -> None:
    assert is_begun(build_execution(NOON), lambda _: False)
    assert not is_begun(by_hand("m", 0), lambda _: False)
    assert is_begun(by_hand("m", 0), lambda name: name == "m")
