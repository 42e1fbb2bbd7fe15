"""Health, version, and the description of all routes."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from chronos_api.answers import json_answer, problems
from chronos_api.deps import PartsDep
from chronos_api.manual import PAGE_POLICY, render_manual
from chronos_api.schemas.health import Health, Version
from chronos_api.schemas.queries import NoQuery

router = APIRouter(tags=["health"])

NoQueryDep = Annotated[NoQuery, Query()]


@router.get(
    "/health/live",
    operation_id="getLive",
    summary="Whether the process answers",
    description="Open: needs no API key.",
    responses={200: {"model": Health, "description": "It does."}},
)
async def get_live(_: NoQueryDep) -> Response:
    return json_answer({"status": "ok"})


@router.get(
    "/health/ready",
    operation_id="getReady",
    summary="Whether the cluster and the object store have answered recently",
    description="Open: needs no API key.",
    responses={
        200: {"model": Health, "description": "They have."},
        503: {"model": Health, "description": "One of them has not."},
    },
)
async def get_ready(parts: PartsDep, _: NoQueryDep) -> Response:
    checks = parts.pulse.checks()
    is_ready = all(checks.values())
    document = {"status": "ok" if is_ready else "unavailable", "checks": checks}
    return json_answer(document, status=200 if is_ready else 503)


@router.get(
    "/version",
    operation_id="getVersion",
    summary="What runs here",
    responses={**problems(422), 200: {"model": Version, "description": "The versions."}},
)
async def get_version(_: NoQueryDep) -> Response:
    return json_answer({"version": own_version(), "timeZoneData": version("tzdata")})


@router.get(
    "/openapi.json",
    operation_id="getOpenapi",
    summary="This description",
    responses={**problems(422), 200: {"description": "An OpenAPI 3.1 document."}},
)
async def get_openapi(request: Request, _: NoQueryDep) -> Response:
    return json_answer(request.app.openapi())


@router.get(
    "/docs",
    operation_id="getDocs",
    summary="This description as a page",
    responses={
        **problems(422),
        200: {"description": "A page that needs nothing else.", "content": {"text/html": {}}},
    },
    response_class=HTMLResponse,
)
async def get_docs(request: Request, _: NoQueryDep) -> Response:
    headers = {"Content-Security-Policy": PAGE_POLICY}
    return HTMLResponse(render_manual(request.app.openapi()), headers=headers)


@lru_cache(maxsize=1)
def own_version() -> str:
    """The version of Chronos, as it is installed."""
    try:
        return version("chronos")
    except PackageNotFoundError:
        return "unknown"
