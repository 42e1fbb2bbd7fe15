"""A job's status: computed from its plan and its executions, never counted up elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOON, build_ended, build_execution, build_spec
from chronos_crds.conditions import Truth
from chronos_crds.execution import ExecutionState, ExecutionStatus
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_operator.decide.schedule import SchedulePlan, schedule_digest
from chronos_operator.decide.status import compute_invalid_status, compute_job_status
from chronos_operator.decide.values import ExecutionView

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOTHING = SchedulePlan((), (), NOON, 0, 0, None, None, NOON + MINUTE, more=False)
OVER = replace(NOTHING, next_at=None)

PENDING = build_execution(NOON, status=ExecutionStatus(state=ExecutionState.PENDING))
RUNNING = build_execution(NOON, status=ExecutionStatus(state=ExecutionState.RUNNING))
UNSEEN = build_execution(NOON)


def compute(
    plan: SchedulePlan = NOTHING,
    executions: Sequence[ExecutionView] = (),
    *,
    before: ChronosJobStatus | None = None,
    lateness: Sequence[timedelta] = (),
    **spec: Any,
) -> ChronosJobStatus:
    return compute_job_status(
        build_spec(**spec),
        before or ChronosJobStatus(),
        plan,
        executions,
        lateness=lateness,
        generation=4,
        now=NOON,
    )


SKIPPING = replace(NOTHING, skipped=5, more=True)
PAUSED = ChronosJobStatus(state=JobState.PAUSED)

STATES: list[tuple[str, dict[str, Any], JobState]] = [
    ("something is to come", {}, JobState.SCHEDULED),
    ("something is being opened", {"plan": replace(NOTHING, to_open=(NOON,))}, JobState.RUNNING),
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
    ("resumed, and all are counted", {"plan": replace(SKIPPING, more=False), "before": PAUSED},
     JobState.SCHEDULED),
    ("valid again", {"before": ChronosJobStatus(state=JobState.INVALID)}, JobState.SCHEDULED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "state"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
def test_the_state(given: dict[str, Any], state: JobState) -> None:
    assert compute(**given).state is state


def test_the_counters_move_by_what_the_plan_says() -> None:
    before = ChronosJobStatus(started=10, late=1, missed=2, skipped=3)
    plan = replace(NOTHING, recorded=(NOON, NOON + MINUTE), missed=4, skipped=5)
    after = compute(plan, before=before)
    assert (after.started, after.missed, after.skipped) == (12, 6, 8)
    assert after.late == 1


@pytest.mark.parametrize(
    ("lateness", "late"),
    [([0.0], 0), ([1.0], 0), ([1.001], 1), ([0.2, 3.0, 9.0], 2), ([], 0)],
)
def test_more_than_a_second_is_late(lateness: list[float], late: int) -> None:
    assert compute(lateness=[timedelta(seconds=value) for value in lateness]).late == late


def test_the_plan_tells_the_cursor_and_what_is_next() -> None:
    status = compute(replace(NOTHING, cursor=NOON - SECOND))
    assert status.cursor_at == NOON - SECOND
    assert status.next_at == NOON + MINUTE
    assert status.observed_generation == 4
    assert status.schedule_digest == schedule_digest(build_spec().schedule)
    assert status.schedule == "* * * * *"


def test_the_newest_execution_is_the_last() -> None:
    executions = [build_ended(NOON + MINUTE), build_ended(NOON), build_execution(NOON - MINUTE)]
    status = compute(executions=executions)
    assert status.last_at == NOON + MINUTE
    assert status.active == 1


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


def test_an_invalid_job_keeps_its_cursor_and_counters_and_has_no_next() -> None:
    before = compute(replace(NOTHING, missed=3), executions=[build_ended(NOON)])
    status = invalid(before, [build_ended(NOON)])
    assert status.cursor_at == before.cursor_at
    assert status.schedule_digest == before.schedule_digest
    assert (status.missed, status.started) == (3, 0)
    assert status.next_at is None
    assert status.last_at == NOON


def test_what_already_runs_of_an_invalid_job_is_still_counted() -> None:
    status = invalid(executions=[RUNNING, build_ended(NOON + MINUTE, ExecutionState.FAILED)])
    assert status.active == 1
    assert status.last_result == "Failed"


def test_the_same_problem_twice_changes_nothing() -> None:
    assert invalid(invalid()) == invalid()
