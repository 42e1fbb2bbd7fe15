"""Jobs: submit, read, change, delete; and their executions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from chronos_api.body import read_object
from chronos_api.clock import read_clock
from chronos_api.deps import Given, Tenant
from chronos_api.errors import invalid, not_found
from chronos_api.routes.answers import describe_problems, send_json
from chronos_api.schemas import ExecutionPage, Job, JobPage, Json
from chronos_api.store import StoredJob
from chronos_crds.job import ChronosJobSpec
from chronos_crds.meta import parse_time
from chronos_crds.validation import (
    InvalidInput,
    check_name,
    check_times_ahead,
    parse_job_spec,
)
from chronos_crds.validation import Problem as FieldProblem

router = APIRouter(tags=["jobs"])

Name = Annotated[str, Path(description="The job's name.", max_length=253)]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many items.")]
Token = Annotated[
    str, Query(alias="continue", max_length=4096, description="From the page before.")
]
IfMatch = Annotated[
    str | None, Header(description="Change the job only if this is still its ETag.")
]

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/JobSubmission"},
                "example": {
                    "name": "report",
                    "schedule": {"cron": ["0 30 2 * * MON-FRI"], "timeZone": "Europe/Berlin"},
                    "retry": {"maxAttempts": 3, "initialSeconds": 30},
                    "workload": {
                        "container": {
                            "image": "docker.io/library/busybox:1.35",
                            "command": ["date"],
                        }
                    },
                },
            }
        },
    }
}


@router.post(
    "/jobs",
    operation_id="createJob",
    summary="Submit a job",
    status_code=201,
    response_model=Job,
    responses=describe_problems(400, 403, 404, 409, 413, 415),
    openapi_extra=_BODY,
)
async def create_job(request: Request, ports: Given, tenant: Tenant) -> Response:
    """Stores a job; it takes effect at once."""
    body = await read_object(request)
    name, spec = read_submission(body)
    stored = await ports.store.create_job(tenant, name, spec)
    location = f"/api/v1/jobs/{name}?tenant={tenant}"
    return _send_job(stored, status=201, headers={"Location": location})


@router.get(
    "/jobs",
    operation_id="listJobs",
    summary="List a tenant's jobs",
    response_model=JobPage,
    responses=describe_problems(404, 410),
)
async def list_jobs(
    ports: Given, tenant: Tenant, limit: Limit = 100, token: Token = ""
) -> Response:
    """A page of jobs, in the order of their names."""
    return send_json(await ports.store.list_jobs(tenant, limit=limit, token=token))


@router.get(
    "/jobs/{name}",
    operation_id="getJob",
    summary="Read a job",
    response_model=Job,
    responses=describe_problems(404),
)
async def get_job(ports: Given, tenant: Tenant, name: Name) -> Response:
    """A job with its status; the ETag is for If-Match."""
    return _send_job(await ports.store.get_job(tenant, _known(name)))


@router.put(
    "/jobs/{name}",
    operation_id="replaceJob",
    summary="Change a job",
    response_model=Job,
    responses=describe_problems(400, 403, 404, 409, 412, 413, 415),
    openapi_extra=_BODY,
)
async def replace_job(
    request: Request, ports: Given, tenant: Tenant, name: Name, if_match: IfMatch = None
) -> Response:
    """Replaces what the job says; never starts a run by itself."""
    body = await read_object(request)
    current = (await ports.store.get_job(tenant, _known(name))).document
    given = body.get("name", name)
    if given != name:
        remedy = "leave it out, or use the name in the path: a job cannot be renamed"
        raise invalid([FieldProblem("/name", f"is not {name!r}", remedy)])
    _, spec = read_submission({**body, "name": name}, before=current)
    stored = await ports.store.replace_job(tenant, name, spec, version=_version(if_match))
    return _send_job(stored)


@router.delete(
    "/jobs/{name}",
    operation_id="deleteJob",
    summary="Delete a job",
    status_code=204,
    responses=describe_problems(404, 412),
)
async def delete_job(
    ports: Given, tenant: Tenant, name: Name, if_match: IfMatch = None
) -> Response:
    """Deletes a job, ends what runs of it, and removes its executions; logs stay in the store."""
    await ports.store.delete_job(tenant, _known(name), version=_version(if_match))
    return Response(status_code=204)


@router.get(
    "/jobs/{name}/executions",
    operation_id="listExecutions",
    summary="List a job's executions, newest first",
    response_model=ExecutionPage,
    responses=describe_problems(404),
)
async def list_executions(
    ports: Given, tenant: Tenant, name: Name, limit: Limit = 100, token: Token = ""
) -> Response:
    """A page of executions, the newest scheduled second first."""
    page = await ports.store.list_executions(tenant, _known(name), limit=limit, token=token)
    return send_json(page)


def read_submission(body: Json, *, before: Json | None = None) -> tuple[str, ChronosJobSpec]:
    """The name and spec in a body; raises ApiProblem 422 with every field that is wrong.

    One-time runs must lie ahead, unless the job ``before`` the change already had them.
    """
    problems: list[FieldProblem] = []
    spec: ChronosJobSpec | None = None
    fields = {name: value for name, value in body.items() if name != "name"}
    name = body.get("name")
    try:
        if not isinstance(name, str):
            missing = "is required" if name is None else "must be a string"
            problems.append(FieldProblem("/name", missing, "give the job a name"))
        else:
            check_name(name)
    except InvalidInput as error:
        problems += error.problems
    try:
        spec = parse_job_spec(fields, at="")
        known = [parse_time(text) for text in (before or {}).get("schedule", {}).get("at", ())]
        check_times_ahead(spec.schedule, now=read_clock(), known=known)
    except InvalidInput as error:
        problems += error.problems
    if problems or spec is None:
        raise invalid(problems)
    return str(name), spec


def _known(name: str) -> str:
    """A name that may exist: what no job can be called is not asked for."""
    try:
        check_name(name)
    except InvalidInput as error:
        raise not_found(f"job {name[:80]!r}") from error
    return name


def _version(if_match: str | None) -> str | None:
    return None if if_match in (None, "*") else if_match.strip().removeprefix("W/").strip('"')


def _send_job(
    stored: StoredJob, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    tagged = {**(headers or {}), "ETag": f'"{stored.version}"'}
    return send_json(stored.document, status=status, headers=tagged)
