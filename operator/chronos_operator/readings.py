"""A job as one pass reads it: its spec, its times, and what is observed of its seconds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.execution import Trigger
from chronos_crds.job import ChronosJobSpec
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.naming import attempt_name, execution_name, is_scheduled_name
from chronos_crds.timetable import Timetable, build_timetable
from chronos_crds.validation import InvalidInput, find_calendar, parse_job_spec
from chronos_crds.zones import load_zone
from chronos_operator.decide.ledger import build_line, tell_record
from chronos_operator.decide.values import ExecutionView, JobView
from chronos_operator.decide.walk import JobFacts
from chronos_operator.observed import Observed

Calendars = dict[str, tuple[ChronosCalendarSpec, ZoneInfo]]


@dataclass(frozen=True)
class Reading:
    """A job whose spec can be read."""

    job: JobView
    spec: ChronosJobSpec
    facts: JobFacts


@dataclass
class Readings:
    """Reads jobs from what is observed."""

    observed: Observed

    def read(self, job: JobView) -> Reading:
        """Raises InvalidInput where the job, or a calendar it names, cannot be read."""
        spec = parse_job_spec(job.spec)
        created_at = _created_at(job)
        timetable = build_timetable(spec.schedule, created_at=created_at, uid=job.meta.uid)
        calendars = {
            name: self._read_calendar(job.meta.namespace, name)
            for name in spec.schedule.exclude_calendars
        }
        has_first = self.observed.has_first_attempt(job.meta.namespace, job.meta.uid)
        facts = JobFacts(
            name=job.meta.name,
            uid=job.meta.uid,
            created_at=created_at,
            known=lambda second: self._find_line(job, timetable, second),
            is_begun=lambda second: has_first(execution_name(job.meta.name, second)),
            touched=lambda: self._touched(job),
            edited_at=job.edited_at,
            mended_at=self._mended_at(job),
            calendars={**self._read_former_calendars(job), **calendars},
        )
        return Reading(job, spec, facts)

    def _read_former_calendars(self, job: JobView) -> Calendars:
        """Those that the schedule before an edit named, as far as they can still be read."""
        before = job.status.observed_schedule
        found: Calendars = {}
        for name in before.exclude_calendars if before is not None else ():
            with suppress(InvalidInput):
                found[name] = self._read_calendar(job.meta.namespace, name)
        return found

    def _mended_at(self, job: JobView) -> datetime | None:
        """When the job, or a calendar it names, was last written; None where that is not known."""
        known = [
            self.observed.calendars.get((job.meta.namespace, name)) for name in job.calendar_names
        ]
        times = [job.edited_at, *(it.edited_at for it in known if it is not None)]
        told = [moment for moment in times if moment is not None]
        return max(told) if len(told) == len(times) else None

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

    def _touched(self, job: JobView) -> set[datetime]:
        """All seconds of a job that have an execution, a kube job, or a name that is taken."""
        namespace, prefix = job.meta.namespace, f"{job.meta.name}-"
        executions = [known.meta.name for known in self.observed.executions_of(job)]
        begun = [
            kube_job.execution
            for kube_job in self.observed.kube_jobs.values()
            if kube_job.job_uid == job.meta.uid
        ]
        taken = [name for there, name in self.observed.unreadable if there == namespace]
        return {
            datetime.fromtimestamp(int(name[len(prefix) :]), UTC)
            for name in (*executions, *begun, *taken)
            if name.startswith(prefix) and is_scheduled_name(name) and name[len(prefix) :].isdigit()
        }

    def is_cancelled(self, job: JobView) -> Callable[[str], bool]:
        """Tells of an execution's name whether its newest attempt is being ended."""

        def tell(name: str) -> bool:
            attempts = self.observed.attempts_of(job.meta.namespace, name)
            return bool(attempts) and bool(attempts[-1].cancelled)

        return tell


def _is_of_schedule(execution: ExecutionView, job: JobView) -> bool:
    """Whether it is what the job itself, or a backfill of it, has at that second."""
    return execution.job_uid == job.meta.uid and execution.spec.trigger is not Trigger.MANUAL


def _created_at(job: JobView) -> datetime:
    if job.meta.created_at is None:
        raise ValueError(f"{job.meta.name} has no creationTimestamp")
    return job.meta.created_at


def _known_from(job: JobView, scheduled_at: datetime) -> datetime:
    """When a second could first be started: the API server cuts a creation's time to whole seconds,
    so that a job stored to run at once may be stored up to a second after its own time."""
    is_creation = scheduled_at == job.meta.created_at
    return scheduled_at + timedelta(seconds=1) if is_creation else scheduled_at
