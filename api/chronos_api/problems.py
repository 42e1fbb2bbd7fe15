"""Errors as answers: RFC 9457 documents, and what the outside's errors mean to a caller."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import orjson
from starlette.responses import Response

from chronos_api.errors import (
    RETRY_SECONDS,
    ApiError,
    ClusterUnavailable,
    Conflicting,
    ContinueExpired,
    FieldError,
    Forbidden,
    InternalError,
    InvalidRequest,
)
from chronos_clients import errors as outside
from chronos_crds.validation import InvalidInput

MEDIA_TYPE = "application/problem+json"
# A body of 1 MiB can be wrong in a hundred thousand places; nobody reads more than these.
MAX_ERRORS = 50
MAX_TEXT = 500


def build_problem(error: ApiError, *, instance: str) -> dict[str, Any]:
    """The document for an error at that path."""
    problem: dict[str, Any] = {
        "type": f"urn:chronos:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": _short(error.detail),
        "instance": _short(instance),
        "code": error.code,
    }
    if error.advice:
        problem["remedy"] = error.advice
    if error.errors:
        problem["errors"] = [_build_field(field) for field in error.errors[:MAX_ERRORS]]
    return problem


def _build_field(field: FieldError) -> dict[str, str]:
    place = {"pointer": field.pointer, "parameter": field.parameter}
    return {
        **{key: _short(value) for key, value in place.items() if value is not None},
        "message": _short(field.message),
        "remedy": _short(field.remedy),
    }


def problem_response(error: ApiError, *, instance: str) -> Response:
    """The answer for an error at that path."""
    return Response(
        orjson.dumps(build_problem(error, instance=instance)),
        status_code=error.status,
        headers=error.headers,
        media_type=MEDIA_TYPE,
    )


def _short(text: str) -> str:
    """Bounded, and free of what cannot be sent: a path may hold any byte."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def translate_input(error: InvalidInput) -> InvalidRequest:
    """What the shared validator found, as an answer."""
    fields = [
        FieldError(problem.message, problem.remedy, pointer=problem.pointer)
        for problem in error.problems
    ]
    return InvalidRequest(str(error), errors=fields)


def translate_outside(error: outside.ClientError) -> ApiError:
    """What the cluster answered, as an answer of ours; NotFound depends on what was asked for, so
    whoever asked has caught it."""
    match error:
        case outside.TemporaryError():
            return ClusterUnavailable("Kubernetes does not answer", headers=retry_after(error))
        case outside.Denied():
            return Forbidden(str(error))
        case outside.Conflict():
            return Conflicting(str(error))
        case outside.Expired():
            return ContinueExpired("the continue token is too old")
        case outside.Invalid():
            fields = [
                FieldError(cause.message, "see what Kubernetes says", pointer=_pointer(cause.field))
                for cause in error.causes
            ]
            return InvalidRequest(str(error), errors=fields)
    return InternalError("something went wrong")


def raise_outside(error: outside.ClientError) -> NoReturn:
    """Raises what the cluster answered as an answer of ours."""
    translated: ApiError = translate_outside(error)
    raise translated from error


def retry_after(error: outside.TemporaryError) -> dict[str, str]:
    """The header that says when to come again."""
    return {"Retry-After": str(max(1, round(error.retry_after or RETRY_SECONDS)))}


def _pointer(field: str) -> str:
    """``spec.schedule.cron[0]`` as a pointer into the REST body: ``/schedule/cron/0``."""
    parts = re.findall(r"[^.\[\]]+", field)
    if parts[:2] == ["metadata", "name"]:
        return "/name"
    return "".join(f"/{part}" for part in (parts[1:] if parts[:1] == ["spec"] else parts))
