"""The Events: each piece of news once, a warning where somebody must look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOON, build_attempt, build_log
from chronos_crds.conditions import Condition, Truth
from chronos_crds.execution import Attempt, ExecutionState, ExecutionStatus, Outcome
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_operator.decide.narrative import Note, tell_execution, tell_job, tell_lines


def status(
    state: ExecutionState = ExecutionState.PENDING, *attempts: Attempt, **fields: Any
) -> ExecutionStatus:
    return ExecutionStatus(
        state=state, attempts=attempts, **{"attempt_count": len(attempts), **fields}
    )


def told(before: ExecutionStatus, after: ExecutionStatus, *, most: int = 3) -> list[Note]:
    return list(tell_execution("hello-1", before, after, max_attempts=most))


NEW = ExecutionStatus()
BEGUN = build_attempt()
RUNS = build_attempt(reason="Started")
WAITS = build_attempt(reason="ImageUnavailable", message="no such image")
FAILED = build_attempt(
    outcome=Outcome.FAILED, reason="ExitCode", exit_code=3, completed_at=NOON, log=build_log()
)
SUCCEEDED = build_attempt(outcome=Outcome.SUCCEEDED, exit_code=0, completed_at=NOON)
DENIED = build_attempt(
    outcome=Outcome.DENIED, message="exceeded quota", started_at=None, completed_at=NOON
)
LOST = build_attempt(outcome=Outcome.SUCCEEDED, log=build_log(complete=False, message="it rotated"))

PENDING, RUNNING, ENDED = ExecutionState.PENDING, ExecutionState.RUNNING, ExecutionState.SUCCEEDED
TITLE = "attempt 1 of 3 (hello-1772366400-1)"

EXECUTIONS: list[tuple[str, ExecutionStatus, ExecutionStatus, list[tuple[str, str, bool]]]] = [
    ("an attempt was begun", NEW, status(PENDING, BEGUN),
     [("Started", f"{TITLE} was started", False)]),
    ("begun and waiting at once", NEW, status(PENDING, WAITS),
     [("Started", f"{TITLE} was started", False),
      ("ImageUnavailable", f"{TITLE} waits: no such image", True)]),
    ("it waits", status(PENDING, BEGUN), status(PENDING, WAITS),
     [("ImageUnavailable", f"{TITLE} waits: no such image", True)]),
    ("it still waits, in other words", status(PENDING, WAITS),
     status(PENDING, WAITS.model_copy(update={"message": "back-off"})), []),
    ("it waits for another thing", status(PENDING, WAITS),
     status(PENDING, WAITS.model_copy(update={"reason": "Unschedulable", "message": "m"})),
     [("Unschedulable", f"{TITLE} waits: m", True)]),
    ("its command runs", status(PENDING, BEGUN), status(RUNNING, RUNS), []),
    ("nothing is new", status(RUNNING, RUNS), status(RUNNING, RUNS), []),
    ("it failed, another will come", status(RUNNING, RUNS),
     status(PENDING, FAILED, next_attempt_at=NOON + timedelta(seconds=10)),
     [("AttemptFailed", f"{TITLE} ended with exit code 3", True),
      ("RetryPlanned", "attempt 2 of 3 of hello-1 starts at 2026-03-01T12:00:10Z", False)]),
    ("the planned retry is still to come",
     status(PENDING, FAILED, next_attempt_at=NOON), status(PENDING, FAILED, next_attempt_at=NOON),
     []),
    ("it was refused", NEW, status(ExecutionState.FAILED, DENIED, reason="Denied"),
     [("AttemptDenied", f"{TITLE} ended: exceeded quota", True),
      ("Failed", "hello-1 failed (Denied) after 1 attempt", True)]),
    ("it succeeded", status(RUNNING, RUNS), status(ENDED, SUCCEEDED, duration="4s"),
     [("Succeeded", "hello-1 succeeded after 1 attempt, the last took 4s", False)]),
    ("it succeeded at the second try", status(PENDING, FAILED),
     status(ENDED, FAILED, SUCCEEDED.model_copy(update={"number": 2, "name": "x-2"})),
     [("Started", "attempt 2 of 3 (x-2) was started", False),
      ("Succeeded", "hello-1 succeeded after 2 attempts", False)]),
    ("it has failed for good", status(PENDING, FAILED),
     status(ExecutionState.FAILED, FAILED, reason="Failed", duration="1s"),
     [("Failed", "hello-1 failed (Failed) after 1 attempt, the last took 1s", True)]),
    ("its log is not whole", status(ENDED, SUCCEEDED), status(ENDED, LOST),
     [("LogIncomplete", f"log of {TITLE}: it rotated", True)]),
    ("that was told before", status(ENDED, LOST), status(ENDED, LOST), []),
    ("its log arrived, whole", status(ENDED, SUCCEEDED),
     status(ENDED, SUCCEEDED.model_copy(update={"log": build_log()})), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "notes"),
    [row[1:] for row in EXECUTIONS],
    ids=[row[0] for row in EXECUTIONS],
)
def test_what_is_told_of_an_execution(
    before: ExecutionStatus, after: ExecutionStatus, notes: list[tuple[str, str, bool]]
) -> None:
    assert told(before, after) == [Note(*note) for note in notes]


def job(state: JobState | None, said: str = "", **fields: Any) -> ChronosJobStatus:
    truth = Truth.FALSE if said else Truth.TRUE
    condition = Condition(type="Valid", status=truth, reason="x", message=said, transition_at=NOON)
    return ChronosJobStatus(state=state, conditions=(condition,), **fields)


SCHEDULED = job(JobState.SCHEDULED)

JOBS: list[tuple[str, ChronosJobStatus, ChronosJobStatus, list[tuple[str, str, bool]]]] = [
    ("a new job", ChronosJobStatus(), SCHEDULED, []),
    ("nothing new", SCHEDULED, SCHEDULED, []),
    ("it is invalid", SCHEDULED, job(JobState.INVALID, "bad cron"),
     [("Invalid", "bad cron", True)]),
    ("a new job is invalid", ChronosJobStatus(), job(JobState.INVALID, "bad cron"),
     [("Invalid", "bad cron", True)]),
    ("it is still invalid", job(JobState.INVALID, "bad cron"), job(JobState.INVALID, "bad cron"),
     []),
    ("it is invalid in another way", job(JobState.INVALID, "bad cron"),
     job(JobState.INVALID, "bad zone"), [("Invalid", "bad zone", True)]),
    ("it is valid again", job(JobState.INVALID, "bad cron"), SCHEDULED, []),
    ("it is paused", SCHEDULED, job(JobState.PAUSED),
     [("Paused", "nothing of the schedule is started while it is paused", False)]),
    ("it goes on", job(JobState.PAUSED, skipped=2), job(JobState.SCHEDULED, skipped=9),
     [("Resumed", "starts again; 7 scheduled seconds were skipped meanwhile", False)]),
    ("its last run has ended", job(JobState.RUNNING), job(JobState.COMPLETED),
     [("Completed", "no scheduled second is left", False)]),
    ("it is still completed", job(JobState.COMPLETED), job(JobState.COMPLETED), []),
    ("seconds were missed: their lines tell it",
     job(JobState.SCHEDULED, missed=1), job(JobState.RUNNING, missed=4), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "notes"), [row[1:] for row in JOBS], ids=[row[0] for row in JOBS]
)
def test_what_is_told_of_a_job(
    before: ChronosJobStatus, after: ChronosJobStatus, notes: list[tuple[str, str, bool]]
) -> None:
    assert list(tell_job(before, after)) == [Note(*note) for note in notes]


def test_why_it_was_paused_or_resumed_is_told() -> None:
    paused, resumed = job(JobState.PAUSED), job(JobState.SCHEDULED)
    (note,) = tell_job(resumed, paused, note="the database moves")
    assert note.message.endswith("while it is paused: the database moves")
    (note,) = tell_job(paused, resumed, note="it has moved")
    assert note.message.endswith("skipped meanwhile: it has moved")


ENDS: list[tuple[str, ExecutionStatus, tuple[str, str, bool]]] = [
    ("it was cancelled", status(ExecutionState.CANCELLED, reason="Replaced",
                                message="a newer run took its place"),
     ("Cancelled", "hello-1 was cancelled: a newer run took its place", False)),
    ("it was skipped", status(ExecutionState.SKIPPED, reason="Forbid", message="beside hello-0"),
     ("Skipped", "hello-1 was skipped: beside hello-0", False)),
    ("it was missed, and nobody said why", status(ExecutionState.MISSED, reason="DeadlineExceeded"),
     ("Missed", "hello-1 was missed: DeadlineExceeded", False)),
    ("it waits its turn", status(ExecutionState.QUEUED, message="waits for hello-0"),
     ("Queued", "hello-1 waits for hello-0", False)),
]  # fmt: skip


@pytest.mark.parametrize(("after", "note"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS])
def test_what_became_of_one_that_never_began(
    after: ExecutionStatus, note: tuple[str, str, bool]
) -> None:
    assert told(status(PENDING), after) == [Note(*note)]
    assert told(after, after) == []


def line(minute: int, fate: Fate, reason: str = "", name: str = "", **fields: Any) -> LedgerLine:
    return LedgerLine(
        time=NOON + timedelta(minutes=minute),
        fate=fate,
        reason=reason or None,
        name=name or None,
        **fields,
    )


FORBIDDEN = line(1, Fate.SKIPPED, "Forbid", "hello-0")
LINES: list[tuple[str, list[LedgerLine], list[LedgerLine], list[tuple[str, str, bool]]]] = [
    ("what started needs no word", [], [line(1, Fate.STARTED)], []),
    ("what waits tells itself", [], [line(1, Fate.QUEUED, "Queue")], []),
    ("a pause was told when it began", [], [line(1, Fate.SUSPENDED, "Paused")], []),
    ("a miss is a warning", [], [line(1, Fate.MISSED, "NotMadeUp")],
     [("Missed", "2026-03-01T12:01:00Z missed: missedRuns makes up none", True)]),
    ("many misses are one warning", [], [line(1, Fate.MISSED, "NotLatest", count=3,
                                              until=NOON + timedelta(minutes=3))],
     [("Missed", "3 scheduled seconds, 2026-03-01T12:01:00Z to 2026-03-01T12:03:00Z, missed: "
       "missedRuns makes up the latest only", True)]),
    ("misses that go on are told again", [line(1, Fate.MISSED, "NotMadeUp")],
     [line(2, Fate.MISSED, "NotMadeUp")],
     [("Missed", "2026-03-01T12:02:00Z missed: missedRuns makes up none", True)]),
    ("a skip names who stood in the way", [], [FORBIDDEN],
     [("Skipped", "2026-03-01T12:01:00Z not started: concurrency forbids it beside hello-0",
       False)]),
    ("a skip that goes on is told once", [FORBIDDEN], [line(2, Fate.SKIPPED, "Forbid", "hello-0")],
     []),
    ("a skip because of another is told", [FORBIDDEN], [line(2, Fate.SKIPPED, "Forbid", "hello-9")],
     [("Skipped", "2026-03-01T12:02:00Z not started: concurrency forbids it beside hello-9",
       False)]),
    ("an excluded second names its calendar", [], [line(1, Fate.EXCLUDED, "Calendar", "freeze")],
     [("Excluded", "2026-03-01T12:01:00Z not started: excluded by calendar freeze", False)]),
    ("a rule without words is told by its name", [], [line(1, Fate.SKIPPED, "Novel")],
     [("Skipped", "2026-03-01T12:01:00Z not started: Novel", False)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "lines", "notes"), [row[1:] for row in LINES], ids=[row[0] for row in LINES]
)
def test_what_is_told_of_a_ledgers_lines(
    before: list[LedgerLine], lines: list[LedgerLine], notes: list[tuple[str, str, bool]]
) -> None:
    assert list(tell_lines(before, lines)) == [Note(*note) for note in notes]
