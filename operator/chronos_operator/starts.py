"""Starting an attempt, and ending one before its time."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from chronos_clients.errors import Denied, Invalid
from chronos_crds.execution import ExecutionSpec, ExecutionState
from chronos_operator.clock import Clock
from chronos_operator.decide.manifest import build_cancellation, build_kube_job
from chronos_operator.decide.status import (
    Denial,
    Observation,
    compute_closed_status,
    decide_execution,
)
from chronos_operator.decide.values import ExecutionView, read_kube_job
from chronos_operator.effects.cluster import Cluster
from chronos_operator.errors import NameTaken
from chronos_operator.observed import Observed
from chronos_operator.records import Records

log = logging.getLogger(__name__)


@dataclass
class Starts:
    """Brings attempts into being, and has them end."""

    observed: Observed
    cluster: Cluster
    records: Records
    clock: Clock

    async def start(
        self, namespace: str, execution: str, spec: ExecutionSpec, *, number: int
    ) -> Denial | None:
        """Creates an attempt's kube job; what the API server said where it refused for good."""
        manifest = build_kube_job(
            namespace, spec, execution=execution, number=number, started_at=self.clock.now()
        )
        try:
            body = await self.cluster.create_kube_job(manifest)
        except (Denied, Invalid, NameTaken) as error:
            log.warning(
                "attempt was refused",
                extra={"attempt": f"{execution}-{number}", "error": str(error)},
            )
            return Denial(str(error), self.clock.now())
        self.observed.put_kube_job(read_kube_job(body))
        return None

    async def record_denial(
        self, namespace: str, name: str, denial: Denial, *, number: int = 1
    ) -> None:
        """Writes into an execution's status that an attempt was refused."""
        execution = self.observed.executions.get((namespace, name))
        if execution is None:
            return
        seen = {number: Observation(None, None, None, denial=denial)}
        plan = decide_execution(execution, seen, may_start=True, now=self.clock.now())
        await self.records.write_execution_status(execution, plan.status)

    async def cancel(self, execution: ExecutionView, *, reason: str, message: str) -> None:
        """Has an execution end: its pod, or at once where it only waits for a retry."""
        meta = execution.meta
        attempts = self.observed.attempts_of(meta.namespace, meta.name)
        newest = attempts[-1] if attempts else None
        waits = execution.status.next_attempt_at is not None
        if waits and len(attempts) <= len(execution.status.attempts):
            closed = compute_closed_status(
                execution.status,
                ExecutionState.CANCELLED,
                reason=reason,
                message=message,
                now=self.clock.now(),
            )
            await self.records.write_execution_status(execution, closed)
        elif newest is not None and not newest.cancelled and not newest.finished:
            body = await self.cluster.cancel_kube_job(newest, build_cancellation(reason))
            if body is not None:
                self.observed.put_kube_job(read_kube_job(body))
