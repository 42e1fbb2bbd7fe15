"""Which ended executions have had their time in the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chronos_crds.execution import ExecutionState
from chronos_crds.job import History
from chronos_operator.decide.values import ExecutionView


def select_expired(
    executions: Sequence[ExecutionView], history: History
) -> tuple[ExecutionView, ...]:
    """The oldest beyond what is kept; never one that runs or whose logs have no word yet."""
    ended = sorted(
        (known for known in executions if known.is_final),
        key=_ended_at,
        reverse=True,
    )
    successful = [known for known in ended if known.status.state is ExecutionState.SUCCEEDED]
    failed = [known for known in ended if known.status.state is not ExecutionState.SUCCEEDED]
    expired = [*successful[history.successful :], *failed[history.failed :]]
    return tuple(known for known in expired if _has_all_logs(known))


def _ended_at(execution: ExecutionView) -> tuple[datetime, datetime]:
    """A backfilled execution is for an old second, and yet among the newest."""
    return (execution.status.completed_at or execution.scheduled_at, execution.scheduled_at)


def _has_all_logs(execution: ExecutionView) -> bool:
    return all(
        attempt.log is not None or attempt.pod is None for attempt in execution.status.attempts
    )
