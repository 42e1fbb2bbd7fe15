"""What a route is handed: its tenant, its stores, the body, all of them already checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from chronos_api.body import read_json
from chronos_api.clock import Clock
from chronos_api.computing import Computer
from chronos_api.errors import FieldError, InvalidRequest
from chronos_api.logs import LogStore
from chronos_api.pulse import Pulse
from chronos_api.store.archive import ArchiveStore
from chronos_api.store.calendars import CalendarStore
from chronos_api.store.executions import ExecutionStore
from chronos_api.store.jobs import JobStore
from chronos_api.tenants import Scope, Tenant, Tenants


@dataclass(frozen=True)
class Parts:
    """All that requests are answered with."""

    jobs: JobStore
    executions: ExecutionStore
    calendars: CalendarStore
    logs: LogStore
    archive: ArchiveStore
    computer: Computer
    long_computer: Computer
    tenants: Tenants
    pulse: Pulse
    clock: Clock


async def find_parts(request: Request) -> Parts:
    """The parts this process was wired with."""
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(find_parts)]


async def find_tenant(request: Request, parts: PartsDep) -> Tenant:
    """The tenant the request names, or the default one; raises TenantNotFound."""
    return await parts.tenants.find(request.query_params.get("tenant"))


async def find_scope(request: Request, parts: PartsDep) -> Scope:
    """The tenants the request names: one, the default one, or all; raises TenantNotFound."""
    return await parts.tenants.find_scope(request.query_params.get("tenant"))


ScopeDep = Annotated[Scope, Depends(find_scope)]
TenantDep = Annotated[Tenant, Depends(find_tenant)]
BodyDep = Annotated[dict[str, Any], Depends(read_json)]


async def refuse_repeated_parameters(request: Request) -> None:
    """Raises InvalidRequest where a query parameter is given twice: which one counts is a guess."""
    names = [name for name, _ in request.query_params.multi_items()]
    repeated = sorted({name for name in names if names.count(name) > 1}) if names else []
    if repeated:
        errors = [
            FieldError("is given more than once", "give it once", parameter=name)
            for name in repeated
        ]
        raise InvalidRequest("a query parameter is given more than once", errors=errors)


async def find_versions(request: Request) -> Sequence[str] | None:
    """The versions that If-Match allows; None: any.

    A weak ETag never matches (RFC 9110, 13.1.1), so it allows nothing.
    """
    given = request.headers.getlist("if-match")
    if not given or [value.strip() for value in given] == ["*"]:
        return None
    tags = [tag.strip() for value in given for tag in value.split(",")]
    return [tag[1:-1] for tag in tags if len(tag) > 2 and tag[0] == tag[-1] == '"']


VersionsDep = Annotated[Sequence[str] | None, Depends(find_versions)]
