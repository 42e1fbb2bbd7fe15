"""Health, open to all; and the version, which is not."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from chronos_api.deps import Given, Ports, ports_of
from chronos_api.routes.answers import send_json
from chronos_api.schemas import Health, Version
from chronos_clients.errors import ClientError
from chronos_clients.resources import JOBS

router = APIRouter(tags=["service"])

PATIENCE_SECONDS = 3.0


@router.get(
    "/health/live",
    operation_id="getLiveness",
    summary="Whether the process answers",
    response_model=Health,
)
async def get_liveness() -> Response:
    """Needs no key."""
    return send_json({"status": "ok"})


@router.get(
    "/health/ready",
    operation_id="getReadiness",
    summary="Whether requests can be served",
    response_model=Health,
    responses={503: {"description": "Not now", "model": Health}},
)
async def get_readiness(ports: Annotated[Ports, Depends(ports_of)]) -> Response:
    """Whether the cluster answers. Needs no key, and tells no more than yes or no."""
    namespaces = ports.config.watch_namespaces
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ports.kubernetes.list(JOBS, namespaces[0] if namespaces else None, limit=1)
    except (ClientError, TimeoutError):
        return send_json({"status": "the cluster does not answer"}, status=503)
    return send_json({"status": "ok"})


@router.get(
    "/version",
    operation_id="getVersion",
    summary="What runs here",
    response_model=Version,
)
async def get_version(_: Given) -> Response:
    """Chronos' version and that of its time zone data."""
    return send_json({"version": version("chronos"), "timeZoneData": version("tzdata")})
