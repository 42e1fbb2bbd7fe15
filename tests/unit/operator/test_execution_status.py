"""An execution's status and next step, from what is observed of its attempts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import (
    NOON,
    build_attempt,
    build_ended,
    build_execution,
    build_kube_job,
    build_log,
    build_pod,
    running,
    terminated,
    waiting,
)
from chronos_crds.execution import Attempt, ExecutionState, ExecutionStatus, Outcome
from chronos_crds.job import Retry
from chronos_crds.naming import ANNOTATION_CANCELLED
from chronos_operator.decide.status import (
    LOG_PATIENCE,
    Denial,
    ExecutionPlan,
    Observation,
    compute_attempt,
    decide_execution,
)
from chronos_operator.decide.values import PodView

SECOND = timedelta(seconds=1)
LOG = build_log()
THRICE = Retry(max_attempts=3, initial_seconds=10, factor=2.0)

COMPLETE = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-01T12:00:05Z"}
FAILED = {"type": "Failed", "status": "True", "lastTransitionTime": "2026-03-01T12:00:05Z"}


def pod_of(number: int = 1, **fields: Any) -> PodView:
    return build_pod(kube_job=f"hello-1772366400-{number}", **fields)


def seen(
    number: int = 1, *, log: Any = None, kube: Any = None, moved: float | None = None, **pod: Any
) -> Observation:
    """An attempt with its kube job, and its pod where anything is said of one.

    ``moved``: when bytes of its log last came through, in seconds after noon.
    """
    return Observation(
        build_kube_job(number, **(kube or {})),
        pod_of(number, **pod) if pod else None,
        log,
        log_moved_at=None if moved is None else NOON + moved * SECOND,
    )


def ended(
    code: int, *, number: int = 1, log: Any = None, at: int = 5, **fields: Any
) -> Observation:
    """An attempt whose command ended with that code ``at`` seconds after noon."""
    state = terminated(code, finished=NOON + at * SECOND)
    phase = "Succeeded" if code == 0 else "Failed"
    return seen(number, log=log, phase=phase, state=state, **fields)


def cancelled(code: int, **fields: Any) -> Observation:
    """An attempt that Chronos had end, and whose command then did so with that code."""
    kube = {"annotations": {ANNOTATION_CANCELLED: "Replaced"}}
    return ended(code, kube=kube, **fields)


def denied(at: datetime = NOON) -> Observation:
    return Observation(None, None, None, denial=Denial("exceeded quota", at))


def decide(
    observations: Mapping[int, Observation] | None = None,
    *,
    now: float = 6,
    may_start: bool = True,
    retry: Retry | None = None,
    attempts: tuple[Attempt, ...] = (),
    state: ExecutionState | None = ExecutionState.PENDING,
) -> ExecutionPlan:
    """The plan ``now`` seconds after noon, its scheduled second."""
    execution = build_execution(
        NOON, retry=retry, status=ExecutionStatus(state=state, attempts=attempts)
    )
    return decide_execution(
        execution, observations or {}, may_start=may_start, now=NOON + now * SECOND
    )


PENDING, RUNNING = ExecutionState.PENDING, ExecutionState.RUNNING
SUCCEEDED, STATE_FAILED = ExecutionState.SUCCEEDED, ExecutionState.FAILED
STATE_CANCELLED = ExecutionState.CANCELLED

# What is observed, more arguments, then: state, reason, attempt to start, when to look again.
STEPS: list[
    tuple[str, dict[int, Observation], dict[str, Any],
          ExecutionState, str | None, int | None, float | None]
] = [
    ("nothing begun: the first attempt is the job's to start", {}, {}, PENDING, None, None, None),
    ("nothing begun, and it may not", {}, {"may_start": False}, PENDING, None, None, None),
    ("its kube job is there, no pod yet", {1: seen()}, {}, PENDING, None, None, None),
    ("its pod is there", {1: seen(phase="Pending")}, {}, PENDING, None, None, None),
    ("its image does not exist", {1: seen(state=waiting("ErrImagePull"))}, {},
     PENDING, "ImageUnavailable", None, None),
    ("its command runs", {1: seen(phase="Running", state=running())}, {},
     RUNNING, None, None, None),
    ("its job may not start, but it runs already",
     {1: seen(phase="Running", state=running())}, {"may_start": False},
     RUNNING, None, None, None),
    ("its command ended well, the log is on its way", {1: ended(0)}, {},
     RUNNING, "ShippingLog", None, 25),
    ("its command ended well, and the log lies there", {1: ended(0, log=LOG)}, {},
     SUCCEEDED, "Succeeded", None, None),
    ("its log takes longer than one waits: its word is asked for at once", {1: ended(0)},
     {"now": 25}, SUCCEEDED, "Succeeded", None, 25),
    ("it ended long ago, and nobody was there: the word about its log is asked for at once",
     {1: ended(0)}, {"now": 5000}, SUCCEEDED, "Succeeded", None, 25),
    ("its log takes long, but it moves", {1: ended(0, moved=24)}, {"now": 25},
     RUNNING, "ShippingLog", None, 44),
    ("its log has not moved since before the end", {1: ended(0, moved=1)}, {},
     RUNNING, "ShippingLog", None, 25),
    ("its log moves no more", {1: ended(0, moved=24)}, {"now": 44},
     SUCCEEDED, "Succeeded", None, 25),
    ("its log is lost, and that is said",
     {1: ended(0, log=build_log(complete=False, message="m"))}, {},
     SUCCEEDED, "Succeeded", None, None),
    ("its command failed, the log is on its way", {1: ended(3)}, {},
     RUNNING, "ShippingLog", None, 25),
    ("its command failed, and no attempt is left", {1: ended(3, log=LOG)}, {},
     STATE_FAILED, "Failed", None, None),
    ("it was killed for memory",
     {1: seen(log=LOG, phase="Failed",
              state=terminated(137, reason="OOMKilled", finished=NOON + 5 * SECOND))},
     {}, STATE_FAILED, "OutOfMemory", None, None),
    ("it was refused: there is no log to wait for", {1: denied()}, {},
     STATE_FAILED, "Denied", None, None),
    ("its kube job was deleted by somebody",
     {1: Observation(None, None, None, denial=Denial("m", NOON, Outcome.DELETED))}, {},
     STATE_FAILED, "Deleted", None, None),
    ("its kube job ended, and the pod was never seen", {1: seen(kube={"condition": COMPLETE})}, {},
     SUCCEEDED, "Succeeded", None, 25),
    ("it failed, two attempts are left", {1: ended(3, log=LOG)}, {"retry": THRICE},
     PENDING, "WaitingForRetry", None, 15),
    ("it failed, and its log does not hold up the retry", {1: ended(3)}, {"retry": THRICE},
     PENDING, "WaitingForRetry", None, 15),
    ("a moment before the retry is due", {1: ended(3)}, {"retry": THRICE, "now": 14.999},
     PENDING, "WaitingForRetry", None, 15),
    ("the retry is due", {1: ended(3)}, {"retry": THRICE, "now": 15},
     PENDING, "WaitingForRetry", 2, None),
    ("the retry was due long ago", {1: ended(3)}, {"retry": THRICE, "now": 5000},
     PENDING, "WaitingForRetry", 2, None),
    ("the retry is due, but the job is suspended",
     {1: ended(3)}, {"retry": THRICE, "now": 15, "may_start": False},
     PENDING, "Paused", None, None),
    ("the retry will be due, but the job is suspended",
     {1: ended(3)}, {"retry": THRICE, "may_start": False}, PENDING, "Paused", None, None),
    ("it was refused, and is tried again", {1: denied()}, {"retry": THRICE},
     PENDING, "WaitingForRetry", None, 10),
    ("the second attempt waits", {1: ended(3, log=LOG), 2: seen(2)}, {"retry": THRICE},
     PENDING, None, None, None),
    ("the second attempt runs",
     {1: ended(3, log=LOG), 2: seen(2, phase="Running", state=running())},
     {"retry": THRICE}, RUNNING, None, None, None),
    ("the second attempt failed, too, and the delay doubles",
     {1: ended(3, log=LOG), 2: ended(3, number=2, log=LOG, at=20)}, {"retry": THRICE, "now": 21},
     PENDING, "WaitingForRetry", None, 40),
    ("the third attempt is due", {1: ended(3), 2: ended(3, number=2, at=20)},
     {"retry": THRICE, "now": 40}, PENDING, "WaitingForRetry", 3, None),
    ("the last attempt failed, too",
     {n: ended(3, number=n, log=LOG) for n in (1, 2, 3)}, {"retry": THRICE},
     STATE_FAILED, "Failed", None, None),
    ("it was cancelled, and is not tried again",
     {1: cancelled(143, log=LOG)}, {"retry": THRICE}, STATE_CANCELLED, "Replaced", None, None),
    ("it was cancelled, and its log is on its way",
     {1: cancelled(143)}, {"retry": THRICE}, RUNNING, "ShippingLog", None, 25),
    ("it succeeded before the cancellation came to it",
     {1: cancelled(0, log=LOG)}, {}, SUCCEEDED, "Succeeded", None, None),
    ("the second attempt was cancelled",
     {1: ended(3, log=LOG), 2: cancelled(143, number=2, log=LOG, at=20)}, {"retry": THRICE},
     STATE_CANCELLED, "Replaced", None, None),
    ("the second attempt succeeded",
     {1: ended(3, log=LOG), 2: ended(0, number=2, log=LOG)}, {"retry": THRICE},
     SUCCEEDED, "Succeeded", None, None),
    ("the first attempt's late log does not hold up the end",
     {1: ended(3), 2: ended(0, number=2, log=LOG)}, {"retry": THRICE},
     SUCCEEDED, "Succeeded", None, 25),
]  # fmt: skip


@pytest.mark.parametrize(
    ("observations", "more", "state", "reason", "start", "wake"),
    [row[1:] for row in STEPS],
    ids=[row[0] for row in STEPS],
)
def test_a_step(
    observations: dict[int, Observation],
    more: dict[str, Any],
    state: ExecutionState,
    reason: str | None,
    start: int | None,
    wake: float | None,
) -> None:
    plan = decide(observations, **more)
    assert (plan.status.state, plan.status.reason) == (state, reason)
    assert plan.start == start
    assert plan.wake_at == (None if wake is None else NOON + wake * SECOND)
    assert plan.status.attempt_count == len(plan.status.attempts) == len(observations)


@pytest.mark.parametrize(
    ("observations", "more"),
    [row[1:3] for row in STEPS],
    ids=[row[0] for row in STEPS],
)
def test_a_step_repeated_changes_nothing(
    observations: dict[int, Observation], more: dict[str, Any]
) -> None:
    first = decide(observations, **more)
    again = decide(observations, **more, attempts=first.status.attempts, state=first.status.state)
    assert again.status.attempts == first.status.attempts
    assert (again.status.state, again.start) == (first.status.state, first.start)
    # What is overdue is asked for once: nobody is woken for ever.
    now = NOON + more.get("now", 6) * SECOND
    is_overdue = first.wake_at is not None and first.wake_at <= now
    assert again.wake_at == (None if is_overdue else first.wake_at)


def test_the_end_of_an_execution_is_told_whole() -> None:
    status = decide({1: ended(3, log=LOG)}).status
    assert status.exit_code == 3
    assert status.duration == "5s"
    assert status.completed_at == NOON + 5 * SECOND
    assert status.next_attempt_at is None
    assert status.attempts == (
        Attempt(
            number=1,
            name="hello-1772366400-1",
            started_at=NOON,
            completed_at=NOON + 5 * SECOND,
            outcome=Outcome.FAILED,
            reason="ExitCode",
            exit_code=3,
            duration_ms=5000,
            pod="hello-1772366400-1-abcde",
            log=LOG,
        ),
    )


def test_a_waiting_retry_tells_when() -> None:
    status = decide({1: ended(3)}, retry=THRICE).status
    assert status.next_attempt_at == NOON + 15 * SECOND
    assert status.completed_at is None
    assert status.exit_code == 3


def test_the_newest_attempt_speaks_for_the_execution() -> None:
    second = seen(2, state=waiting("ErrImagePull", "no such image"))
    status = decide({1: ended(3, log=LOG), 2: second}, retry=THRICE).status
    assert status.reason == "ImageUnavailable"
    assert status.message == "no such image"
    assert status.exit_code is None


def test_what_a_denial_said_is_told_and_cut() -> None:
    long = Observation(None, None, None, denial=Denial("x" * 5000, NOON + SECOND))
    (attempt,) = decide({1: long}).status.attempts
    assert attempt.outcome is Outcome.DENIED
    assert attempt.reason == "Denied"
    assert attempt.completed_at == NOON + SECOND
    assert attempt.message == "x" * 1024
    assert attempt.started_at is None


DURATIONS = [(0, "0s"), (1, "1s"), (59, "59s"), (60, "0:01:00"), (3661, "1:01:01"),
             (90061, "1 day, 1:01:01")]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), DURATIONS)
def test_a_duration_is_written_for_people(seconds: int, text: str) -> None:
    plan = decide({1: ended(0, log=LOG, at=seconds)}, now=seconds + 1)
    assert plan.status.duration == text


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    (attempt,) = decide({1: ended(0, log=LOG, at=-7)}).status.attempts
    assert attempt.duration_ms == 0


# --- what was written once stays


def test_an_outcome_once_written_stays() -> None:
    before = build_attempt(outcome=Outcome.FAILED, completed_at=NOON, exit_code=3, log=LOG)
    after = compute_attempt("x", 1, before, ended(0))
    assert after == before


def test_a_record_stays_when_nothing_is_seen_any_more() -> None:
    before = build_attempt(outcome=Outcome.SUCCEEDED, completed_at=NOON, log=LOG)
    assert compute_attempt("x", 1, before, None) == before
    assert compute_attempt("x", 1, before, Observation(None, None, None)) == before


def test_a_late_log_is_added_to_an_outcome() -> None:
    before = build_attempt(outcome=Outcome.FAILED, completed_at=NOON, pod="p")
    assert compute_attempt("x", 1, before, ended(3, log=LOG)).log == LOG


def test_a_log_once_recorded_stays() -> None:
    before = build_attempt(outcome=Outcome.FAILED, completed_at=NOON, log=LOG)
    other = build_log(complete=False, message="another word")
    assert compute_attempt("x", 1, before, ended(3, log=other)).log == LOG


def test_a_reason_to_wait_goes_when_the_command_starts() -> None:
    waits = compute_attempt("x", 1, None, seen(state=waiting("ErrImagePull", "m")))
    assert (waits.reason, waits.message) == ("ImageUnavailable", "m")
    runs = compute_attempt("x", 1, waits, seen(phase="Running", state=running()))
    assert (runs.reason, runs.message, runs.outcome) == ("Started", None, None)


def test_an_attempt_nobody_has_seen_is_only_named() -> None:
    assert compute_attempt("hello-1", 2, None, None) == Attempt(number=2, name="hello-1-2")


def test_without_a_pods_word_the_kube_jobs_time_counts() -> None:
    attempt = compute_attempt("x", 1, None, seen(kube={"condition": FAILED}))
    assert attempt.completed_at == NOON + 5 * SECOND
    assert attempt.duration_ms is None


def test_without_any_time_the_start_counts() -> None:
    condition = {"type": "Failed", "status": "True"}
    assert compute_attempt("x", 1, None, seen(kube={"condition": condition})).completed_at == NOON


# --- ended executions


@pytest.mark.parametrize("state", [SUCCEEDED, STATE_FAILED, ExecutionState.CANCELLED])
def test_an_ended_execution_changes_no_more(state: ExecutionState) -> None:
    execution = build_ended(NOON, state)
    plan = decide_execution(
        execution, {1: ended(3), 2: seen(2)}, may_start=True, now=NOON + timedelta(days=1)
    )
    assert plan == ExecutionPlan(execution.status, None, None)


def test_an_ended_execution_still_takes_a_late_log() -> None:
    attempt = build_attempt(outcome=Outcome.SUCCEEDED, completed_at=NOON, pod="p")
    execution = build_ended(NOON, attempts=(attempt,))
    plan = decide_execution(execution, {1: ended(0, log=LOG)}, may_start=True, now=NOON)
    assert plan.status.attempts[0].log == LOG
    assert plan.status.state is SUCCEEDED
    assert (plan.start, plan.wake_at) == (None, None)


def test_an_ended_executions_log_is_not_taken_back() -> None:
    execution = build_ended(NOON)
    plan = decide_execution(execution, {1: ended(0)}, may_start=True, now=NOON)
    assert plan.status == execution.status


def test_the_patience_with_a_log_is_what_a_person_waits() -> None:
    # Whoever waits for the end can read the log; a store that is away delays it no longer.
    assert timedelta(seconds=5) <= LOG_PATIENCE <= timedelta(seconds=60)
