"""A job's status: computed from its plan and its executions, never counted up elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NOON, build_ended, build_execution, build_spec
from chronos_crds.conditions import Truth
from chronos_crds.execution import ExecutionState, ExecutionStatus
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_operator.decide.concurrency import Admission, Verdict
from chronos_operator.decide.jobstatus import LedgerNews, compute_invalid_status, compute_job_status
from chronos_operator.decide.ledger import MOST_LINES, build_line
from chronos_operator.decide.schedule import Opening, SchedulePlan
from chronos_operator.decide.values import ExecutionView

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOTHING = SchedulePlan(
    openings=(),
    lines=(),
    cursor=NOON,
    schedule=build_spec().schedule,
    next_at=NOON + MINUTE,
    wake_at=NOON + MINUTE,
    more=False,
    is_settled=True,
)
OVER = replace(NOTHING, next_at=None, wake_at=None)

PENDING = build_execution(NOON, status=ExecutionStatus(state=ExecutionState.PENDING))
RUNNING = build_execution(NOON, status=ExecutionStatus(state=ExecutionState.RUNNING))
UNSEEN = build_execution(NOON)


def compute(
    plan: SchedulePlan = NOTHING,
    executions: Sequence[ExecutionView] = (),
    *,
    before: ChronosJobStatus | None = None,
    known: Mapping[datetime, LedgerLine] | None = None,
    archived_until: datetime | None = None,
    **spec: Any,
) -> ChronosJobStatus:
    status, _ = compute_job_status(
        build_spec(**spec),
        before or ChronosJobStatus(),
        plan,
        executions,
        LedgerNews((known or {}).get, created_at=NOON - MINUTE, archived_until=archived_until),
        generation=4,
        now=NOON,
    )
    return status


SKIPPING = replace(NOTHING, more=True, is_settled=False)
OPENING = replace(NOTHING, openings=(Opening(NOON, Admission(Verdict.START)),))
QUEUED = build_execution(
    NOON, queued=True, status=ExecutionStatus(state=ExecutionState.QUEUED, reason="Queue")
)
PAUSED = ChronosJobStatus(state=JobState.PAUSED)

STATES: list[tuple[str, dict[str, Any], JobState]] = [
    ("something is to come", {}, JobState.SCHEDULED),
    ("something is being opened", {"plan": OPENING}, JobState.RUNNING),
    ("an execution runs", {"executions": [RUNNING]}, JobState.RUNNING),
    ("an execution waits", {"executions": [PENDING]}, JobState.RUNNING),
    ("an execution was only just recorded", {"executions": [UNSEEN]}, JobState.RUNNING),
    ("all executions have ended", {"executions": [build_ended(NOON)]}, JobState.SCHEDULED),
    ("nothing is to come", {"plan": OVER}, JobState.COMPLETED),
    ("nothing is to come, but the last one runs", {"plan": OVER, "executions": [RUNNING]},
     JobState.RUNNING),
    ("suspended", {"suspend": True}, JobState.PAUSED),
    ("suspended while an execution runs", {"suspend": True, "executions": [RUNNING]},
     JobState.PAUSED),
    ("resumed, and the seconds of the pause are still being counted",
     {"plan": SKIPPING, "before": PAUSED}, JobState.PAUSED),
    ("resumed, and all are counted", {"before": PAUSED}, JobState.SCHEDULED),
    ("paused until a time that is to come", {"pausedUntil": "2026-03-01T12:00:01Z"},
     JobState.PAUSED),
    ("paused until a time that has come", {"pausedUntil": "2026-03-01T12:00:00Z"},
     JobState.SCHEDULED),
    ("an execution waits its turn", {"executions": [QUEUED]}, JobState.RUNNING),
    ("nothing is to come, but one waits its turn", {"plan": OVER, "executions": [QUEUED]},
     JobState.RUNNING),
    ("the last second is held back by jitter", {"plan": replace(OVER, wake_at=NOON + MINUTE)},
     JobState.SCHEDULED),
    ("nothing is to come, but not all is accounted for", {"plan": replace(OVER, more=True)},
     JobState.SCHEDULED),
    ("valid again", {"before": ChronosJobStatus(state=JobState.INVALID)}, JobState.SCHEDULED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "state"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
def test_the_state(given: dict[str, Any], state: JobState) -> None:
    assert compute(**given).state is state


def started(second: datetime, seconds: float = 0.0) -> LedgerLine:
    return build_line(second, Fate.STARTED, lateness=timedelta(seconds=seconds))


def test_the_counters_move_by_what_the_lines_say() -> None:
    before = ChronosJobStatus(started=10, late=1, missed=2, skipped=3)
    lines = (
        build_line(NOON, Fate.MISSED, reason="NotLatest").model_copy(update={"count": 4}),
        build_line(NOON + MINUTE, Fate.SUSPENDED, reason="Paused"),
        build_line(NOON + 2 * MINUTE, Fate.EXCLUDED, reason="Calendar", name="freeze"),
        build_line(NOON + 3 * MINUTE, Fate.SKIPPED, reason="Forbid", name="hello-1"),
        started(NOON + 4 * MINUTE),
        started(NOON + 5 * MINUTE),
        build_line(NOON + 6 * MINUTE, Fate.QUEUED, reason="Queue"),
    )
    after = compute(replace(NOTHING, lines=lines), before=before)
    assert (after.started, after.missed, after.skipped, after.late) == (12, 6, 6, 1)
    assert after.ledger == lines


@pytest.mark.parametrize(
    ("lateness", "late"),
    [([0.0], 0), ([1.0], 0), ([1.001], 1), ([0.2, 3.0, 9.0], 2), ([], 0)],
)
def test_more_than_a_second_is_late(lateness: list[float], late: int) -> None:
    lines = tuple(started(NOON + n * MINUTE, value) for n, value in enumerate(lateness))
    assert compute(replace(NOTHING, lines=lines)).late == late


def test_what_was_queued_counts_when_its_fate_is_known_and_once() -> None:
    queued = ChronosJobStatus(ledger=(build_line(NOON, Fate.QUEUED, reason="Queue"),))
    waits = compute(before=queued, known={NOON: queued.ledger[0]})
    assert (waits.started, waits.ledger) == (0, queued.ledger)
    line = started(NOON, 60)
    first = compute(before=queued, known={NOON: line})
    assert (first.started, first.late, first.ledger) == (1, 1, (line,))
    again = compute(before=first, known={NOON: line})
    assert (again.started, again.late, again.ledger) == (1, 1, (line,))


def test_what_waited_and_was_deleted_is_missed() -> None:
    queued = ChronosJobStatus(ledger=(build_line(NOON, Fate.QUEUED, reason="Queue"),))
    after = compute(before=queued)
    assert (after.missed, after.ledger[0].reason) == (1, "Deleted")


def test_a_ledger_begins_just_before_the_creation() -> None:
    assert compute().ledger_from == NOON - MINUTE - SECOND


def test_what_is_archived_leaves_the_status() -> None:
    lines = tuple(started(NOON + n * SECOND) for n in range(5))
    before = ChronosJobStatus(ledger=lines, ledger_from=NOON - MINUTE, started=5)
    after = compute(before=before, archived_until=NOON + 2 * SECOND)
    assert after.ledger == lines[3:]
    assert after.ledger_from == NOON + 2 * SECOND
    assert after.started == 5


def test_an_archive_that_lags_behind_takes_nothing_back() -> None:
    before = ChronosJobStatus(ledger=(started(NOON),), ledger_from=NOON - SECOND)
    after = compute(before=before, archived_until=NOON - MINUTE)
    assert (after.ledger, after.ledger_from) == (before.ledger, NOON - SECOND)


def test_a_ledger_never_grows_past_what_the_schema_takes() -> None:
    status = ChronosJobStatus(ledger_from=NOON - SECOND)
    for n in range(3 * MOST_LINES):
        lines = (started(NOON + n * SECOND),)
        status = compute(replace(NOTHING, lines=lines), before=status)
        assert len(status.ledger) <= MOST_LINES
    assert status.started == 3 * MOST_LINES
    told = sum(line.count for line in status.ledger)
    first = status.ledger_from
    assert first is not None
    # Whatever is not told any more lies before ledgerFrom: nothing in between is lost.
    assert told == 3 * MOST_LINES - max(0, (first - NOON) // SECOND + 1)


def test_the_plan_tells_the_cursor_and_what_is_next() -> None:
    status = compute(replace(NOTHING, cursor=NOON - SECOND))
    assert status.cursor_at == NOON - SECOND
    assert status.next_at == NOON + MINUTE
    assert status.observed_generation == 4
    assert status.observed_schedule == build_spec().schedule
    assert status.schedule == "* * * * *"


def test_the_newest_execution_is_the_last() -> None:
    executions = [build_ended(NOON + MINUTE), build_ended(NOON), build_execution(NOON - MINUTE)]
    status = compute(executions=executions)
    assert status.last_at == NOON + MINUTE
    assert (status.active, status.queued) == (1, 0)


def test_one_that_waits_its_turn_is_queued_and_not_active() -> None:
    status = compute(executions=[QUEUED, RUNNING])
    assert (status.active, status.queued) == (1, 1)


def test_the_last_result_is_of_the_newest_that_ended() -> None:
    failed = build_ended(NOON + MINUTE, ExecutionState.FAILED, reason="OutOfMemory")
    running = build_execution(
        NOON + 2 * MINUTE, status=ExecutionStatus(state=ExecutionState.RUNNING)
    )
    status = compute(executions=[running, failed, build_ended(NOON)])
    assert status.last_result == "OutOfMemory"
    assert status.last_at == NOON + 2 * MINUTE


def test_a_result_without_a_reason_is_the_state() -> None:
    ended = build_ended(NOON, ExecutionState.CANCELLED, reason=None)
    assert compute(executions=[ended]).last_result == "Cancelled"


def test_what_is_pruned_is_still_known_as_the_last() -> None:
    before = ChronosJobStatus(last_at=NOON, last_result="Succeeded")
    status = compute(before=before)
    assert (status.last_at, status.last_result) == (NOON, "Succeeded")


def test_a_valid_job_says_so_and_since_when() -> None:
    (condition,) = compute().conditions
    assert (condition.type, condition.status, condition.reason) == ("Valid", Truth.TRUE, "Valid")
    assert condition.observed_generation == 4
    (again,) = compute(before=compute()).conditions
    assert again == condition


def test_computed_twice_nothing_changes() -> None:
    executions = [build_ended(NOON), RUNNING]
    first = compute(executions=executions)
    assert compute(executions=executions, before=first) == first


def test_a_long_schedule_is_cut_to_what_its_column_takes() -> None:
    crons = [f"{','.join(str(n) for n in range(start, 60))} * * * *" for start in (0, 1, 2, 3)]
    status = compute(cron=crons)
    assert status.schedule is not None
    assert len(status.schedule) <= 512


# --- jobs that cannot be scheduled


def invalid(
    before: ChronosJobStatus | None = None, executions: Sequence[ExecutionView] = ()
) -> ChronosJobStatus:
    return compute_invalid_status(
        before or ChronosJobStatus(), "spec.x: is bad", executions, generation=5, now=NOON
    )


def test_an_invalid_job_says_why() -> None:
    status = invalid()
    assert status.state is JobState.INVALID
    (condition,) = status.conditions
    assert (condition.status, condition.reason) == (Truth.FALSE, "InvalidSpec")
    assert condition.message == "spec.x: is bad"
    assert status.observed_generation == condition.observed_generation == 5


MISSING = replace(
    NOTHING,
    lines=(build_line(NOON, Fate.MISSED, reason="NotMadeUp").model_copy(update={"count": 3}),),
)


def test_an_invalid_job_keeps_its_cursor_and_counters_and_has_no_next() -> None:
    before = compute(MISSING, executions=[build_ended(NOON)])
    status = invalid(before, [build_ended(NOON)])
    assert status.cursor_at == before.cursor_at
    assert status.observed_schedule == before.observed_schedule
    assert (status.ledger, status.ledger_from) == (before.ledger, before.ledger_from)
    assert (status.missed, status.started) == (3, 0)
    assert status.next_at is None
    assert status.last_at == NOON


def test_what_already_runs_of_an_invalid_job_is_still_counted() -> None:
    status = invalid(executions=[RUNNING, build_ended(NOON + MINUTE, ExecutionState.FAILED)])
    assert status.active == 1
    assert status.last_result == "Failed"


def test_the_same_problem_twice_changes_nothing() -> None:
    assert invalid(invalid()) == invalid()
