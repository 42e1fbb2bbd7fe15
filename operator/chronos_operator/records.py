"""Writes statuses, keeps what the API server answered, and tells the news as Events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chronos_clients.errors import Conflict, NotFound
from chronos_clients.resources import EXECUTIONS, JOBS, Resource
from chronos_crds.execution import ExecutionStatus
from chronos_crds.job import ChronosJobStatus
from chronos_crds.ledger import LedgerLine
from chronos_crds.meta import ObjectMeta
from chronos_operator.clock import Clock
from chronos_operator.decide.narrative import Note, tell_execution, tell_job, tell_lines
from chronos_operator.decide.values import ExecutionView, JobView, read_execution, read_job
from chronos_operator.effects.cluster import Cluster
from chronos_operator.effects.events import Events
from chronos_operator.observed import Observed
from chronos_operator.workqueue import WorkQueue

Key = tuple[str, str, str]
"""What is reconciled: "job", "execution" or "ledger", namespace, name."""


@dataclass
class Records:
    """The written side of what was decided."""

    observed: Observed
    cluster: Cluster
    events: Events
    clock: Clock
    queue: WorkQueue[Key]

    async def write_job_status(
        self, job: JobView, status: ChronosJobStatus, lines: Iterable[LedgerLine] = ()
    ) -> None:
        """Writes a job's status where it differs; ``lines`` are the ledger's news.

        Raises Conflict where the job has changed: what was decided on is not the newest.
        """
        if status.to_manifest() == job.status.to_manifest():
            return
        try:
            body = await self.cluster.patch_job_status(job, status)
        except NotFound:
            return
        except Conflict:
            # The newest version's news may be lost: read it, then retry.
            newest = await self.cluster.find_job(job.meta.namespace, job.meta.name)
            if newest is not None:
                self.observed.put_job(read_job(newest))
            raise
        self.observed.put_job(read_job(body))
        note = str(job.spec.get("pauseNote") or "")
        await self.send(JOBS, job.meta, tell_job(job.status, status, note=note))
        await self.send(JOBS, job.meta, tell_lines(job.status.ledger, lines))

    async def write_execution_status(
        self, execution: ExecutionView, status: ExecutionStatus
    ) -> None:
        """Writes an execution's status where it differs, and wakes its job; raises Conflict."""
        if status.to_manifest() == execution.status.to_manifest():
            return
        meta, job_name = execution.meta, execution.spec.job_ref.name
        try:
            body = await self.cluster.patch_execution_status(execution, status)
        except NotFound:
            return
        except Conflict:
            newest = await self.cluster.find_execution(meta.namespace, meta.name)
            if newest is not None:
                self.observed.put_execution(read_execution(newest))
            raise
        self.observed.put_execution(read_execution(body))
        self.queue.add(("job", meta.namespace, job_name))
        await self._tell_execution(execution, status)

    async def _tell_execution(self, execution: ExecutionView, status: ExecutionStatus) -> None:
        meta = execution.meta
        retry = execution.spec.retry
        notes = list(
            tell_execution(
                meta.name,
                execution.status,
                status,
                max_attempts=retry.max_attempts if retry is not None else 1,
            )
        )
        job = self.observed.jobs.get((meta.namespace, execution.spec.job_ref.name))
        if job is not None:
            await self.send(JOBS, job.meta, notes)
        await self.send(EXECUTIONS, meta, [note for note in notes if note.warning])

    async def send(self, resource: Resource, about: ObjectMeta, notes: Iterable[Note]) -> None:
        """Sends Events about an object."""
        for note in notes:
            await self.events.send_event(resource, about, note, now=self.clock.now())
