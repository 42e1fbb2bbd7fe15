"""A job's status, computed from what is observed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.conditions import Condition, Truth, merge_condition
from chronos_crds.execution import ExecutionState
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_crds.ledger import LedgerLine
from chronos_crds.timetable import describe_schedule
from chronos_operator.decide.ledger import (
    append_lines,
    bound_lines,
    compute_totals,
    resolve_queued,
    trim_archived,
)
from chronos_operator.decide.pause import is_paused
from chronos_operator.decide.schedule import SchedulePlan
from chronos_operator.decide.values import ExecutionView


@dataclass(frozen=True)
class LedgerNews:
    """What else a job's ledger needs: the fates of what was queued, and what is archived.

    ``known`` tells the line of a second whose execution is recorded.
    """

    known: Callable[[datetime], LedgerLine | None]
    created_at: datetime
    archived_until: datetime | None = None


def compute_job_status(
    spec: ChronosJobSpec,
    before: ChronosJobStatus,
    plan: SchedulePlan,
    executions: Sequence[ExecutionView],
    news: LedgerNews,
    *,
    generation: int,
    now: datetime,
) -> tuple[ChronosJobStatus, tuple[LedgerLine, ...]]:
    """The status of a job whose spec can be read, and the lines of its ledger that are new;
    ``executions`` are the job's own."""
    resolved, fates = resolve_queued(before.ledger, news.known)
    new_lines = (*fates, *plan.lines)
    totals = compute_totals(new_lines)
    # A status without a ledger and with a cursor is from before there were ledgers.
    started_from = before.ledger_from or before.cursor_at or news.created_at - timedelta(seconds=1)
    ledger, ledger_from = bound_lines(
        append_lines(trim_archived(resolved, news.archived_until), plan.lines),
        max(started_from, news.archived_until or started_from),
    )
    newest = max(executions, key=lambda known: known.scheduled_at, default=None)
    queued = sum(known.status.state is ExecutionState.QUEUED for known in executions)
    active = sum(not known.is_final and _has_begun(known) for known in executions)
    status = ChronosJobStatus(
        state=_job_state(spec, plan, before, is_busy=bool(active or queued), now=now),
        schedule=describe_schedule(spec.schedule)[:512],
        observed_generation=generation,
        observed_schedule=plan.schedule,
        cursor_at=plan.cursor,
        next_at=plan.next_at,
        last_at=newest.scheduled_at if newest is not None else before.last_at,
        last_result=_last_result(executions) or before.last_result,
        active=active,
        queued=queued,
        started=before.started + totals.started,
        late=before.late + totals.late,
        missed=before.missed + totals.missed,
        skipped=before.skipped + totals.skipped,
        ledger=ledger,
        ledger_from=ledger_from,
        conditions=_valid(before.conditions, True, "Valid", "", generation=generation, now=now),
    )
    return status, new_lines


def compute_invalid_status(
    before: ChronosJobStatus,
    problem: str,
    executions: Sequence[ExecutionView],
    *,
    generation: int,
    now: datetime,
) -> ChronosJobStatus:
    """The status of a job that cannot be scheduled; nothing of it runs but what already did."""
    return before.model_copy(
        update={
            "state": JobState.INVALID,
            "observed_generation": generation,
            "next_at": None,
            "last_result": _last_result(executions) or before.last_result,
            "active": sum(not known.is_final and _has_begun(known) for known in executions),
            "conditions": _valid(
                before.conditions, False, "InvalidSpec", problem, generation=generation, now=now
            ),
        }
    )


def _valid(
    conditions: Sequence[Condition],
    is_valid: bool,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    return merge_condition(
        conditions,
        type="Valid",
        status=Truth.TRUE if is_valid else Truth.FALSE,
        reason=reason,
        message=message,
        generation=generation,
        now=now,
    )


def _job_state(
    spec: ChronosJobSpec,
    plan: SchedulePlan,
    before: ChronosJobStatus,
    *,
    is_busy: bool,
    now: datetime,
) -> JobState:
    if is_paused(spec, now):
        return JobState.PAUSED
    if not plan.is_settled and before.state in (JobState.PAUSED, JobState.INVALID):
        # The seconds of that time are still being counted; until then it has not ended.
        return before.state
    if is_busy or plan.openings:
        return JobState.RUNNING
    is_done = plan.next_at is None and plan.wake_at is None and not plan.more
    return JobState.COMPLETED if is_done else JobState.SCHEDULED


def _has_begun(execution: ExecutionView) -> bool:
    return bool(execution.status.attempts) or not execution.spec.is_recorded_first


def _last_result(executions: Sequence[ExecutionView]) -> str | None:
    ended = [known for known in executions if known.is_final and known.status.attempts]
    newest = max(ended, key=lambda known: known.scheduled_at, default=None)
    return None if newest is None else (newest.status.reason or str(newest.status.state))
