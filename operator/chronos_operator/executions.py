"""The story of one execution: adopt it, observe its attempts, decide, apply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chronos_clients.errors import Conflict
from chronos_crds.execution import ExecutionState
from chronos_crds.naming import is_scheduled_name
from chronos_crds.validation import InvalidInput, parse_job_spec
from chronos_operator.attempts import Attempts
from chronos_operator.clock import Clock
from chronos_operator.decide.concurrency import is_begun
from chronos_operator.decide.manifest import build_adoption
from chronos_operator.decide.pause import is_paused
from chronos_operator.decide.status import (
    compute_closed_status,
    compute_held_status,
    decide_execution,
)
from chronos_operator.decide.values import ExecutionView, JobView, read_execution
from chronos_operator.effects.cluster import Cluster
from chronos_operator.observed import Observed
from chronos_operator.records import Key, Records
from chronos_operator.starts import Starts
from chronos_operator.ticker import Ticker
from chronos_operator.workqueue import WorkQueue


@dataclass
class ExecutionReconciler:
    """Brings one execution nearer to its end."""

    observed: Observed
    cluster: Cluster
    attempts: Attempts
    records: Records
    starts: Starts
    clock: Clock
    ticker: Ticker[Key]
    queue: WorkQueue[Key]

    async def reconcile(self, namespace: str, name: str) -> None:
        """Looks at one execution; may raise ClientError, to be tried again."""
        key: Key = ("execution", namespace, name)
        execution = self.observed.executions.get((namespace, name))
        if execution is None or execution.meta.deleted_at is not None:
            self.ticker.set(key, None)
            self.attempts.forget(namespace, name)
            await self._sweep(namespace, name)
            return
        if not execution.spec.is_complete and not execution.is_final:
            await self._adopt(execution)
            return
        if not execution.is_final and not is_begun(
            execution, self.observed.has_first_attempt(namespace, execution.job_uid)
        ):
            # It waits for its turn, which is the job's to give: one worker decides for all of it.
            self.queue.add(("job", namespace, execution.spec.job_ref.name))
            return
        await self._follow(key, execution)

    async def _follow(self, key: Key, execution: ExecutionView) -> None:
        _, namespace, name = key
        job = self.observed.jobs.get((namespace, execution.spec.job_ref.name))
        observations = await self.attempts.observe(execution)
        now = self.clock.now()
        plan = decide_execution(
            execution, observations, may_start=self._may_start(job, execution), now=now
        )
        if plan.start is not None:
            denial = await self.starts.start(namespace, name, execution.spec, number=plan.start)
            if denial is not None:
                await self.starts.record_denial(namespace, name, denial, number=plan.start)
            # Look again with the new attempt among what is observed.
            self.queue.add(key)
            return
        await self.records.write_execution_status(execution, plan.status)
        self.ticker.set(key, plan.wake_at)
        if execution.is_final:
            # Its pod may have been the last thing that another run waited for.
            self.queue.add(("job", namespace, execution.spec.job_ref.name))

    def _may_start(self, job: JobView | None, execution: ExecutionView) -> bool:
        """Whether retries may begin: their job is there, not being deleted, and not paused; what
        was asked for by hand goes on in a pause."""
        if job is None or job.meta.uid != execution.job_uid or job.meta.deleted_at is not None:
            return False
        if not execution.spec.is_scheduled:
            return True
        try:
            return not is_paused(parse_job_spec(job.spec), self.clock.now())
        except InvalidInput:
            return not job.spec.get("suspend", False)

    async def _adopt(self, execution: ExecutionView) -> None:
        """Makes an execution that somebody asked for one of its job's."""
        namespace, job_name = execution.meta.namespace, execution.spec.job_ref.name
        job = self.observed.jobs.get((namespace, job_name))
        if execution.spec.workload is not None or execution.spec.retry is not None:
            text = "spec.workload and spec.retry are Chronos' to fill in: leave them out"
            await self._refuse(execution, text)
            return
        if job is None or job.meta.deleted_at is not None:
            await self._hold(execution, "JobMissing", f"there is no ChronosJob {job_name} here")
            return
        if execution.spec.job_ref.uid not in (None, job.meta.uid):
            await self._refuse(execution, f"ChronosJob {job_name} is not the one of that uid")
            return
        try:
            spec = parse_job_spec(job.spec)
        except InvalidInput as error:
            await self._hold(execution, "JobInvalid", str(error))
            return
        patch, _ = build_adoption(job.meta, spec, execution)
        try:
            body = await self.cluster.adopt_execution(execution, patch)
        except Conflict:
            newest = await self.cluster.find_execution(namespace, execution.meta.name)
            if newest is not None:
                self.observed.put_execution(read_execution(newest))
            raise
        self.observed.put_execution(read_execution(body))
        self.queue.add(("job", namespace, job_name))

    async def _hold(self, execution: ExecutionView, reason: str, message: str) -> None:
        held = compute_held_status(execution.status, reason, message)
        await self.records.write_execution_status(execution, held)

    async def _refuse(self, execution: ExecutionView, message: str) -> None:
        closed = compute_closed_status(
            execution.status,
            ExecutionState.FAILED,
            reason="Refused",
            message=message,
            now=self.clock.now(),
        )
        await self.records.write_execution_status(execution, closed)

    async def _sweep(self, namespace: str, name: str) -> None:
        """Deletes the kube jobs of an execution whose record is gone for good."""
        for kube_job in self.observed.attempts_of(namespace, name):
            job = self.observed.jobs.get((namespace, kube_job.job))
            if job is None or job.meta.uid != kube_job.job_uid:
                continue  # its owner is gone: the cluster's garbage collector sees to it
            cursor = job.status.cursor_at
            if is_scheduled_name(name) and (cursor is None or not _scheduled_before(name, cursor)):
                continue
            body = await self.cluster.find_execution(namespace, name)
            if body is not None:
                # Another process has only just recorded it: the news are still under way.
                self.observed.put_execution(read_execution(body))
                self.queue.add(("execution", namespace, name))
                return
            await self.cluster.delete_kube_job(kube_job)


def _scheduled_before(execution: str, cursor: datetime) -> bool:
    return int(execution.rpartition("-")[2]) <= cursor.timestamp()
