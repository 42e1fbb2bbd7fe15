"""Calendars: days and hours in which jobs that name them do not start."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import (
    BODY,
    ETAG,
    IF_MATCH,
    LOCATION,
    etag_of,
    json_answer,
    json_body,
    problems,
)
from chronos_api.deps import BodyDep, Parts, PartsDep, TenantDep, VersionsDep
from chronos_api.errors import CalendarInUse
from chronos_api.schemas.calendars import (
    Calendar,
    CalendarList,
    CalendarRequest,
    describe_calendar,
    parse_calendar_request,
)
from chronos_api.schemas.queries import ListQuery, RemovalQuery, TenantQuery
from chronos_api.tenants import Tenant

router = APIRouter(tags=["calendars"])

# So many jobs that name a calendar are told; nobody reads more.
TOLD_JOBS = 10


@router.post(
    "/calendars",
    operation_id="createCalendar",
    summary="Store a calendar",
    status_code=201,
    responses={
        **problems(*BODY, 403, 404, 409),
        201: {
            "model": Calendar,
            "description": "The stored calendar.",
            "headers": {**ETAG, **LOCATION},
        },
    },
    openapi_extra=json_body(CalendarRequest),
)
async def create_calendar(
    parts: PartsDep, tenant: TenantDep, query: Annotated[TenantQuery, Query()], body: BodyDep
) -> Response:
    name, spec = parse_calendar_request(body)
    stored = await parts.calendars.create(tenant, name, spec)
    place = f"/api/v1/calendars/{name}" + (f"?tenant={quote(tenant)}" if query.tenant else "")
    headers = {"Location": place, **etag_of(stored)}
    return json_answer(describe_calendar(stored), status=201, headers=headers)


@router.get(
    "/calendars",
    operation_id="listCalendars",
    summary="List calendars",
    responses={
        **problems(403, 404, 410, 422),
        200: {"model": CalendarList, "description": "A page of calendars, in name order."},
    },
)
async def list_calendars(
    parts: PartsDep, tenant: TenantDep, query: Annotated[ListQuery, Query()]
) -> Response:
    listing = await parts.calendars.list(tenant, limit=query.limit, token=query.next)
    items = [describe_calendar(stored) for stored in listing.items]
    return json_answer({"items": items, "continue": listing.next})


@router.get(
    "/calendars/{name}",
    operation_id="getCalendar",
    summary="Read a calendar",
    responses={
        **problems(403, 404, 422),
        200: {"model": Calendar, "description": "The calendar.", "headers": ETAG},
    },
)
async def get_calendar(
    name: str, parts: PartsDep, tenant: TenantDep, _: Annotated[TenantQuery, Query()]
) -> Response:
    stored = await parts.calendars.get(tenant, name)
    return json_answer(describe_calendar(stored), headers=etag_of(stored))


@router.put(
    "/calendars/{name}",
    operation_id="replaceCalendar",
    summary="Change a calendar",
    description="Replaces all of it; jobs that name it go by what is stored now at once.",
    responses={
        **problems(*BODY, 403, 404, 409, 412),
        200: {
            "model": Calendar,
            "description": "The calendar as it is stored now.",
            "headers": ETAG,
        },
    },
    openapi_extra=json_body(CalendarRequest, IF_MATCH),
)
async def replace_calendar(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    versions: VersionsDep,
    _: Annotated[TenantQuery, Query()],
    body: BodyDep,
) -> Response:
    await parts.calendars.get(tenant, name)
    spec = parse_calendar_request(body, name=name)[1]
    stored = await parts.calendars.replace(tenant, name, spec, versions=versions)
    return json_answer(describe_calendar(stored), headers=etag_of(stored))


@router.delete(
    "/calendars/{name}",
    operation_id="deleteCalendar",
    summary="Delete a calendar",
    description="Refused while jobs name it, unless force=true: then those jobs become Invalid.",
    status_code=204,
    responses={
        **problems(403, 404, 409, 412, 422),
        204: {"description": "The calendar is deleted."},
    },
    openapi_extra={"parameters": [IF_MATCH]},
)
async def delete_calendar(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    versions: VersionsDep,
    query: Annotated[RemovalQuery, Query()],
) -> Response:
    if not query.force:
        await parts.calendars.get(tenant, name)
        await _refuse_in_use(parts, tenant, name)
    await parts.calendars.delete(tenant, name, versions=versions)
    return Response(status_code=204)


async def _refuse_in_use(parts: Parts, tenant: Tenant, name: str) -> None:
    """Raises CalendarInUse with the first jobs that name the calendar."""
    users: list[str] = []
    async for page in parts.jobs.pages(tenant):
        for job in page:
            schedule = job.get("spec", {}).get("schedule") or {}
            if name in (schedule.get("excludeCalendars") or ()):
                users.append(job["metadata"]["name"])
        if len(users) > TOLD_JOBS:
            break
    if users:
        told = ", ".join(users[:TOLD_JOBS]) + (" and others" if len(users) > TOLD_JOBS else "")
        raise CalendarInUse(f"the calendar {name} is named by the jobs {told}")
