"""Jobs: submit, read, change, delete, list, and what was executed."""

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
from chronos_api.schemas.executions import ExecutionList, describe_execution
from chronos_api.schemas.jobs import Job, JobList, JobRequest, describe_job, parse_job_request
from chronos_api.schemas.queries import ListQuery, TenantQuery
from chronos_api.tenants import Tenant
from chronos_crds.job import ChronosJobSpec

router = APIRouter(tags=["jobs"])


@router.post(
    "/jobs",
    operation_id="createJob",
    summary="Submit a job",
    status_code=201,
    responses={
        **problems(*BODY, 403, 404, 409),
        201: {"model": Job, "description": "The stored job.", "headers": {**ETAG, **LOCATION}},
    },
    openapi_extra=json_body(JobRequest),
)
async def create_job(
    parts: PartsDep, tenant: TenantDep, query: Annotated[TenantQuery, Query()], body: BodyDep
) -> Response:
    name, spec = parse_job_request(body)
    await _check_calendars(parts, tenant, spec)
    stored = await parts.jobs.create(tenant, name, spec)
    place = f"/api/v1/jobs/{name}" + (f"?tenant={quote(tenant)}" if query.tenant else "")
    headers = {"Location": place, **etag_of(stored)}
    return json_answer(describe_job(stored), status=201, headers=headers)


@router.get(
    "/jobs",
    operation_id="listJobs",
    summary="List jobs",
    responses={
        **problems(403, 404, 410, 422),
        200: {"model": JobList, "description": "A page of jobs, in name order."},
    },
)
async def list_jobs(
    parts: PartsDep, tenant: TenantDep, query: Annotated[ListQuery, Query()]
) -> Response:
    listing = await parts.jobs.list(tenant, limit=query.limit, token=query.next)
    items = [describe_job(stored) for stored in listing.items]
    return json_answer({"items": items, "continue": listing.next})


@router.get(
    "/jobs/{name}",
    operation_id="getJob",
    summary="Read a job",
    responses={
        **problems(403, 404, 422),
        200: {"model": Job, "description": "The job.", "headers": ETAG},
    },
)
async def get_job(
    name: str, parts: PartsDep, tenant: TenantDep, _: Annotated[TenantQuery, Query()]
) -> Response:
    stored = await parts.jobs.get(tenant, name)
    return json_answer(describe_job(stored), headers=etag_of(stored))


@router.put(
    "/jobs/{name}",
    operation_id="replaceJob",
    summary="Change a job",
    description="Replaces all of the job's spec: what is left out gets its default.",
    responses={
        **problems(*BODY, 403, 404, 409, 412),
        200: {"model": Job, "description": "The job as it is stored now.", "headers": ETAG},
    },
    openapi_extra=json_body(JobRequest, IF_MATCH),
)
async def replace_job(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    versions: VersionsDep,
    _: Annotated[TenantQuery, Query()],
    body: BodyDep,
) -> Response:
    await parts.jobs.get(tenant, name)
    spec = parse_job_request(body, name=name)[1]
    await _check_calendars(parts, tenant, spec)
    stored = await parts.jobs.replace(tenant, name, spec, versions=versions)
    return json_answer(describe_job(stored), headers=etag_of(stored))


async def _check_calendars(parts: Parts, tenant: Tenant, spec: ChronosJobSpec) -> None:
    """Raises InvalidInput for calendars that are not there; the operator would say the same."""
    names = spec.schedule.exclude_calendars
    await parts.calendars.load(tenant, names, at="/schedule/excludeCalendars")


@router.delete(
    "/jobs/{name}",
    operation_id="deleteJob",
    summary="Delete a job",
    description="Its executions go with it.",
    status_code=204,
    responses={**problems(403, 404, 409, 412, 422), 204: {"description": "The job is deleted."}},
    openapi_extra={"parameters": [IF_MATCH]},
)
async def delete_job(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    versions: VersionsDep,
    _: Annotated[TenantQuery, Query()],
) -> Response:
    await parts.jobs.delete(tenant, name, versions=versions)
    return Response(status_code=204)


@router.get(
    "/jobs/{name}/executions",
    operation_id="listJobExecutions",
    summary="List a job's executions",
    responses={
        **problems(403, 404, 422),
        200: {"model": ExecutionList, "description": "A page, newest scheduled time first."},
    },
)
async def list_executions(
    name: str, parts: PartsDep, tenant: TenantDep, query: Annotated[ListQuery, Query()]
) -> Response:
    job = await parts.jobs.get(tenant, name)
    listing = await parts.executions.list_of(tenant, job, limit=query.limit, token=query.next)
    items = [describe_execution(stored) for stored in listing.items]
    return json_answer({"items": items, "continue": listing.next})
