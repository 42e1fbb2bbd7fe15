"""Which ended executions have had their time: the oldest, and none whose log has no word yet."""

from __future__ import annotations

from datetime import timedelta

from builders import NOON, build_attempt, build_ended, build_execution, build_log
from chronos_crds.execution import ExecutionState, ExecutionStatus, Outcome, Trigger
from chronos_crds.job import History
from chronos_operator.decide.history import select_expired
from chronos_operator.decide.values import ExecutionView

MINUTE = timedelta(minutes=1)
FAILED = ExecutionState.FAILED
CANCELLED = ExecutionState.CANCELLED


def seconds_of(executions: tuple[ExecutionView, ...]) -> list[int]:
    """Minutes after noon, sorted."""
    return sorted((known.spec.scheduled_at - NOON) // MINUTE for known in executions)


def succeeded(count: int) -> list[ExecutionView]:
    # Not in order, as a set of names comes.
    return [build_ended(NOON + number * MINUTE) for number in reversed(range(count))]


def test_the_newest_are_kept() -> None:
    assert seconds_of(select_expired(succeeded(5), History(successful=2))) == [0, 1, 2]


def test_as_many_as_are_kept_all_stay() -> None:
    assert select_expired(succeeded(2), History(successful=2)) == ()
    assert select_expired([], History(successful=0, failed=0)) == ()


def test_none_may_be_kept() -> None:
    assert seconds_of(select_expired(succeeded(3), History(successful=0))) == [0, 1, 2]


def test_failed_and_succeeded_are_counted_apart() -> None:
    failed = [build_ended(NOON + number * MINUTE, FAILED) for number in (10, 11, 12)]
    history = History(successful=1, failed=2)
    assert seconds_of(select_expired([*failed, *succeeded(3)], history)) == [0, 1, 10]


def test_cancelled_ones_count_as_failed() -> None:
    ended = [build_ended(NOON, CANCELLED), build_ended(NOON + MINUTE, FAILED)]
    assert seconds_of(select_expired(ended, History(failed=1))) == [0]


def test_what_has_not_ended_is_neither_counted_nor_expired() -> None:
    open_ones = [
        build_execution(NOON + number * MINUTE, status=ExecutionStatus(state=state))
        for number, state in enumerate([None, ExecutionState.PENDING, ExecutionState.RUNNING])
    ]
    assert select_expired(open_ones, History(successful=0, failed=0)) == ()


def test_one_whose_log_has_no_word_yet_stays() -> None:
    attempt = build_attempt(outcome=Outcome.SUCCEEDED, completed_at=NOON, pod="p")
    late = build_ended(NOON, attempts=(attempt,))
    assert select_expired([late], History(successful=0)) == ()


def test_a_word_that_the_log_is_lost_is_word_enough() -> None:
    lost = build_log(complete=False, message="gave up after an hour")
    attempt = build_attempt(outcome=Outcome.FAILED, completed_at=NOON, pod="p", log=lost)
    known = build_ended(NOON, FAILED, attempts=(attempt,))
    assert select_expired([known], History(failed=0)) == (known,)


def test_an_attempt_that_never_had_a_pod_has_no_log_to_wait_for() -> None:
    denied = build_attempt(outcome=Outcome.DENIED, completed_at=NOON)
    known = build_ended(NOON, FAILED, attempts=(denied,))
    assert select_expired([known], History(failed=0)) == (known,)


def test_each_attempts_log_must_have_its_word() -> None:
    first = build_attempt(1, outcome=Outcome.FAILED, completed_at=NOON, pod="p")
    second = build_attempt(2, outcome=Outcome.FAILED, completed_at=NOON, pod="q", log=build_log())
    known = build_ended(NOON, FAILED, attempts=(first, second))
    assert select_expired([known], History(failed=0)) == ()


def test_a_backfilled_execution_of_an_old_second_is_as_new_as_its_end() -> None:
    hour = timedelta(hours=1)
    old = build_ended(NOON - 24 * hour, completed_at=NOON + hour, trigger=Trigger.BACKFILL)
    recent = [build_ended(NOON + n * MINUTE, completed_at=NOON + n * MINUTE) for n in range(3)]
    expired = select_expired([old, *recent], History(successful=2))
    assert seconds_of(expired) == [0, 1]


def test_what_never_began_counts_as_failed_and_needs_no_log() -> None:
    ends = (ExecutionState.SKIPPED, ExecutionState.MISSED)
    executions = [
        build_execution(
            NOON + n * MINUTE,
            status=ExecutionStatus(state=state, reason="x", completed_at=NOON + n * MINUTE),
        )
        for n, state in enumerate(ends)
    ]
    assert seconds_of(select_expired(executions, History(failed=1))) == [0]
