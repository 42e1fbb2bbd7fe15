"""Answers, and what OpenAPI says of them."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from chronos_api.problems import MEDIA_TYPE
from chronos_api.schemas.problems import ProblemDocument
from chronos_clients.resources import Object

_TITLES = {
    400: "The body cannot be read.",
    403: "The cluster does not allow it.",
    404: "There is no such thing, or no such tenant.",
    408: "The body took too long.",
    409: "It does not go with what is there now; the code says why.",
    410: "The continue token is too old.",
    412: "It is not at the version that If-Match names.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not application/json.",
    422: "Something in the request is wrong; errors names each field.",
}
# What any route may answer.
_ALWAYS = {
    401: "The API key is missing or wrong.",
    500: "Chronos failed.",
    503: "The cluster, the object store or this process cannot answer now; see Retry-After.",
}
BODY = (400, 408, 413, 415, 422)


def json_answer(
    document: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """The document as JSON."""
    return Response(
        orjson.dumps(document), status_code=status, headers=headers, media_type="application/json"
    )


def etag_of(stored: Object) -> dict[str, str]:
    """The header that names the version of a stored object."""
    return {"ETag": f'"{stored["metadata"]["resourceVersion"]}"'}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for OpenAPI: those given, and those any route may give."""
    told = {**{status: _TITLES[status] for status in statuses}, **_ALWAYS}
    return {status: problem_answer(text) for status, text in sorted(told.items())}


def problem_answer(text: str) -> dict[str, Any]:
    """One error answer, for OpenAPI."""
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}


def header(text: str) -> dict[str, Any]:
    """One header of an answer, for OpenAPI."""
    return {"description": text, "schema": {"type": "string"}}


IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag it must still have.",
}
ETAG = {"ETag": header("The version; send it as If-Match to change only that one.")}
LOCATION = {"Location": header("Its address.")}


def json_body(model: type[BaseModel], *parameters: dict[str, Any]) -> dict[str, Any]:
    """A body that the route reads by itself, and header parameters, for OpenAPI."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, "parameters": list(parameters)}
