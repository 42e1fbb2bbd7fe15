"""The story of one job: observe, decide by pure functions, apply.

Keys are ``("job", namespace, name)``, ``("execution", namespace, name)`` and, for the archive,
``("ledger", namespace, name)``. A reconcile reads what is observed, never what an event said, so
that it may be woken by anything, any number of times. Whatever starts a job's executions is decided
here, by the one worker that has the job's key: two of them can never both take the last place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chronos_clients.resources import JOBS
from chronos_crds.execution import ExecutionState
from chronos_crds.job import ChronosJobSpec
from chronos_crds.naming import execution_name
from chronos_crds.validation import InvalidInput
from chronos_operator.clock import Clock
from chronos_operator.decide.concurrency import (
    Admission,
    Places,
    Turn,
    Verdict,
    decide_turns,
    is_begun,
    list_active,
)
from chronos_operator.decide.history import select_expired
from chronos_operator.decide.jobstatus import LedgerNews, compute_invalid_status, compute_job_status
from chronos_operator.decide.ledger import select_archivable
from chronos_operator.decide.manifest import build_execution, build_execution_spec
from chronos_operator.decide.narrative import Note
from chronos_operator.decide.pause import is_paused
from chronos_operator.decide.schedule import NeverDue, SchedulePlan, decide_schedule
from chronos_operator.decide.status import compute_closed_status, compute_waiting_status
from chronos_operator.decide.values import ExecutionView, JobView, read_execution
from chronos_operator.decide.walk import Opening
from chronos_operator.effects.cluster import Cluster
from chronos_operator.errors import NameTaken
from chronos_operator.executions import ExecutionReconciler
from chronos_operator.ledgers import Ledgers
from chronos_operator.observed import Observed
from chronos_operator.readings import Reading, Readings
from chronos_operator.records import Key, Records
from chronos_operator.starts import Starts
from chronos_operator.ticker import Ticker
from chronos_operator.workqueue import WorkQueue


@dataclass
class Reconciler:
    """Brings what is nearer to what was asked for, one key at a time."""

    observed: Observed
    cluster: Cluster
    readings: Readings
    ledgers: Ledgers
    records: Records
    starts: Starts
    executions: ExecutionReconciler
    clock: Clock
    ticker: Ticker[Key]
    queue: WorkQueue[Key]
    archive_queue: WorkQueue[Key]

    async def reconcile(self, key: Key) -> None:
        """Looks at one job or execution; may raise ClientError, to be tried again."""
        kind, namespace, name = key
        if kind == "job":
            await self._reconcile_job(namespace, name)
        else:
            await self.executions.reconcile(namespace, name)

    async def _reconcile_job(self, namespace: str, name: str) -> None:
        key: Key = ("job", namespace, name)
        job = self.observed.jobs.get((namespace, name))
        if job is None or job.meta.deleted_at is not None:
            self.ticker.set(key, None)
            return
        try:
            reading = self.readings.read(job)
            places, turns, plan = self._decide(reading)
        except (InvalidInput, NeverDue) as error:
            self.ticker.set(key, None)
            await self._record_invalid(job, str(error))
            return
        for turn in turns:
            if turn.admission.verdict is Verdict.START:
                await self._start(turn.execution)
        for opening in plan.openings:
            await self._open(reading, opening)
        if plan.openings:
            # What was just opened is recorded now: one status write says all of it.
            _, _, plan = self._decide(reading)
        # Before the records are written: trouble with them must not delay the next start.
        self.ticker.set(key, _first(plan.wake_at, *(turn.wake_at for turn in turns)))
        await self._make_room(reading, places)
        for turn in turns:
            await self._record_turn(turn)
        await self._record_job(reading, plan)
        await self._prune(job, reading.spec)
        if plan.more:
            self.queue.add(key)

    def _decide(self, reading: Reading) -> tuple[Places, tuple[Turn, ...], SchedulePlan]:
        """Lets in what may start now: what waits first, then what has become due."""
        job, spec, now = reading.job, reading.spec, self.clock.now()
        has_first = self.observed.has_first_attempt(job.meta.namespace, job.meta.uid)
        executions = self.observed.executions_of(job)
        active = list_active(
            executions, has_first, self.readings.is_cancelled(job), self.observed.has_living_pod
        )
        places = Places(spec.concurrency, active)
        waiting = [
            known
            for known in (*executions, *self.observed.unadopted_of(job))
            if not known.is_final and not is_begun(known, has_first)
        ]
        turns = decide_turns(spec, waiting, places, is_paused=is_paused(spec, now), now=now)
        plan = decide_schedule(spec, job.status, places, reading.facts, now=now)
        return places, turns, plan

    async def _start(self, execution: ExecutionView) -> None:
        """Starts the first attempt of an execution that waited."""
        namespace, name = execution.meta.namespace, execution.meta.name
        denial = await self.starts.start(namespace, name, execution.spec, number=1)
        if denial is not None:
            await self.starts.record_denial(namespace, name, denial)
        self.queue.add(("execution", namespace, name))

    async def _open(self, reading: Reading, opening: Opening) -> None:
        """Starts the first attempt of a due second, then records it: one write before the start.
        One that has to wait is recorded only."""
        job, scheduled_at = reading.job, opening.scheduled_at
        namespace, name = job.meta.namespace, execution_name(job.meta.name, scheduled_at)
        waits = opening.admission.verdict is Verdict.WAIT
        spec = build_execution_spec(job.meta, reading.spec, scheduled_at=scheduled_at, queued=waits)
        denial = None
        if not waits:
            denial = await self.starts.start(namespace, name, spec, number=1)
        try:
            body = await self.cluster.create_execution(build_execution(namespace, name, spec))
        except NameTaken as error:
            await self._give_up(job, name, str(error))
            return
        self.observed.put_execution(read_execution(body))
        if denial is not None:
            await self.starts.record_denial(namespace, name, denial)
        self.queue.add(("execution", namespace, name))

    async def _give_up(self, job: JobView, name: str, problem: str) -> None:
        """Somebody else's execution has the name: this second cannot be recorded, nor run."""
        namespace = job.meta.namespace
        for kube_job in self.observed.attempts_of(namespace, name):
            if kube_job.job_uid == job.meta.uid:
                await self.cluster.delete_kube_job(kube_job)
                self.observed.kube_jobs.drop((namespace, kube_job.name))
        self.observed.unreadable.add((namespace, name))
        await self.records.send(JOBS, job.meta, [Note("NameTaken", problem, warning=True)])

    async def _make_room(self, reading: Reading, places: Places) -> None:
        """Has those end that a newer run replaces."""
        for name in places.cancelled:
            execution = self.observed.executions.get((reading.job.meta.namespace, name))
            if execution is not None:
                await self.starts.cancel(
                    execution, reason="Replaced", message="a newer run took its place"
                )

    async def _record_turn(self, turn: Turn) -> None:
        """Writes down why an execution waits, or that it will never run."""
        execution, admission = turn.execution, turn.admission
        if admission.verdict is Verdict.START or not execution.spec.is_complete:
            return
        if admission.verdict is Verdict.WAIT:
            status = compute_waiting_status(execution.status, admission)
        else:
            is_miss = admission.verdict is Verdict.MISS
            status = compute_closed_status(
                execution.status,
                ExecutionState.MISSED if is_miss else ExecutionState.SKIPPED,
                reason=admission.reason,
                message=_tell_admission(admission),
                blocker=admission.name,
                now=self.clock.now(),
            )
        await self.records.write_execution_status(execution, status)

    async def _record_job(self, reading: Reading, plan: SchedulePlan) -> None:
        job = reading.job
        status, lines = compute_job_status(
            reading.spec,
            job.status,
            plan,
            self.observed.executions_of(job),
            LedgerNews(
                known=reading.facts.known,
                created_at=reading.facts.created_at,
                archived_until=self.ledgers.archive.archived_until(job.meta.uid),
            ),
            generation=job.meta.generation,
            now=self.clock.now(),
        )
        await self.records.write_job_status(job, status, lines)
        if select_archivable(status.ledger) or self.ledgers.backfills_to_keep(job):
            self.archive_queue.add(("ledger", job.meta.namespace, job.meta.name))

    async def _record_invalid(self, job: JobView, problem: str) -> None:
        status = compute_invalid_status(
            job.status,
            problem,
            self.observed.executions_of(job),
            generation=job.meta.generation,
            now=self.clock.now(),
        )
        await self.records.write_job_status(job, status)

    async def _prune(self, job: JobView, spec: ChronosJobSpec) -> None:
        kept = {known.meta.name for known in self.ledgers.backfills_to_keep(job)}
        for execution in select_expired(self.observed.executions_of(job), spec.history):
            if execution.meta.name in kept:
                continue
            cursor = job.status.cursor_at
            if execution.spec.is_scheduled and (cursor is None or execution.scheduled_at > cursor):
                # Until the cursor has passed it, the record is what keeps the second from running
                # a second time.
                continue
            meta = execution.meta
            for kube_job in self.observed.attempts_of(meta.namespace, meta.name):
                await self.cluster.delete_kube_job(kube_job)
            await self.cluster.delete_execution(execution)
            self.ledgers.archive.forget_backfilled(job.meta.uid, execution.scheduled_at)
            self.observed.executions.drop((meta.namespace, meta.name))


def _tell_admission(admission: Admission) -> str:
    words = {
        "Forbid": f"concurrency forbids it beside {admission.name}",
        "QueueFull": "as many wait as concurrency.queueLimit allows",
        "Replaced": "a newer run took its place before it began",
        "DeadlineExceeded": "startingDeadlineSeconds passed before its turn came",
    }
    return words.get(admission.reason, admission.reason)


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
