"""From errors of the cluster and the store to what the API answers."""

from __future__ import annotations

import re

from chronos_api.errors import ApiProblem, invalid, not_found, unavailable
from chronos_clients.errors import (
    AlreadyExists,
    ClientError,
    Conflict,
    Denied,
    Expired,
    Invalid,
    NotFound,
    TemporaryError,
)
from chronos_crds.validation import Problem as FieldProblem


def translate(error: ClientError) -> ApiProblem:
    """The problem a client sees for an error behind the API."""
    match error:
        case TemporaryError():
            return unavailable(
                "the cluster or the log store does not answer", retry_after=error.retry_after
            )
        case NotFound():
            return not_found("such object")
        case AlreadyExists():
            return ApiProblem(
                409,
                "name_taken",
                "The name is taken",
                "a job of that name exists",
                remedy="choose another name, or PUT to change the one that exists",
            )
        case Conflict():
            return ApiProblem(
                409,
                "conflict",
                "Changed meanwhile",
                "the object has changed since it was read, or its tenant is being deleted",
                remedy="read it again and repeat the change",
            )
        case Expired():
            return ApiProblem(
                410,
                "continue_expired",
                "The list has gone on",
                "the continue token is too old",
                remedy="list again from the start",
            )
        case Denied():
            return ApiProblem(
                403,
                "denied",
                "Denied by the cluster",
                str(error),
                remedy="ask the cluster's admin for the quota or right that is named",
            )
        case Invalid() if error.causes:
            return invalid(
                [
                    FieldProblem(_pointer(cause.field), cause.message, "correct the field")
                    for cause in error.causes
                ]
            )
        case _:
            return ApiProblem(
                422, "invalid", "Refused by the cluster", str(error), remedy="see the detail"
            )


def _pointer(path: str) -> str:
    """``spec.schedule.cron[0]`` as the pointer into a request's body, ``/schedule/cron/0``."""
    parts = [part for part in re.split(r"[.\[\]]+", path) if part]
    if parts[:1] == ["spec"]:
        parts = parts[1:]
    elif parts[:2] == ["metadata", "name"]:
        parts = ["name"]
    return "".join(f"/{part}" for part in parts)
