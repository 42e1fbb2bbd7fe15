"""Calendars, over the Kubernetes port."""

from __future__ import annotations

from collections.abc import Sequence

from chronos_api.decide.exclusion import NamedCalendar, build_named
from chronos_api.errors import CalendarNotFound
from chronos_api.schemas.calendars import is_calendar_name
from chronos_api.store.kept import KeptObjects
from chronos_api.tenants import Tenant
from chronos_clients.resources import CALENDARS, Object
from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.validation import InvalidInput, Problem, find_calendar


class CalendarStore(KeptObjects):
    """The calendars of a tenant. Every verb raises an ApiError."""

    resource = CALENDARS
    noun = "calendar"
    not_found = CalendarNotFound

    def is_name(self, name: str) -> bool:
        return is_calendar_name(name)

    async def create(self, tenant: Tenant, name: str, spec: ChronosCalendarSpec) -> Object:
        """Stores a new calendar; raises NameTaken."""
        return await self._create(tenant, name, spec)

    async def replace(
        self,
        tenant: Tenant,
        name: str,
        spec: ChronosCalendarSpec,
        *,
        versions: Sequence[str] | None,
    ) -> Object:
        """Gives a calendar another spec; raises CalendarNotFound, PreconditionFailed."""
        return await self._replace(tenant, name, spec, versions=versions, check=lambda _: None)

    async def load(
        self, tenant: Tenant, names: Sequence[str], *, at: str
    ) -> Sequence[NamedCalendar]:
        """The calendars of these names; raises InvalidInput, pointers below ``at``, for those that
        are not there or cannot be read."""
        loaded, problems = [], []
        for index, name in enumerate(names):
            try:
                loaded.append(
                    build_named(name, find_calendar(name, await self._spec(tenant, name)))
                )
            except InvalidInput as error:
                problems += [
                    Problem(f"{at}/{index}", problem.message, problem.remedy)
                    for problem in error.problems
                ]
        if problems:
            raise InvalidInput(problems)
        return loaded

    async def _spec(self, tenant: Tenant, name: str) -> object | None:
        try:
            stored = await self.get(tenant, name)
        except CalendarNotFound:
            return None
        spec: object = stored.get("spec", {})
        return spec

    def read_page(self, page: Sequence[Object]) -> list[tuple[str, str, NamedCalendar]]:
        """Tenant, name and calendar of each stored one that can be read."""
        found = []
        for stored in page:
            meta = stored["metadata"]
            try:
                spec = find_calendar(meta["name"], stored.get("spec", {}))
                found.append((meta["namespace"], meta["name"], build_named(meta["name"], spec)))
            except InvalidInput:
                continue
        return found
