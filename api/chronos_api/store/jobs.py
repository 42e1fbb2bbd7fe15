"""Jobs, over the Kubernetes port."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chronos_api.clock import Clock
from chronos_api.errors import JobNotFound, PreconditionFailed
from chronos_api.problems import raise_outside
from chronos_api.store.kept import KeptObjects, check_version
from chronos_api.tenants import Tenant
from chronos_clients.errors import ClientError, Conflict, NotFound
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.resources import JOBS, Object
from chronos_crds.cron import is_hashed
from chronos_crds.job import ChronosJobSpec
from chronos_crds.meta import parse_time
from chronos_crds.naming import is_job_name
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import build_timetable
from chronos_crds.validation import InvalidInput, Problem, check_times_ahead


class JobStore(KeptObjects):
    """The jobs of a tenant. Every verb raises an ApiError."""

    resource = JOBS
    noun = "job"
    not_found = JobNotFound

    def __init__(self, kubernetes: Kubernetes, clock: Clock) -> None:
        super().__init__(kubernetes)
        self._clock = clock

    def is_name(self, name: str) -> bool:
        return is_job_name(name)

    async def create(self, tenant: Tenant, name: str, spec: ChronosJobSpec) -> Object:
        """Stores a new job; raises NameTaken, InvalidInput for times in the past."""
        now = self._clock.now()
        check_times_ahead(spec.schedule, now=now)
        check_due(spec.schedule, now=now)
        return await self._create(tenant, name, spec)

    async def replace(
        self, tenant: Tenant, name: str, spec: ChronosJobSpec, *, versions: Sequence[str] | None
    ) -> Object:
        """Gives a job another spec, only while it is at one of ``versions`` (None: at any).

        Raises JobNotFound, PreconditionFailed, InvalidInput for times in the past that the job did
        not have before.
        """

        def check(current: Object) -> None:
            known = known_times(current)
            check_times_ahead(spec.schedule, now=self._clock.now(), known=known)

        return await self._replace(tenant, name, spec, versions=versions, check=check)

    async def patch_spec(
        self,
        tenant: Tenant,
        name: str,
        fields: dict[str, Any],
        *,
        versions: Sequence[str] | None,
    ) -> Object:
        """Sets these fields of a job's spec (None removes one) and leaves all others as they are,
        whoever else changes them; only while it is at one of ``versions`` (None: at any).

        Raises JobNotFound, PreconditionFailed.
        """
        body: Object = {"spec": fields}
        if versions is not None:
            current = await self.get(tenant, name)
            check_version(current, versions)
            body["metadata"] = {"resourceVersion": current["metadata"]["resourceVersion"]}
        elif not self.is_name(name):
            raise self._missing(name)
        try:
            return await self._kubernetes.patch(JOBS, tenant, name, body)
        except NotFound as error:
            raise self._missing(name) from error
        except Conflict as error:
            if versions is None:
                raise_outside(error)
            raise PreconditionFailed(f"{name} is at another version") from error
        except ClientError as error:
            raise_outside(error)


def check_due(schedule: Schedule, *, now: datetime) -> None:
    """Raises InvalidInput, in the operator's words, for a schedule all of whose times are past.

    What H picks depends on the UID of a job that is not stored yet, so the operator alone can tell.
    """
    if any(is_hashed(text, dialect=schedule.cron_dialect) for text in schedule.cron or ()):
        return
    timetable = build_timetable(schedule, created_at=now)
    if timetable.next_after(now - timedelta(seconds=1)) is None:
        is_over = schedule.end_at is not None and schedule.end_at < now
        message = "names no time at or after the job's creation"
        at = "/schedule/endTime" if is_over else "/schedule"
        raise InvalidInput([Problem(at, message, "give a time in the future")])


def known_times(stored: Object) -> list[datetime]:
    """The one-time runs a stored job already has; what cannot be read is no time."""
    schedule = stored.get("spec", {}).get("schedule") or {}
    times = []
    for text in schedule.get("at") or ():
        try:
            times.append(parse_time(text))
        except ValueError:
            continue
    return times
