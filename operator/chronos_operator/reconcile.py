"""The story: observe a job or an execution, decide by pure functions, apply.

Keys are ``("job", namespace, name)`` and ``("execution", namespace, name)``. A reconcile reads what
is observed, never what an event said, so that it may be woken by anything, any number of times.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_clients.errors import Conflict, Denied, Invalid, NotFound
from chronos_clients.resources import EXECUTIONS, JOBS, Resource
from chronos_crds.execution import ExecutionSpec, ExecutionStatus
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus
from chronos_crds.meta import ObjectMeta
from chronos_crds.naming import attempt_name, execution_name
from chronos_crds.validation import InvalidInput, parse_job_spec
from chronos_operator.attempts import Attempts
from chronos_operator.clock import Clock
from chronos_operator.decide.history import select_expired
from chronos_operator.decide.manifest import (
    build_execution,
    build_execution_spec,
    build_kube_job,
)
from chronos_operator.decide.narrative import Note, tell_execution, tell_job
from chronos_operator.decide.schedule import NeverDue, SchedulePlan, decide_schedule
from chronos_operator.decide.status import (
    Denial,
    Observation,
    compute_invalid_status,
    compute_job_status,
    decide_execution,
)
from chronos_operator.decide.values import (
    ExecutionView,
    JobView,
    read_execution,
    read_job,
    read_kube_job,
)
from chronos_operator.effects.cluster import Cluster
from chronos_operator.effects.events import Events
from chronos_operator.errors import NameTaken
from chronos_operator.observed import Observed
from chronos_operator.ticker import Ticker
from chronos_operator.workqueue import WorkQueue

Key = tuple[str, str, str]

log = logging.getLogger(__name__)


@dataclass
class Reconciler:
    """Brings what is nearer to what was asked for, one key at a time."""

    observed: Observed
    cluster: Cluster
    events: Events
    attempts: Attempts
    clock: Clock
    ticker: Ticker[Key]
    queue: WorkQueue[Key]

    async def reconcile(self, key: Key) -> None:
        """Looks at one job or execution; may raise ClientError, to be tried again."""
        kind, namespace, name = key
        if kind == "job":
            await self._reconcile_job(namespace, name)
        else:
            await self._reconcile_execution(namespace, name)

    # --- jobs

    async def _reconcile_job(self, namespace: str, name: str) -> None:
        key: Key = ("job", namespace, name)
        job = self.observed.jobs.get((namespace, name))
        if job is None or job.meta.deleted_at is not None:
            self.ticker.set(key, None)
            return
        try:
            spec = parse_job_spec(job.spec)
            plan = self._plan(job, spec)
        except (InvalidInput, NeverDue) as error:
            self.ticker.set(key, None)
            await self._record_invalid(job, str(error))
            return
        for scheduled_at in plan.to_open:
            await self._open(job, spec, scheduled_at)
        if plan.to_open:
            # What was just opened is recorded now: one status write says all of it.
            plan = self._plan(job, spec)
        # Before the records are written: trouble with them must not delay the next start.
        self.ticker.set(key, plan.next_at)
        await self._record_job(job, spec, plan)
        await self._prune(job, spec)
        if plan.more:
            self.queue.add(key)

    def _plan(self, job: JobView, spec: ChronosJobSpec) -> SchedulePlan:
        namespace, name = job.meta.namespace, job.meta.name

        def is_recorded(scheduled_at: datetime) -> bool:
            known = self.observed.executions.get((namespace, execution_name(name, scheduled_at)))
            return known is not None and known.spec.job_ref.uid == job.meta.uid

        return decide_schedule(
            spec,
            job.status,
            created_at=_created_at(job),
            is_recorded=is_recorded,
            now=self.clock.now(),
        )

    async def _open(self, job: JobView, spec: ChronosJobSpec, scheduled_at: datetime) -> None:
        """Starts the first attempt of a due second, then records it: one write before the start."""
        namespace = job.meta.namespace
        execution_spec = build_execution_spec(job.meta, spec, scheduled_at=scheduled_at)
        execution = execution_name(job.meta.name, scheduled_at)
        denial = await self._start(namespace, execution, execution_spec, number=1)
        try:
            body = await self.cluster.create_execution(build_execution(namespace, execution_spec))
        except NameTaken as error:
            note = Note("NameTaken", str(error), warning=True)
            await self._send(JOBS, job.meta, [note])
            raise
        self.observed.put_execution(read_execution(body))
        if denial is not None:
            await self._record_denial(namespace, execution, denial)
        self.queue.add(("execution", namespace, execution))

    async def _record_job(self, job: JobView, spec: ChronosJobSpec, plan: SchedulePlan) -> None:
        now = self.clock.now()
        status = compute_job_status(
            spec,
            job.status,
            plan,
            self.observed.executions_of(job),
            lateness=self._lateness(job, plan),
            generation=job.meta.generation,
            now=now,
        )
        await self._write_job_status(job, status)

    def _lateness(self, job: JobView, plan: SchedulePlan) -> list[timedelta]:
        """How late each of the plan's recorded seconds was started."""
        starts = (
            (
                scheduled_at,
                self.observed.kube_jobs.get(
                    (
                        job.meta.namespace,
                        attempt_name(execution_name(job.meta.name, scheduled_at), 1),
                    )
                ),
            )
            for scheduled_at in plan.recorded
        )
        return [
            kube_job.started_at - _known_from(job, scheduled_at)
            for scheduled_at, kube_job in starts
            if kube_job is not None and kube_job.started_at is not None
        ]

    async def _record_invalid(self, job: JobView, problem: str) -> None:
        now = self.clock.now()
        status = compute_invalid_status(
            job.status,
            problem,
            self.observed.executions_of(job),
            generation=job.meta.generation,
            now=now,
        )
        await self._write_job_status(job, status)

    async def _write_job_status(self, job: JobView, status: ChronosJobStatus) -> None:
        if status.to_manifest() == job.status.to_manifest():
            return
        try:
            body = await self.cluster.patch_job_status(job, status)
        except NotFound:
            return
        except Conflict:
            # What was decided on is not the newest, and its news may be lost: read it, then retry.
            newest = await self.cluster.find_job(job.meta.namespace, job.meta.name)
            if newest is not None:
                self.observed.put_job(read_job(newest))
            raise
        self.observed.put_job(read_job(body))
        await self._send(JOBS, job.meta, tell_job(job.status, status))

    async def _prune(self, job: JobView, spec: ChronosJobSpec) -> None:
        for execution in select_expired(self.observed.executions_of(job), spec.history):
            scheduled_at, cursor = execution.spec.scheduled_at, job.status.cursor_at
            if cursor is None or scheduled_at > cursor:
                # Until the cursor has passed it, the record is what keeps the second from running
                # a second time.
                continue
            meta = execution.meta
            for kube_job in self.observed.attempts_of(meta.namespace, meta.name):
                await self.cluster.delete_kube_job(kube_job)
            await self.cluster.delete_execution(execution)
            self.observed.executions.drop((meta.namespace, meta.name))

    # --- executions

    async def _reconcile_execution(self, namespace: str, name: str) -> None:
        key: Key = ("execution", namespace, name)
        execution = self.observed.executions.get((namespace, name))
        if execution is None or execution.meta.deleted_at is not None:
            self.ticker.set(key, None)
            self.attempts.forget(namespace, name)
            await self._sweep(namespace, name)
            return
        job = self.observed.jobs.get((namespace, execution.spec.job_ref.name))
        observations = await self.attempts.observe(execution)
        plan = decide_execution(
            execution,
            observations,
            may_start=_may_start(job, execution),
            now=self.clock.now(),
        )
        if plan.start is not None:
            denial = await self._start(namespace, name, execution.spec, number=plan.start)
            if denial is not None:
                await self._record_denial(namespace, name, denial, number=plan.start)
            # Look again with the new attempt among what is observed.
            self.queue.add(key)
            return
        await self._write_execution_status(execution, plan.status, job)
        self.ticker.set(key, plan.wake_at)

    async def _start(
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

    async def _record_denial(
        self, namespace: str, name: str, denial: Denial, *, number: int = 1
    ) -> None:
        execution = self.observed.executions.get((namespace, name))
        if execution is None:
            return
        job = self.observed.jobs.get((namespace, execution.spec.job_ref.name))
        plan = decide_execution(
            execution,
            {number: Observation(None, None, None, denial=denial)},
            may_start=_may_start(job, execution),
            now=self.clock.now(),
        )
        await self._write_execution_status(execution, plan.status, job)

    async def _write_execution_status(
        self, execution: ExecutionView, status: ExecutionStatus, job: JobView | None
    ) -> None:
        if status.to_manifest() == execution.status.to_manifest():
            return
        try:
            body = await self.cluster.patch_execution_status(execution, status)
        except NotFound:
            return
        except Conflict:
            newest = await self.cluster.find_execution(
                execution.meta.namespace, execution.meta.name
            )
            if newest is not None:
                self.observed.put_execution(read_execution(newest))
            raise
        self.observed.put_execution(read_execution(body))
        self.queue.add(("job", execution.meta.namespace, execution.spec.job_ref.name))
        notes = list(
            tell_execution(
                execution.meta.name,
                execution.status,
                status,
                max_attempts=execution.spec.retry.max_attempts,
            )
        )
        if job is not None:
            await self._send(JOBS, job.meta, notes)
        await self._send(EXECUTIONS, execution.meta, [note for note in notes if note.warning])

    async def _sweep(self, namespace: str, name: str) -> None:
        """Deletes the kube jobs of an execution whose record is gone for good."""
        for kube_job in self.observed.attempts_of(namespace, name):
            job = self.observed.jobs.get((namespace, kube_job.job))
            if job is None or job.meta.uid != kube_job.job_uid:
                continue  # its owner is gone: the cluster's garbage collector sees to it
            cursor = job.status.cursor_at
            if cursor is None or not _scheduled_before(name, cursor):
                continue
            body = await self.cluster.find_execution(namespace, name)
            if body is not None:
                # Another process has only just recorded it: the news are still under way.
                self.observed.put_execution(read_execution(body))
                self.queue.add(("execution", namespace, name))
                return
            await self.cluster.delete_kube_job(kube_job)

    async def _send(self, resource: Resource, about: ObjectMeta, notes: Iterable[Note]) -> None:
        for note in notes:
            await self.events.send_event(resource, about, note, now=self.clock.now())


def _created_at(job: JobView) -> datetime:
    if job.meta.created_at is None:
        raise ValueError(f"{job.meta.name} has no creationTimestamp")
    return job.meta.created_at


def _known_from(job: JobView, scheduled_at: datetime) -> datetime:
    """When a second could first be started: the API server cuts a creation's time to whole seconds,
    so that a job stored to run at once may be stored up to a second after its own time."""
    is_creation = scheduled_at == job.meta.created_at
    return scheduled_at + timedelta(seconds=1) if is_creation else scheduled_at


def _may_start(job: JobView | None, execution: ExecutionView) -> bool:
    """Whether attempts may begin: their job is there, not being deleted, and not paused."""
    return (
        job is not None
        and job.meta.uid == execution.spec.job_ref.uid
        and job.meta.deleted_at is None
        and not job.spec.get("suspend", False)
    )


def _scheduled_before(execution: str, cursor: datetime) -> bool:
    seconds = execution.rpartition("-")[2]
    return seconds.isdigit() and int(seconds) <= cursor.timestamp()
