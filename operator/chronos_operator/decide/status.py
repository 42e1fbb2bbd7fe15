"""An execution's status and next step, computed from what is observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.execution import (
    Attempt,
    AttemptLog,
    ExecutionState,
    ExecutionStatus,
    Outcome,
)
from chronos_crds.job import Retry
from chronos_crds.naming import attempt_name
from chronos_operator.decide.concurrency import Admission
from chronos_operator.decide.outcome import classify_ending, classify_waiting
from chronos_operator.decide.retry import next_attempt_at
from chronos_operator.decide.values import ExecutionView, KubeJobView, PodView

# An execution is not called ended before its log lies in the store, so that whoever waits for the
# end can read the log; but a store that takes nothing for this long delays it no longer.
LOG_PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True)
class Denial:
    """What the API server said when it refused a kube job for good, and when."""

    message: str
    at: datetime
    outcome: Outcome = Outcome.DENIED


@dataclass(frozen=True)
class Observation:
    """What is known of one attempt besides what its execution's status already says."""

    kube_job: KubeJobView | None
    pod: PodView | None
    log: AttemptLog | None
    # When bytes of its log last came through to the store.
    log_moved_at: datetime | None = None
    # Set where the API server refused the kube job for good.
    denial: Denial | None = None


@dataclass(frozen=True)
class ExecutionPlan:
    """The new status, and what is to be done about the execution.

    ``start``: the number of the attempt to start now. ``wake_at``: when to look again.
    """

    status: ExecutionStatus
    start: int | None
    wake_at: datetime | None


def decide_execution(
    execution: ExecutionView,
    observations: Mapping[int, Observation],
    *,
    may_start: bool,
    now: datetime,
) -> ExecutionPlan:
    """The execution's status and next step; ``may_start`` is false for a paused or absent job."""
    before = execution.status
    if before.state is not None and before.state.is_final:
        return _decide_ended(before, observations, now=now)
    attempts = _attempts(execution, observations)
    retry_at = next_attempt_at(execution.spec.retry or Retry(), attempts)
    start = _next_start(attempts, retry_at, may_start=may_start, now=now)
    ended = bool(attempts) and attempts[-1].outcome is not None and retry_at is None
    waits_until = _log_deadline(attempts[-1], observations) if ended else None
    is_final = ended and (waits_until is None or now >= waits_until)
    status = _execution_status(
        attempts,
        is_final=is_final,
        ended=ended,
        retry_at=retry_at,
        held=retry_at is not None and not may_start,
    )
    wake_at = waits_until if start is None else None
    if is_final:
        # A word that is overdue by now is asked for at once, when the end is written.
        wake_at = min(_words_due(attempts), default=None)
    if retry_at is not None and start is None and may_start:
        wake_at = retry_at
    return ExecutionPlan(status, start, wake_at)


def compute_waiting_status(before: ExecutionStatus, admission: Admission) -> ExecutionStatus:
    """The status of an execution that was recorded and has not begun: for its time, its turn, or
    what it lacks."""
    if before.state is ExecutionState.QUEUED and before.reason == admission.reason:
        # Who stands in the way changes with each end: told anew to each that waits, one end of a
        # hundred would cost a hundred writes.
        return before
    is_queued = bool(admission.name) or admission.reason not in _HELD
    message = f"waits for {admission.name}" if admission.name else _HELD.get(admission.reason)
    return before.model_copy(
        update={
            "state": ExecutionState.QUEUED if is_queued else ExecutionState.PENDING,
            "reason": admission.reason,
            "message": message,
            "blocked_by": admission.name or None,
        }
    )


# Why an execution waits without another in its way.
_HELD = {"NotDue": "waits for its time", "Paused": "waits until the job is resumed"}


def compute_held_status(before: ExecutionStatus, reason: str, message: str) -> ExecutionStatus:
    """The status of an execution that lacks something outside it, such as its job."""
    return before.model_copy(
        update={"state": ExecutionState.PENDING, "reason": reason, "message": message[:1024]}
    )


def compute_closed_status(
    before: ExecutionStatus,
    state: ExecutionState,
    *,
    reason: str,
    message: str,
    blocker: str = "",
    now: datetime,
) -> ExecutionStatus:
    """The status of an execution that ends without another attempt."""
    return before.model_copy(
        update={
            "state": state,
            "reason": reason,
            "message": message[:1024],
            "blocked_by": blocker or None,
            "next_attempt_at": None,
            "completed_at": now,
        }
    )


def _decide_ended(
    before: ExecutionStatus, observations: Mapping[int, Observation], *, now: datetime
) -> ExecutionPlan:
    """An ended execution changes no more, but for logs that arrive late."""
    attempts = tuple(
        attempt.model_copy(update={"log": observations[attempt.number].log})
        if attempt.log is None and attempt.number in observations
        else attempt
        for attempt in before.attempts
    )
    status = before.model_copy(update={"attempts": attempts})
    return ExecutionPlan(status, None, _late_word_at(attempts, now))


def _late_word_at(attempts: Sequence[Attempt], now: datetime) -> datetime | None:
    """When an ended execution is to be looked at for the word about a log."""
    return min((end for end in _words_due(attempts) if end > now), default=None)


def _words_due(attempts: Sequence[Attempt]) -> list[datetime]:
    """When the words about the logs that have none are given up on."""
    ends = (log_patience_ends(attempt) for attempt in attempts)
    return [end for end in ends if end is not None]


def log_patience_ends(attempt: Attempt) -> datetime | None:
    """When the word about an attempt's log is given up on, if nothing of it is under way; None:
    there is one, or will be none because there was no kube job."""
    if attempt.log is not None or attempt.completed_at is None or attempt.started_at is None:
        return None
    return attempt.completed_at + LOG_PATIENCE


def _attempts(
    execution: ExecutionView, observations: Mapping[int, Observation]
) -> tuple[Attempt, ...]:
    known = {attempt.number: attempt for attempt in execution.status.attempts}
    numbers = sorted({*known, *observations})
    return tuple(
        compute_attempt(execution.meta.name, number, known.get(number), observations.get(number))
        for number in numbers
    )


def compute_attempt(
    execution: str, number: int, before: Attempt | None, seen: Observation | None
) -> Attempt:
    """One attempt's record; an outcome, once written, stays."""
    attempt = before or Attempt(number=number, name=attempt_name(execution, number))
    if seen is None:
        return attempt
    if seen.log is not None and attempt.log is None:
        attempt = attempt.model_copy(update={"log": seen.log})
    if attempt.outcome is not None:
        return attempt
    if seen.denial is not None:
        return attempt.model_copy(
            update={
                "outcome": seen.denial.outcome,
                "reason": str(seen.denial.outcome),
                "message": seen.denial.message[:1024],
                "completed_at": seen.denial.at,
            }
        )
    if seen.kube_job is None:
        return attempt
    return _observed_attempt(attempt, seen.kube_job, seen.pod)


def _observed_attempt(attempt: Attempt, kube_job: KubeJobView, pod: PodView | None) -> Attempt:
    update: dict[str, object] = {"started_at": kube_job.started_at}
    if pod is not None:
        update["pod"] = pod.name
    ending = classify_ending(kube_job, pod)
    waiting = classify_waiting(pod)
    if ending is not None:
        update |= {
            "outcome": ending.outcome,
            "reason": ending.reason[:63],
            "message": ending.message[:1024] or None,
            "completed_at": ending.completed_at or kube_job.finished_at or kube_job.started_at,
            "exit_code": ending.exit_code,
            "signal": ending.signal,
            "duration_ms": _duration_ms(pod),
        }
    else:
        update["reason"] = waiting.reason if waiting else None
        update["message"] = waiting.message[:1024] if waiting else None
        if pod is not None and pod.is_started:
            update["reason"] = "Started"
    return attempt.model_copy(update=update)


def _duration_ms(pod: PodView | None) -> int | None:
    if pod is None or pod.started_at is None or pod.finished_at is None:
        return None
    return max(0, round((pod.finished_at - pod.started_at) / timedelta(milliseconds=1)))


def _next_start(
    attempts: Sequence[Attempt], retry_at: datetime | None, *, may_start: bool, now: datetime
) -> int | None:
    """The number of a retry that is due; the first attempt is started by the job's own pass."""
    if not may_start or retry_at is None or now < retry_at:
        return None
    return len(attempts) + 1


def _log_deadline(last: Attempt, observations: Mapping[int, Observation]) -> datetime | None:
    """Until when the end of an execution waits for its last log; None: nothing to wait for."""
    if last.log is not None or last.pod is None or last.completed_at is None:
        return None
    seen = observations.get(last.number)
    moved_at = seen.log_moved_at if seen is not None else None
    return max(last.completed_at, moved_at or last.completed_at) + LOG_PATIENCE


def _execution_status(
    attempts: tuple[Attempt, ...],
    *,
    is_final: bool,
    ended: bool,
    retry_at: datetime | None,
    held: bool,
) -> ExecutionStatus:
    last = attempts[-1] if attempts else None
    state, reason = _state(last, is_final=is_final, ended=ended, retrying=retry_at is not None)
    return ExecutionStatus(
        state=state,
        reason="Paused" if held else reason,
        message=last.message if last is not None else None,
        attempts=attempts,
        attempt_count=len(attempts),
        exit_code=last.exit_code if last is not None else None,
        duration=_text(last.duration_ms) if last is not None else None,
        next_attempt_at=retry_at,
        completed_at=last.completed_at if last is not None and is_final else None,
    )


def _state(
    last: Attempt | None, *, is_final: bool, ended: bool, retrying: bool
) -> tuple[ExecutionState, str | None]:
    if last is None:
        return ExecutionState.PENDING, None
    if is_final:
        if last.outcome is Outcome.CANCELLED:
            return ExecutionState.CANCELLED, last.reason
        is_success = last.outcome is Outcome.SUCCEEDED
        final = ExecutionState.SUCCEEDED if is_success else ExecutionState.FAILED
        return final, str(last.outcome)
    if retrying:
        return ExecutionState.PENDING, "WaitingForRetry"
    if ended:
        return ExecutionState.RUNNING, "ShippingLog"
    if last.reason == "Started":
        return ExecutionState.RUNNING, None
    return ExecutionState.PENDING, last.reason


def _text(duration_ms: int | None) -> str | None:
    if duration_ms is None:
        return None
    text = str(timedelta(milliseconds=duration_ms))
    return f"{duration_ms / 1000:g}s" if duration_ms < 60_000 else text.partition(".")[0]
