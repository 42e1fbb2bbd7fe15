"""Wires the API together: ports, routes, problems, and the OpenAPI document."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import orjson
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from chronos_api.auth.apikey import ApiKey
from chronos_api.config import Config
from chronos_api.deps import OPEN_PATHS, Ports, authenticate, refuse_unknown_parameters
from chronos_api.errors import ApiProblem, invalid
from chronos_api.routes import docs, executions, health, jobs
from chronos_api.schemas import JobSubmission
from chronos_api.translate import translate
from chronos_clients.errors import ClientError
from chronos_clients.kubernetes import connect
from chronos_clients.objectstore import S3ObjectStore
from chronos_crds.validation import Problem as FieldProblem

PREFIX = "/api/v1"
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

log = logging.getLogger(__name__)


def create_app(lifespan: Lifespan) -> FastAPI:
    """The application; ``lifespan`` puts ``Ports`` into its state."""
    app = FastAPI(
        title="Chronos",
        version="1",
        summary="A job scheduler for Kubernetes.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(authenticate), Depends(refuse_unknown_parameters)],
        redirect_slashes=False,
    )
    for module in (jobs, executions, health, docs):
        app.include_router(module.router, prefix=PREFIX)
    app.add_api_route(f"{PREFIX}/openapi.json", _serve_openapi, include_in_schema=False)
    app.add_exception_handler(ApiProblem, _answer_problem)
    app.add_exception_handler(ClientError, _answer_client_error)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_bug)
    app.middleware("http")(_guard)
    return app


@asynccontextmanager
async def open_ports(app: FastAPI) -> AsyncIterator[None]:
    """The real ports, for as long as the application runs."""
    config = Config()
    key = ApiKey(config.api_key_file)
    async with connect(config.kubeconfig or None) as kubernetes:
        objects = S3ObjectStore(config.store_address())
        app.state.ports = Ports(config, kubernetes, objects, key)
        yield


async def _guard(request: Request, call_next: Callable[[Request], Any]) -> Response:
    """A wrong key is told before anything else, an unknown path included."""
    try:
        await authenticate(request)
    except ApiProblem as problem:
        return _send(request, problem)
    answer: Response = await call_next(request)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application."""
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    schemas = document["components"]["schemas"]
    submission = JobSubmission.model_json_schema(
        by_alias=True, ref_template="#/components/schemas/{model}"
    )
    schemas.update(submission.pop("$defs", {}))
    schemas["JobSubmission"] = submission
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            is_open = path in OPEN_PATHS
            operation["security"] = [] if is_open else [{"bearer": []}, {"apiKey": []}]
    return document


async def _serve_openapi(request: Request) -> Response:
    if request.app.openapi_schema is None:
        request.app.openapi_schema = build_openapi(request.app)
    return Response(orjson.dumps(request.app.openapi_schema), media_type="application/json")


def _send(request: Request, problem: ApiProblem) -> Response:
    return Response(
        orjson.dumps(problem.body(request.url.path)),
        status_code=problem.status,
        media_type="application/problem+json",
        headers={
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **problem.headers,
        },
    )


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiProblem)  # noqa: S101 - registered for this class alone
    return _send(request, error)


async def _answer_client_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClientError)  # noqa: S101 - registered for this class alone
    log.warning("the cluster or the store refused", extra={"error": str(error)[:500]})
    return _send(request, translate(error))


async def _answer_validation(request: Request, error: Exception) -> Response:
    """A parameter that FastAPI refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this alone
    problems = [
        FieldProblem(str(detail["loc"][-1]), str(detail["msg"]), "see the route's documentation")
        for detail in error.errors()
    ]
    return _send(request, invalid(problems))


async def _answer_http(request: Request, error: Exception) -> Response:
    """What the router answers itself: no such path, or no such method for it."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    codes = {404: "no_such_path", 405: "method_not_allowed"}
    problem = ApiProblem(
        error.status_code,
        codes.get(error.status_code, "http_error"),
        str(error.detail),
        f"{request.method} {request.url.path}: {error.detail}",
        remedy=f"the routes are described in {PREFIX}/openapi.json",
        headers=error.headers,
    )
    return _send(request, problem)


async def _answer_bug(request: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error, extra={"path": request.url.path})
    problem = ApiProblem(
        500,
        "internal",
        "Internal error",
        "this is a bug of Chronos; its log tells more",
        remedy="try again; if it stays, report it",
    )
    return _send(request, problem)


app = create_app(open_ports)
