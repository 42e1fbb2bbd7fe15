"""Wiring; nothing else."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chronos_api.auth.gate import Gate
from chronos_api.auth.principal import Authenticator
from chronos_api.clock import Clock
from chronos_api.computing import Computer
from chronos_api.config import Config
from chronos_api.deps import Parts, refuse_repeated_parameters
from chronos_api.errors import (
    ApiError,
    FieldError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    RouteNotFound,
)
from chronos_api.logs import LogStore
from chronos_api.openapi import build_openapi
from chronos_api.perimeter import Perimeter
from chronos_api.problems import problem_response, translate_input, translate_outside
from chronos_api.pulse import Pulse, ask_kubernetes, ask_object_store
from chronos_api.routes import (
    backfills,
    calendars,
    executions,
    forecasts,
    health,
    jobs,
    ledgers,
    pauses,
    runs,
    schedules,
)
from chronos_api.store.archive import ArchiveStore
from chronos_api.store.calendars import CalendarStore
from chronos_api.store.executions import ExecutionStore
from chronos_api.store.jobs import JobStore
from chronos_api.tenants import Tenants
from chronos_clients.errors import ClientError
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.objectstore import ObjectStore
from chronos_crds.validation import InvalidInput

log = logging.getLogger(__name__)

_ROUTES = (
    jobs,
    pauses,
    runs,
    backfills,
    ledgers,
    executions,
    schedules,
    forecasts,
    calendars,
    health,
)


def build_parts(
    config: Config, *, kubernetes: Kubernetes, objects: ObjectStore, clock: Clock
) -> Parts:
    """All that requests are answered with, from the two ports."""
    served = config.watch_namespaces
    probed = served[0] if served else config.default_tenant
    questions = {
        "kubernetes": ask_kubernetes(kubernetes, probed),
        "objectStore": ask_object_store(objects),
    }
    return Parts(
        jobs=JobStore(kubernetes, clock),
        executions=ExecutionStore(kubernetes),
        calendars=CalendarStore(kubernetes),
        logs=LogStore(objects, prefix=config.s3_prefix),
        archive=ArchiveStore(objects, prefix=config.s3_prefix),
        computer=Computer(),
        long_computer=Computer(threads=1),
        tenants=Tenants(
            kubernetes,
            clock,
            own_namespace=config.namespace,
            served=served,
            default=config.default_tenant,
        ),
        pulse=Pulse(questions, clock),
        clock=clock,
    )


def create_app(parts: Parts, *, authenticator: Authenticator, max_requests: int) -> FastAPI:
    """The application; outermost first a request passes Perimeter, Gate, routes."""
    app = build_routes()
    app.state.parts = parts
    app.add_middleware(Gate, authenticator=authenticator)
    app.add_middleware(Perimeter, clock=parts.clock, max_requests=max_requests)
    return app


def build_routes() -> FastAPI:
    """The routes alone: enough to describe them, not to answer."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(refuse_repeated_parameters)],
    )
    for module in _ROUTES:
        app.include_router(module.router, prefix="/api/v1")
    for error, handler in _HANDLERS.items():
        app.add_exception_handler(error, handler)
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(build_openapi(app.routes))
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - for the type checker
    if error.status >= 500:
        extra = {"code": error.code, "path": request.url.path, "reason": str(error.__cause__)}
        log.warning("Something outside does not answer", extra=extra)
    return problem_response(error, instance=request.url.path)


async def _answer_outside(request: Request, error: Exception) -> Response:
    """What a store has let through; nothing should come here, and it is no 500 either way."""
    assert isinstance(error, ClientError)  # noqa: S101
    return problem_response(translate_outside(error), instance=request.url.path)


async def _answer_invalid_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidInput)  # noqa: S101
    return problem_response(translate_input(error), instance=request.url.path)


async def _answer_validation(request: Request, error: Exception) -> Response:
    """FastAPI checks nothing but query parameters here; bodies are read by us."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [_describe_parameter(detail) for detail in error.errors()]
    invalid = InvalidRequest("a query parameter is wrong", errors=fields)
    return problem_response(invalid, instance=request.url.path)


def _describe_parameter(detail: dict[str, Any]) -> FieldError:
    name = str(detail["loc"][-1])
    if detail["type"] == "extra_forbidden":
        return FieldError("is not a known parameter", "leave it out", parameter=name)
    message, _, remedy = str(detail["msg"]).partition(": ")
    return FieldError(message, remedy or "see /api/v1/docs", parameter=name)


async def _answer_http(request: Request, error: Exception) -> Response:
    """What the router itself refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101
    path = request.url.path
    refused: ApiError = InternalError("something went wrong")
    if error.status_code == 404:
        refused = RouteNotFound("there is nothing at this address")
    elif error.status_code == 405:
        refused = MethodNotAllowed(
            f"{request.method} is not for this address", headers=error.headers
        )
    return problem_response(refused, instance=path)


_HANDLERS = {
    ApiError: _answer_api_error,
    ClientError: _answer_outside,
    InvalidInput: _answer_invalid_input,
    RequestValidationError: _answer_validation,
    HTTPException: _answer_http,
}
