"""What the API answers when it does not do what was asked: RFC 9457 problems with stable codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chronos_crds.validation import Problem as FieldProblem


class ApiProblem(Exception):
    """An answer that is a problem; those from the cluster are built in ``translate``."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        remedy: str = "",
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self, instance: str) -> dict[str, object]:
        """The problem as JSON-able data; ``instance`` is the request's path."""
        document: dict[str, object] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "instance": instance,
        }
        if self.remedy:
            document["remedy"] = self.remedy
        if self.errors:
            document["errors"] = [vars(error) for error in self.errors]
        return document


def unauthorized(detail: str) -> ApiProblem:
    """401: no right credential."""
    return ApiProblem(
        401,
        "unauthorized",
        "Not authenticated",
        detail,
        remedy="send your API key once, as `Authorization: Bearer KEY`",
        headers={"WWW-Authenticate": 'Bearer realm="chronos"'},
    )


def invalid(errors: Sequence[FieldProblem]) -> ApiProblem:
    """422: fields that are wrong, each with its remedy."""
    detail = "; ".join(str(error) for error in errors)
    return ApiProblem(422, "invalid", "Invalid request", detail, errors=errors)


def not_found(what: str) -> ApiProblem:
    """404; the same for what does not exist and for what the caller may not see."""
    return ApiProblem(
        404, "not_found", "Not found", f"there is no {what}", remedy="check its name and tenant"
    )


def unavailable(detail: str, *, retry_after: float | None = None) -> ApiProblem:
    """503: something behind Chronos is away for now."""
    seconds = max(1, round(retry_after or 5))
    return ApiProblem(
        503,
        "unavailable",
        "Temporarily unavailable",
        detail,
        remedy=f"try again in {seconds} s",
        headers={"Retry-After": str(seconds)},
    )
