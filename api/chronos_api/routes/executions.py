"""Executions: read one, its log, or a link to its log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse

from chronos_api.clock import read_clock
from chronos_api.deps import Given, Tenant
from chronos_api.errors import ApiProblem, not_found
from chronos_api.routes.answers import describe_problems, send_json
from chronos_api.schemas import Execution, Json, LogLink
from chronos_clients.errors import NotFound
from chronos_crds.meta import format_time

router = APIRouter(tags=["executions"])

Id = Annotated[
    str, Path(description="The execution's id.", max_length=63, pattern=r"^[a-z0-9.-]+$")
]
Attempt = Annotated[
    int | None, Query(ge=1, le=100, description="Which attempt; left out: the newest with a log.")
]


@router.get(
    "/executions/{id}",
    operation_id="getExecution",
    summary="Read an execution",
    response_model=Execution,
    responses=describe_problems(404),
)
async def get_execution(ports: Given, tenant: Tenant, id: Id) -> Response:
    """An execution with its attempts."""
    return send_json(await ports.store.get_execution(tenant, id))


@router.get(
    "/executions/{id}/logs",
    operation_id="getExecutionLog",
    summary="Read an attempt's log",
    response_class=Response,
    responses={
        200: {
            "description": "The bytes that the command printed, exactly.",
            "content": {"application/octet-stream": {}},
        },
        **describe_problems(404),
    },
)
async def get_log(
    ports: Given, tenant: Tenant, id: Id, attempt: Attempt = None
) -> StreamingResponse:
    """The exact bytes that the command printed."""
    _, log = _find_log(await ports.store.get_execution(tenant, id), attempt)
    chunks = ports.objects.read(log["key"])
    # The first chunk is asked for before the answer begins: a missing object is still a 404.
    try:
        first = await anext(chunks, b"")
    except NotFound as error:
        raise not_found(f"log of execution {id!r} in the store any more") from error

    async def content() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return StreamingResponse(
        content(),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(log.get("bytes", 0)),
            "X-Chronos-Log-Complete": str(log["complete"]).lower(),
            "X-Chronos-Log-Sha256": log.get("sha256", ""),
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/executions/{id}/log-url",
    operation_id="getExecutionLogUrl",
    summary="Get a link to an attempt's log",
    response_model=LogLink,
    responses=describe_problems(404),
)
async def get_log_url(
    ports: Given,
    tenant: Tenant,
    id: Id,
    attempt: Attempt = None,
    expires: Annotated[
        int, Query(ge=1, le=300, description="For how many seconds the link works.")
    ] = 300,
) -> Response:
    """A presigned link that gives this one log to whoever holds it."""
    number, log = _find_log(await ports.store.get_execution(tenant, id), attempt)
    expires_at = read_clock().replace(microsecond=0) + timedelta(seconds=expires)
    document = {
        "url": await ports.objects.link(log["key"], seconds=expires),
        "expiresTime": format_time(expires_at),
        "attempt": number,
        "bytes": log.get("bytes", 0),
        "complete": log["complete"],
    }
    if "sha256" in log:
        document["sha256"] = log["sha256"]
    return send_json(document)


def _find_log(execution: Json, attempt: int | None) -> tuple[int, Json]:
    """The attempt's number and its shipped log; raises ApiProblem 404 while there is none."""
    shipped = {
        it["number"]: it["log"] for it in execution["attempts"] if it.get("log", {}).get("sha256")
    }
    number = attempt if attempt is not None else max(shipped, default=None)
    if number is not None and number in shipped:
        return number, shipped[number]
    raise ApiProblem(
        404,
        "log_not_ready",
        "There is no log yet",
        f"no log of {'attempt ' + str(attempt) if attempt else 'any attempt'} of execution "
        f"{execution['id']} lies in the store",
        remedy="logs are there when the attempt has ended; look at attempts[].log",
    )
