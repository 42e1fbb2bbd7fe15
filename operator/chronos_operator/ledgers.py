"""The story of a ledger: its older lines go to the archive, apart from what starts jobs."""

from __future__ import annotations

from dataclasses import dataclass, field

from chronos_crds.execution import Trigger
from chronos_operator.decide.ledger import select_archivable, tell_record
from chronos_operator.decide.values import ExecutionView, JobView
from chronos_operator.effects.archive import LedgerArchive
from chronos_operator.observed import Observed
from chronos_operator.records import Key
from chronos_operator.workqueue import WorkQueue

# Each holds at most some 20 KB.
MOST_DEPARTED = 1000


@dataclass
class Ledgers:
    """Puts the lines of jobs away; ``queue`` is that of the jobs."""

    observed: Observed
    archive: LedgerArchive
    queue: WorkQueue[Key]
    # Jobs that are gone, by UID, with their last lines; a store that is away holds few of them.
    departed: dict[str, JobView] = field(default_factory=dict)

    def part_with(self, job: JobView) -> None:
        """A job is gone, and its status with it: what that held is put away next."""
        if job.status.ledger and len(self.departed) < MOST_DEPARTED:
            self.departed[job.meta.uid] = job

    async def put_away(self, key: Key) -> None:
        """Puts the older lines of a job's ledger away, and those of backfilled seconds whose
        executions are to go; then has the job looked at again."""
        _, namespace, name = key
        await self._put_departed_away()
        job = self.observed.jobs.get((namespace, name))
        if job is None or job.status.ledger_from is None:
            return
        lines = select_archivable(job.status.ledger)
        if lines:
            await self.archive.add(job.meta, job.status.ledger_from, lines)
        for execution in self.backfills_to_keep(job):
            line = tell_record(execution, None, due_at=execution.scheduled_at)
            await self.archive.add_backfilled(
                job.meta, line.model_copy(update={"reason": "Backfill"})
            )
        self.queue.add(("job", namespace, name))

    async def _put_departed_away(self) -> None:
        for uid, job in list(self.departed.items()):
            if job.status.ledger_from is not None:
                await self.archive.add(job.meta, job.status.ledger_from, job.status.ledger)
            self.archive.forget(uid)
            self.departed.pop(uid, None)

    def backfills_to_keep(self, job: JobView) -> list[ExecutionView]:
        """Ended backfilled executions whose lines are not in the archive yet."""
        return [
            known
            for known in self.observed.executions_of(job)
            if known.spec.trigger is Trigger.BACKFILL
            and known.is_final
            and known.status.attempts
            and not self.archive.is_backfill_kept(job.meta.uid, known.scheduled_at)
        ]
