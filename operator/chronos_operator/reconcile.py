"""The story of one job: observe, decide by pure functions, apply.

Keys are ``("job", namespace, name)``, ``("execution", namespace, name)`` and, for the archive,
``("ledger", namespace, name)``. A reconcile reads what is observed, never what an event said, so
that it may be woken by anything, any number of times. Whatever starts a job's executions is decided
here, by the one worker that has the job's key: two of them can never both take the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chronos_clients.resources import JOBS
from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.execution import ExecutionState, Trigger
from chronos_crds.job import ChronosJobSpec
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.naming import attempt_name, execution_name
from chronos_crds.timetable import Timetable, build_timetable
from chronos_crds.validation import InvalidInput, find_calendar, parse_job_spec
from chronos_crds.zones import load_zone
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
from chronos_operator.decide.ledger import build_line, select_archivable, tell_record
from chronos_operator.decide.manifest import build_execution, build_execution_spec
from chronos_operator.decide.narrative import Note
from chronos_operator.decide.schedule import (
    JobFacts,
    NeverDue,
    Opening,
    SchedulePlan,
    decide_schedule,
    is_paused,
)
from chronos_operator.decide.status import compute_closed_status, compute_waiting_status
from chronos_operator.decide.values import ExecutionView, JobView, read_execution
from chronos_operator.effects.archive import LedgerArchive
from chronos_operator.effects.cluster import Cluster
from chronos_operator.errors import NameTaken
from chronos_operator.executions import ExecutionReconciler
from chronos_operator.observed import Observed
from chronos_operator.records import Key, Records
from chronos_operator.starts import Starts
from chronos_operator.ticker import Ticker
from chronos_operator.workqueue import WorkQueue


@dataclass(frozen=True)
class _Reading:
    """A job as this pass reads it."""

    job: JobView
    spec: ChronosJobSpec
    timetable: Timetable
    facts: JobFacts


@dataclass
class Reconciler:
    """Brings what is nearer to what was asked for, one key at a time."""

    observed: Observed
    cluster: Cluster
    archive: LedgerArchive
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

    async def archive_ledger(self, key: Key) -> None:
        """Puts the older lines of a job's ledger away, and those of backfilled seconds whose
        executions are to go; then has the job looked at again."""
        _, namespace, name = key
        job = self.observed.jobs.get((namespace, name))
        if job is None or job.status.ledger_from is None:
            return
        lines = select_archivable(job.status.ledger)
        if lines:
            await self.archive.add(job.meta, job.status.ledger_from, lines)
        for execution in self._backfills_to_keep(job):
            line = tell_record(execution, None, due_at=execution.scheduled_at)
            await self.archive.add_backfilled(
                job.meta, line.model_copy(update={"reason": "Backfill"})
            )
        self.queue.add(("job", namespace, name))

    def _backfills_to_keep(self, job: JobView) -> list[ExecutionView]:
        """Ended backfilled executions whose lines are not in the archive yet."""
        return [
            known
            for known in self.observed.executions_of(job)
            if known.spec.trigger is Trigger.BACKFILL
            and known.is_final
            and known.status.attempts
            and not self.archive.is_backfill_kept(job.meta.uid, known.scheduled_at)
        ]

    async def _reconcile_job(self, namespace: str, name: str) -> None:
        key: Key = ("job", namespace, name)
        job = self.observed.jobs.get((namespace, name))
        if job is None or job.meta.deleted_at is not None:
            self.ticker.set(key, None)
            return
        try:
            reading = self._read(job)
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

    def _decide(self, reading: _Reading) -> tuple[Places, tuple[Turn, ...], SchedulePlan]:
        """Lets in what may start now: what waits first, then what has become due."""
        job, spec, now = reading.job, reading.spec, self.clock.now()
        has_first = self.observed.has_first_attempt(job.meta.namespace)
        executions = self.observed.executions_of(job)
        places = Places(
            spec.concurrency, list_active(executions, has_first, self._is_cancelled(job))
        )
        waiting = [
            known
            for known in executions
            if not known.is_final and known.spec.is_complete and not is_begun(known, has_first)
        ]
        turns = decide_turns(spec, waiting, places, is_paused=is_paused(spec, now), now=now)
        plan = decide_schedule(spec, job.status, places, reading.facts, now=now)
        return places, turns, plan

    # --- what is observed

    def _read(self, job: JobView) -> _Reading:
        """Raises InvalidInput where the job, or a calendar it names, cannot be read."""
        spec = parse_job_spec(job.spec)
        created_at = _created_at(job)
        timetable = build_timetable(spec.schedule, created_at=created_at, uid=job.meta.uid)
        facts = JobFacts(
            name=job.meta.name,
            uid=job.meta.uid,
            created_at=created_at,
            known=lambda second: self._find_line(job, timetable, second),
            is_begun=lambda second: self._has_begun(job, second),
            edited_at=job.edited_at,
            calendars={
                name: self._read_calendar(job.meta.namespace, name)
                for name in spec.schedule.exclude_calendars
            },
        )
        return _Reading(job, spec, timetable, facts)

    def _read_calendar(self, namespace: str, name: str) -> tuple[ChronosCalendarSpec, ZoneInfo]:
        calendar = self.observed.calendars.get((namespace, name))
        spec = find_calendar(name, calendar.spec if calendar is not None else None)
        return spec, load_zone(spec.time_zone)

    def _find_line(self, job: JobView, timetable: Timetable, second: datetime) -> LedgerLine | None:
        """What the execution of that second says; None where there is none."""
        namespace, name = job.meta.namespace, execution_name(job.meta.name, second)
        execution = self.observed.executions.get((namespace, name))
        if execution is None and (namespace, name) not in self.observed.unreadable:
            return None
        if execution is None or not _is_of_schedule(execution, job):
            return build_line(second, Fate.MISSED, reason="NameTaken", name=name)
        kube_job = self.observed.kube_jobs.get((namespace, attempt_name(name, 1)))
        due_at = _known_from(job, second) + timetable.delay_of(second)
        return tell_record(execution, kube_job, due_at=due_at)

    def _has_begun(self, job: JobView, second: datetime) -> bool:
        name = attempt_name(execution_name(job.meta.name, second), 1)
        kube_job = self.observed.kube_jobs.get((job.meta.namespace, name))
        return kube_job is not None and kube_job.job_uid == job.meta.uid

    def _is_cancelled(self, job: JobView) -> Callable[[str], bool]:
        def is_cancelled(name: str) -> bool:
            attempts = self.observed.attempts_of(job.meta.namespace, name)
            return bool(attempts) and bool(attempts[-1].cancelled)

        return is_cancelled

    # --- what is done

    async def _start(self, execution: ExecutionView) -> None:
        """Starts the first attempt of an execution that waited."""
        namespace, name = execution.meta.namespace, execution.meta.name
        denial = await self.starts.start(namespace, name, execution.spec, number=1)
        if denial is not None:
            await self.starts.record_denial(namespace, name, denial)
        self.queue.add(("execution", namespace, name))

    async def _open(self, reading: _Reading, opening: Opening) -> None:
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

    async def _make_room(self, reading: _Reading, places: Places) -> None:
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
        if admission.verdict is Verdict.START:
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

    async def _record_job(self, reading: _Reading, plan: SchedulePlan) -> None:
        job = reading.job
        status, lines = compute_job_status(
            reading.spec,
            job.status,
            plan,
            self.observed.executions_of(job),
            LedgerNews(
                known=reading.facts.known,
                created_at=reading.facts.created_at,
                archived_until=self.archive.archived_until(job.meta.uid),
            ),
            generation=job.meta.generation,
            now=self.clock.now(),
        )
        await self.records.write_job_status(job, status, lines)
        if select_archivable(status.ledger) or self._backfills_to_keep(job):
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
        kept = {known.meta.name for known in self._backfills_to_keep(job)}
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
            self.archive.forget_backfilled(job.meta.uid, execution.scheduled_at)
            self.observed.executions.drop((meta.namespace, meta.name))


def _is_of_schedule(execution: ExecutionView, job: JobView) -> bool:
    """Whether it is what the job itself, or a backfill of it, has at that second."""
    return execution.job_uid == job.meta.uid and execution.spec.trigger is not Trigger.MANUAL


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


def _created_at(job: JobView) -> datetime:
    if job.meta.created_at is None:
        raise ValueError(f"{job.meta.name} has no creationTimestamp")
    return job.meta.created_at


def _known_from(job: JobView, scheduled_at: datetime) -> datetime:
    """When a second could first be started: the API server cuts a creation's time to whole seconds,
    so that a job stored to run at once may be stored up to a second after its own time."""
    is_creation = scheduled_at == job.meta.created_at
    return scheduled_at + timedelta(seconds=1) if is_creation else scheduled_at
