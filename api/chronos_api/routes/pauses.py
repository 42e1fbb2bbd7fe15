"""Pausing a job and resuming it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import BODY, ETAG, IF_MATCH, etag_of, json_answer, json_body, problems
from chronos_api.deps import BodyDep, PartsDep, TenantDep, VersionsDep
from chronos_api.schemas.jobs import (
    Job,
    PauseRequest,
    ResumeRequest,
    describe_job,
    parse_pause_request,
    parse_resume_request,
)
from chronos_api.schemas.queries import TenantQuery

router = APIRouter(tags=["jobs"])


@router.post(
    "/jobs/{name}/pause",
    operation_id="pauseJob",
    summary="Pause a job",
    description=(
        "Sets suspend, or pausedUntil where an end is given, with onResume and the note; nothing "
        "else of the job changes. What runs goes on."
    ),
    responses={
        **problems(*BODY, 403, 404, 409, 412),
        200: {"model": Job, "description": "The job as it is stored now.", "headers": ETAG},
    },
    openapi_extra=json_body(PauseRequest, IF_MATCH),
)
async def pause_job(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    versions: VersionsDep,
    _: Annotated[TenantQuery, Query()],
    body: BodyDep,
) -> Response:
    fields = parse_pause_request(body, now=parts.clock.now())
    stored = await parts.jobs.patch_spec(tenant, name, fields, versions=versions)
    return json_answer(describe_job(stored), headers=etag_of(stored))


@router.post(
    "/jobs/{name}/resume",
    operation_id="resumeJob",
    summary="Resume a job",
    description="Ends suspend and pausedUntil alike. What onResume said at the pause holds.",
    responses={
        **problems(*BODY, 403, 404, 409, 412),
        200: {"model": Job, "description": "The job as it is stored now.", "headers": ETAG},
    },
    openapi_extra=json_body(ResumeRequest, IF_MATCH),
)
async def resume_job(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    versions: VersionsDep,
    _: Annotated[TenantQuery, Query()],
    body: BodyDep,
) -> Response:
    fields = parse_resume_request(body)
    stored = await parts.jobs.patch_spec(tenant, name, fields, versions=versions)
    return json_answer(describe_job(stored), headers=etag_of(stored))
