"""The Events that tell a job's story in ``kubectl describe``: what each change of status says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chronos_crds.execution import Attempt, ExecutionState, ExecutionStatus, Outcome
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_crds.meta import format_time


@dataclass(frozen=True)
class Note:
    """One Event: a word for programs, a sentence for people, and whether it is a warning."""

    reason: str
    message: str
    warning: bool = False


def tell_execution(
    name: str, before: ExecutionStatus, after: ExecutionStatus, *, max_attempts: int
) -> Iterator[Note]:
    """What happened to an execution between two statuses."""
    known = {attempt.number: attempt for attempt in before.attempts}
    for attempt in after.attempts:
        yield from _tell_attempt(known.get(attempt.number), attempt, max_attempts)
    if after.next_attempt_at is not None and before.next_attempt_at is None:
        yield Note(
            "RetryPlanned",
            f"attempt {after.attempt_count + 1} of {max_attempts} of {name} starts at "
            f"{format_time(after.next_attempt_at)}",
        )
    if after.state is not before.state and after.state in (
        ExecutionState.SUCCEEDED,
        ExecutionState.FAILED,
    ):
        yield _tell_end(name, after)


def _tell_attempt(before: Attempt | None, after: Attempt, max_attempts: int) -> Iterator[Note]:
    title = f"attempt {after.number} of {max_attempts} ({after.name})"
    if before is None and after.started_at is not None:
        yield Note("Started", f"{title} was started")
    reason_before = before.reason if before is not None else None
    waits = after.outcome is None and after.reason not in (None, "Started")
    if waits and after.reason != reason_before:
        yield Note(str(after.reason), f"{title} waits: {after.message}", warning=True)
    # A success is told once, as the end of the execution.
    failed = after.outcome not in (None, Outcome.SUCCEEDED)
    if failed and (before is None or before.outcome is None):
        yield _tell_outcome(title, after)
    if after.log is not None and not after.log.complete and (before is None or not before.log):
        yield Note("LogIncomplete", f"log of {title}: {after.log.message}", warning=True)


def _tell_outcome(title: str, attempt: Attempt) -> Note:
    code = f" with exit code {attempt.exit_code}" if attempt.exit_code is not None else ""
    said = f": {attempt.message}" if attempt.message else ""
    return Note(f"Attempt{attempt.outcome}", f"{title} ended{code}{said}", warning=True)


def _tell_end(name: str, after: ExecutionStatus) -> Note:
    attempts = f"{after.attempt_count} attempt{'s' if after.attempt_count != 1 else ''}"
    took = f", the last took {after.duration}" if after.duration else ""
    if after.state is ExecutionState.SUCCEEDED:
        return Note("Succeeded", f"{name} succeeded after {attempts}{took}")
    return Note("Failed", f"{name} failed ({after.reason}) after {attempts}{took}", warning=True)


def tell_job(before: ChronosJobStatus, after: ChronosJobStatus) -> Iterator[Note]:
    """What happened to a job between two statuses."""
    if after.state is JobState.INVALID:
        message = next((known.message for known in after.conditions if known.type == "Valid"), "")
        said = next((known.message for known in before.conditions if known.type == "Valid"), "")
        if before.state is not JobState.INVALID or message != said:
            yield Note("Invalid", message, warning=True)
        return
    if after.state is JobState.PAUSED and before.state is not JobState.PAUSED:
        yield Note("Paused", "nothing is started while suspend is true")
    if before.state is JobState.PAUSED and after.state is not JobState.PAUSED:
        skipped = after.skipped - before.skipped
        yield Note("Resumed", f"starts again; {skipped} scheduled seconds were skipped meanwhile")
    if after.state is JobState.COMPLETED and before.state not in (None, JobState.COMPLETED):
        yield Note("Completed", "no scheduled second is left")
    if after.missed > before.missed:
        yield Note(
            "Missed",
            f"{after.missed - before.missed} scheduled seconds were not started within an hour of "
            "their time and are not made up",
            warning=True,
        )
