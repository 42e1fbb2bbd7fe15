"""Whether an execution gets another attempt, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from chronos_crds.execution import Attempt, Outcome
from chronos_crds.job import Retry

# No other attempt follows these, nor one that has not ended.
_FINAL = (None, Outcome.SUCCEEDED, Outcome.CANCELLED)


def compute_delay(retry: Retry, *, failed_attempts: int) -> timedelta:
    """The time from the end of the last failed attempt to the next, after that many failures."""
    try:
        seconds = retry.initial_seconds * retry.factor ** (failed_attempts - 1)
    except OverflowError:
        seconds = retry.max_seconds
    return timedelta(milliseconds=round(1000 * min(seconds, retry.max_seconds)))


def next_attempt_at(retry: Retry, attempts: tuple[Attempt, ...]) -> datetime | None:
    """When the next attempt starts; None where there is none: succeeded, running, or used up."""
    last = attempts[-1] if attempts else None
    if last is None or last.outcome in _FINAL or last.completed_at is None:
        return None
    if len(attempts) >= retry.max_attempts:
        return None
    return last.completed_at + compute_delay(retry, failed_attempts=len(attempts))
