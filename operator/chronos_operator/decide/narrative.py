"""The Events that tell a job's story in ``kubectl describe``: what each change of status says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chronos_crds.execution import Attempt, ExecutionState, ExecutionStatus, Outcome
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
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
        ExecutionState.CANCELLED,
        ExecutionState.SKIPPED,
        ExecutionState.MISSED,
    ):
        yield _tell_end(name, after)
    if after.state is ExecutionState.QUEUED and before.state is not ExecutionState.QUEUED:
        yield Note("Queued", f"{name} {after.message or 'waits for its turn'}")


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
    if after.state in (ExecutionState.SKIPPED, ExecutionState.MISSED, ExecutionState.CANCELLED):
        word = str(after.state)
        return Note(word, f"{name} was {word.lower()}: {after.message or after.reason}")
    attempts = f"{after.attempt_count} attempt{'s' if after.attempt_count != 1 else ''}"
    took = f", the last took {after.duration}" if after.duration else ""
    if after.state is ExecutionState.SUCCEEDED:
        return Note("Succeeded", f"{name} succeeded after {attempts}{took}")
    return Note("Failed", f"{name} failed ({after.reason}) after {attempts}{took}", warning=True)


def tell_job(
    before: ChronosJobStatus, after: ChronosJobStatus, *, note: str = ""
) -> Iterator[Note]:
    """What happened to a job between two statuses; ``note`` is why it was paused or resumed."""
    if after.state is JobState.INVALID:
        message = next((known.message for known in after.conditions if known.type == "Valid"), "")
        said = next((known.message for known in before.conditions if known.type == "Valid"), "")
        if before.state is not JobState.INVALID or message != said:
            yield Note("Invalid", message, warning=True)
        return
    why = f": {note}" if note else ""
    if after.state is JobState.PAUSED and before.state is not JobState.PAUSED:
        yield Note("Paused", f"nothing of the schedule is started while it is paused{why}")
    if before.state is JobState.PAUSED and after.state is not JobState.PAUSED:
        skipped = after.skipped - before.skipped
        passed = f"{skipped} scheduled seconds were skipped meanwhile"
        yield Note("Resumed", f"starts again; {passed}{why}")
    if after.state is JobState.COMPLETED and before.state not in (None, JobState.COMPLETED):
        yield Note("Completed", "no scheduled second is left")


_RULES = {
    "NotLatest": "missedRuns makes up the latest only",
    "OverLimit": "more were missed than missedRuns.limit makes up",
    "NotMadeUp": "missedRuns makes up none",
    "DeadlineExceeded": "startingDeadlineSeconds had passed",
    "Paused": "it was due before the job was paused, and had not been started by then",
    "NameTaken": "another ChronosExecution has its name: delete that, or rename the job",
    "Deleted": "its execution was deleted before it began",
    "Forbid": "concurrency forbids it beside",
    "QueueFull": "as many as concurrency.queueLimit wait already, first",
    "Calendar": "excluded by calendar",
    "Invalid": "the job could not be read then",
    "Replaced": "a newer run took its place",
}
# Told by the notes about the pause itself.
_UNTOLD = (Fate.STARTED, Fate.QUEUED, Fate.SUSPENDED)


def tell_lines(before: Sequence[LedgerLine], lines: Iterable[LedgerLine]) -> Iterator[Note]:
    """What the new lines of a ledger say: each miss, and each skip that does not go on with the
    one before it."""
    last = before[-1] if before else None
    for line in lines:
        known = last is not None and (last.fate, last.reason, last.name) == (
            line.fate,
            line.reason,
            line.name,
        )
        last = line
        if line.fate is Fate.MISSED or (line.fate not in _UNTOLD and not known):
            yield _tell_line(line)


def _tell_line(line: LedgerLine) -> Note:
    when = format_time(line.time)
    if line.count > 1:
        when = f"{line.count} scheduled seconds, {when} to {format_time(line.last)},"
    rule = _RULES.get(line.reason or "", line.reason or "by rule")
    because = f"{rule} {line.name}" if line.name else rule
    if line.fate is Fate.MISSED:
        return Note("Missed", f"{when} missed: {because}", warning=True)
    return Note(str(line.fate), f"{when} not started: {because}")
