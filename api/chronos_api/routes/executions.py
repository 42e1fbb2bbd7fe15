"""Executions: what became of one, and what it printed."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from chronos_api.answers import header, json_answer, problems
from chronos_api.deps import PartsDep, TenantDep
from chronos_api.schemas.executions import Execution, LogLink, describe_execution
from chronos_api.schemas.queries import LinkQuery, LogQuery, TenantQuery
from chronos_crds.meta import format_time

router = APIRouter(tags=["executions"])

# A log may hold anything: nosniff, which every answer carries, keeps a browser from running it.
_TEXT = "text/plain; charset=utf-8"
_LOG: dict[str, Any] = {
    "description": "The exact bytes that the attempt printed.",
    "content": {"text/plain": {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        "X-Chronos-Log-Attempt": header("The attempt whose log it is."),
        "X-Chronos-Log-Complete": header("true where no byte of the output is missing, or false."),
        "X-Chronos-Log-Sha256": header("SHA-256 over the log, in hexadecimal."),
    },
}


@router.get(
    "/executions/{id}",
    operation_id="getExecution",
    summary="Read an execution",
    responses={
        **problems(403, 404, 422),
        200: {"model": Execution, "description": "The execution."},
    },
)
async def get_execution(
    id: str, parts: PartsDep, tenant: TenantDep, _: Annotated[TenantQuery, Query()]
) -> Response:
    return json_answer(describe_execution(await parts.executions.get(tenant, id)))


@router.get(
    "/executions/{id}/logs",
    operation_id="getExecutionLogs",
    summary="Read an attempt's log",
    responses={**problems(403, 404, 422), 200: _LOG},
    response_class=Response,
)
async def get_logs(
    id: str, parts: PartsDep, tenant: TenantDep, query: Annotated[LogQuery, Query()]
) -> Response:
    execution = await parts.executions.get(tenant, id)
    shipped = parts.logs.find(tenant, execution, query.attempt)
    headers = {
        # An object that is not of this size breaks the connection instead of passing as whole.
        "Content-Length": str(shipped.size),
        "X-Chronos-Log-Attempt": str(shipped.attempt),
        "X-Chronos-Log-Complete": "true" if shipped.complete else "false",
        "X-Chronos-Log-Sha256": shipped.sha256,
    }
    return StreamingResponse(await parts.logs.open(shipped), headers=headers, media_type=_TEXT)


@router.get(
    "/executions/{id}/log-url",
    operation_id="getExecutionLogUrl",
    summary="Get a link to an attempt's log",
    responses={
        **problems(403, 404, 422),
        200: {"model": LogLink, "description": "A presigned link to this one log."},
    },
)
async def get_log_url(
    id: str, parts: PartsDep, tenant: TenantDep, query: Annotated[LinkQuery, Query()]
) -> Response:
    execution = await parts.executions.get(tenant, id)
    shipped = parts.logs.find(tenant, execution, query.attempt)
    expires_at = parts.clock.now() + timedelta(seconds=query.expires)
    url = await parts.logs.link(shipped, seconds=query.expires)
    return json_answer(
        {
            "url": url,
            "expiresTime": format_time(expires_at.replace(microsecond=0)),
            "attempt": shipped.attempt,
            "sha256": shipped.sha256,
            "bytes": shipped.size,
            "complete": shipped.complete,
        }
    )
