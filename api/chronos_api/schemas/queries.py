"""Query parameters: what is not named here is refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from chronos_crds.meta import ReachableTime, Time


def whole_number(low: int, high: int) -> BeforeValidator:
    """Reads plain digits within bounds; int() would also take ' 1_0', '+5' and digits of Nepal."""

    def read(value: object) -> object:
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
            value = int(value)
        if isinstance(value, int) and low <= value <= high:
            return value
        raise PydanticCustomError(
            "whole_number",
            "must be a whole number: give one from {low} to {high}",
            {"low": low, "high": high},
        )

    return BeforeValidator(read, json_schema_input_type=int)


def _read_truth(value: object) -> object:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise PydanticCustomError("truth", "must be true or false: give one of them")


def _read_plus(value: object) -> object:
    """A + that was not encoded arrives as a blank; no time holds one otherwise."""
    return value.replace(" ", "+") if isinstance(value, str) else value


Truth = Annotated[bool, BeforeValidator(_read_truth, json_schema_input_type=bool)]
QueryTime = Annotated[ReachableTime, BeforeValidator(_read_plus, json_schema_input_type=Time)]


class NoQuery(BaseModel):
    """No parameter at all."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class TenantQuery(NoQuery):
    """Whose objects are meant."""

    tenant: str | None = Field(
        default=None,
        max_length=63,
        description="The tenant, a namespace that Chronos serves. Default: the server's own.",
    )


class ListQuery(TenantQuery):
    """A page of a list."""

    limit: Annotated[int, whole_number(1, 500)] = Field(
        default=100, ge=1, le=500, description="Items at most."
    )
    next: str = Field(
        default="", alias="continue", max_length=4096, description="From the answer before."
    )


class LogQuery(TenantQuery):
    """Which log."""

    attempt: Annotated[int, whole_number(1, 1_000_000)] | None = Field(
        default=None, ge=1, description="Default: the newest attempt that has a log."
    )


class LinkQuery(LogQuery):
    """Which log, and for how long."""

    expires: Annotated[int, whole_number(1, 300)] = Field(
        default=300, ge=1, le=300, description="Seconds that the link lives."
    )


class RemovalQuery(TenantQuery):
    """How a calendar is removed."""

    force: Truth = Field(
        default=False, description="Remove it although jobs name it; they become Invalid."
    )


class LedgerQuery(TenantQuery):
    """Which part of a ledger."""

    since: QueryTime | None = Field(
        default=None, alias="from", description="The first second. Default: the job's creation."
    )
    until: QueryTime | None = Field(
        default=None, alias="to", description="The last second. Default: now."
    )
    limit: Annotated[int, whole_number(1, 5000)] = Field(
        default=500, ge=1, le=5000, description="Lines at most."
    )
    next: str = Field(
        default="", alias="continue", max_length=256, description="From the answer before."
    )


class ForecastQuery(NoQuery):
    """Which part of the time to come, and whose."""

    tenant: str | None = Field(
        default=None,
        max_length=63,
        description="The tenant, or * for all that Chronos serves. Default: the server's own.",
    )
    since: QueryTime | None = Field(
        default=None, alias="from", description="The first second. Default: now."
    )
    until: QueryTime | None = Field(
        default=None,
        alias="to",
        description="The end, itself left out; at most 7 days after from. Default: a day after it.",
    )
