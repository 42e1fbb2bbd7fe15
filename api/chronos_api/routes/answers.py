"""The error answers a route documents, and JSON as it is sent."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi.responses import Response

from chronos_api.schemas import Problem

_TITLES = {
    400: "The request cannot be read",
    401: "No key, or a wrong one",
    403: "Denied by the cluster",
    404: "There is no such thing, or not for the caller",
    409: "The name is taken, or the object has changed meanwhile",
    410: "The continue token is too old",
    412: "The object is not at the version that If-Match names",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "Fields are wrong; errors names each with its remedy",
    503: "Something behind Chronos is away; Retry-After says when to try again",
}


def describe_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of those error answers and of those that every route has."""
    return {
        status: {
            "description": _TITLES[status],
            "content": {"application/problem+json": {"schema": _PROBLEM_REFERENCE}},
            "model": Problem,
        }
        for status in sorted({401, 422, 503, *statuses})
    }


_PROBLEM_REFERENCE = {"$ref": "#/components/schemas/Problem"}


def send_json(
    document: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """An answer in JSON that no cache keeps."""
    return Response(
        orjson.dumps(document),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
