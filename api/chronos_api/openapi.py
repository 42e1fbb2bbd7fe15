"""The OpenAPI document: what FastAPI finds in the routes, and what it cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from chronos_api.auth.gate import OPEN_PATHS
from chronos_api.schemas.backfills import BackfillRequest
from chronos_api.schemas.calendars import CalendarRequest
from chronos_api.schemas.executions import TriggerRequest
from chronos_api.schemas.jobs import JobRequest, PauseRequest, ResumeRequest
from chronos_api.schemas.problems import ProblemDocument
from chronos_api.schemas.schedules import PreviewRequest

API_VERSION = "1"
_ABOUT = (
    "Submit jobs, ask when they run and what became of them, read their logs. Errors are RFC 9457 "
    "documents with a stable code, the field and the remedy. Every route but health needs the API "
    "key."
)
# What routes name by reference only: they read their bodies themselves.
_REFERENCED = (
    JobRequest,
    PauseRequest,
    ResumeRequest,
    TriggerRequest,
    BackfillRequest,
    PreviewRequest,
    CalendarRequest,
    ProblemDocument,
)
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def build_openapi(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    document: dict[str, Any] = get_openapi(
        title="Chronos",
        version=API_VERSION,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=routes,
        servers=[{"url": "/", "description": "Wherever this document came from."}],
        separate_input_output_schemas=False,
    )
    components = document["components"]
    _, extra = models_json_schema(
        [(model, "validation") for model in _REFERENCED],
        ref_template="#/components/schemas/{model}",
    )
    # FastAPI's own error form is never sent.
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"] = dict(sorted({**extra["$defs"], **components["schemas"]}.items()))
    components["securitySchemes"] = _SCHEMES
    document["security"] = [{name: []} for name in _SCHEMES]
    for path in OPEN_PATHS:
        for operation in document["paths"][path].values():
            operation["security"] = []
    return document
