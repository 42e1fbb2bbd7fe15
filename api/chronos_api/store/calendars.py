"""Calendars, over the Kubernetes port."""

from __future__ import annotations

from collections.abc import Sequence

from chronos_api.errors import CalendarNotFound
from chronos_api.schemas.calendars import is_calendar_name
from chronos_api.store.kept import KeptObjects
from chronos_api.tenants import Tenant
from chronos_clients.resources import CALENDARS, Object
from chronos_crds.calendar import ChronosCalendarSpec


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
