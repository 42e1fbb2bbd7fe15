"""Every answer that is not what was asked for; each class is one stable ``code`` of the API.

ApiError
 +-- MalformedBody 400       DuplicateKey 400
 +-- Unauthenticated 401     Forbidden 403
 +-- RouteNotFound 404       TenantNotFound, JobNotFound, ExecutionNotFound, AttemptNotFound 404
 +-- CalendarNotFound 404
 +-- LogNotReady 404         LogMissing 404
 +-- MethodNotAllowed 405    BodyTooSlow 408
 +-- NameTaken 409           Conflicting 409           JobInvalid 409    CalendarInUse 409
 +-- ContinueExpired 410     PreconditionFailed 412
 +-- BodyTooLarge 413        UnsupportedBody 415
 +-- InvalidRequest 422
 +-- InternalError 500
 +-- ClusterUnavailable 503  ObjectStoreUnavailable 503    TooBusy 503     TooCostly 503
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

RETRY_SECONDS = 5


@dataclass(frozen=True)
class FieldError:
    """One thing wrong: in the body (then a JSON pointer), or a query parameter (then its name)."""

    message: str
    remedy: str
    pointer: str | None = None
    parameter: str | None = None


class ApiError(Exception):
    """An answer of 400 or above, said in words that are safe to show to the caller."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    remedy: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        remedy: str = "",
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = remedy or self.remedy
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class MalformedBody(ApiError):
    status = 400
    code = "malformed_body"
    title = "Malformed body"
    remedy = "send one JSON object in UTF-8"


class DuplicateKey(ApiError):
    status = 400
    code = "duplicate_key"
    title = "Duplicate key"
    remedy = "keep one of the two"


class Unauthenticated(ApiError):
    status = 401
    code = "unauthenticated"
    title = "Not authenticated"
    remedy = "send the API key, once, as 'Authorization: Bearer <key>' or as 'X-API-Key: <key>'"


class Forbidden(ApiError):
    status = 403
    code = "forbidden"
    title = "Forbidden"
    remedy = "ask whoever runs the cluster: its rights, quota or policies do not allow this"


class RouteNotFound(ApiError):
    status = 404
    code = "route_not_found"
    title = "No such address"
    remedy = "see /api/v1/docs for the addresses there are"


class TenantNotFound(ApiError):
    status = 404
    code = "tenant_not_found"
    title = "No such tenant"
    remedy = "name a namespace that Chronos serves in the query parameter tenant"


class JobNotFound(ApiError):
    status = 404
    code = "job_not_found"
    title = "No such job"
    remedy = "GET /api/v1/jobs lists the jobs of a tenant"


class ExecutionNotFound(ApiError):
    status = 404
    code = "execution_not_found"
    title = "No such execution"
    remedy = "GET /api/v1/jobs/{name}/executions lists the executions of a job"


class CalendarNotFound(ApiError):
    status = 404
    code = "calendar_not_found"
    title = "No such calendar"
    remedy = "GET /api/v1/calendars lists the calendars of a tenant"


class AttemptNotFound(ApiError):
    status = 404
    code = "attempt_not_found"
    title = "No such attempt"
    remedy = "GET /api/v1/executions/{id} lists its attempts"


class LogNotReady(ApiError):
    status = 404
    code = "log_not_ready"
    title = "The log is not there yet"
    remedy = "ask again a few seconds after the attempt has ended: its log is shipped then"


class LogMissing(ApiError):
    status = 404
    code = "log_missing"
    title = "The log is gone"
    remedy = "it was shipped, and is not in the object store any more; see the bucket's rules"


class MethodNotAllowed(ApiError):
    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"
    remedy = "see the Allow header for the methods this address takes"


class BodyTooSlow(ApiError):
    status = 408
    code = "body_too_slow"
    title = "The body took too long"
    remedy = "send the body at once"


class NameTaken(ApiError):
    status = 409
    code = "name_taken"
    title = "The name is taken"
    remedy = "choose another name, or change the one there is with PUT"


class Conflicting(ApiError):
    status = 409
    code = "conflict"
    title = "Conflict"
    remedy = "read it again and repeat the change"


class JobInvalid(ApiError):
    status = 409
    code = "job_invalid"
    title = "The job is not valid"
    remedy = "correct the job with PUT /api/v1/jobs/{name}"


class CalendarInUse(ApiError):
    status = 409
    code = "calendar_in_use"
    title = "Jobs name the calendar"
    remedy = "take it out of those jobs first, or send force=true: then they become Invalid"


class ContinueExpired(ApiError):
    status = 410
    code = "continue_expired"
    title = "The list has moved on"
    remedy = "begin anew without continue"


class PreconditionFailed(ApiError):
    status = 412
    code = "precondition_failed"
    title = "It has changed meanwhile"
    remedy = "read it again, and send its ETag of now as If-Match"


class BodyTooLarge(ApiError):
    status = 413
    code = "body_too_large"
    title = "The body is too large"
    remedy = "send at most 1 MiB"


class UnsupportedBody(ApiError):
    status = 415
    code = "unsupported_body"
    title = "Unsupported body"
    remedy = "send Content-Type: application/json, without Content-Encoding"


class InvalidRequest(ApiError):
    status = 422
    code = "invalid"
    title = "Invalid request"
    remedy = "correct what errors names"


class InternalError(ApiError):
    remedy = "report it with the X-Request-Id of this answer"


class ClusterUnavailable(ApiError):
    status = 503
    code = "cluster_unavailable"
    title = "The cluster does not answer"
    remedy = "repeat the request after Retry-After; a POST may have been carried out"


class ObjectStoreUnavailable(ApiError):
    status = 503
    code = "object_store_unavailable"
    title = "The object store does not answer"
    remedy = "repeat the request after Retry-After"


class TooBusy(ApiError):
    status = 503
    code = "too_busy"
    title = "Too many requests at once"
    remedy = "repeat the request after Retry-After"


class TooCostly(ApiError):
    status = 503
    code = "too_costly"
    title = "The computation takes too long"
    remedy = "ask for a shorter period, or again later"
