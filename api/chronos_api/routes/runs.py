"""Runs that people ask for: one by hand, or those of a period that has passed."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import BODY, LOCATION, json_answer, json_body, problems
from chronos_api.deps import BodyDep, PartsDep, TenantDep
from chronos_api.schemas.executions import (
    Execution,
    TriggerRequest,
    describe_execution,
    parse_trigger_request,
)
from chronos_api.schemas.queries import TenantQuery
from chronos_api.validity import check_valid
from chronos_crds.execution import ExecutionSpec, JobRef, Trigger

router = APIRouter(tags=["jobs"])


@router.post(
    "/jobs/{name}/trigger",
    operation_id="triggerJob",
    summary="Run a job by hand",
    description=(
        "Now, or at a time ahead. It obeys the job's concurrency unless it says Ignore, and runs "
        "also while the job is paused: a pause is about the schedule."
    ),
    status_code=201,
    responses={
        **problems(*BODY, 403, 404, 409),
        201: {"model": Execution, "description": "What will run.", "headers": LOCATION},
    },
    openapi_extra=json_body(TriggerRequest),
)
async def trigger_job(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    query: Annotated[TenantQuery, Query()],
    body: BodyDep,
) -> Response:
    now = parts.clock.now()
    request, parameters = parse_trigger_request(body, now=now)
    job = await parts.jobs.get(tenant, name)
    check_valid(job)
    spec = ExecutionSpec(
        job_ref=JobRef(name=name, uid=job["metadata"]["uid"]),
        scheduled_at=request.at or now.replace(microsecond=0),
        trigger=Trigger.MANUAL,
        parameters=parameters,
        concurrency=request.concurrency,
    )
    stored = await parts.executions.create_manual(tenant, job, spec)
    id = stored["metadata"]["name"]
    place = f"/api/v1/executions/{id}" + (f"?tenant={quote(tenant)}" if query.tenant else "")
    return json_answer(describe_execution(stored), status=201, headers={"Location": place})
