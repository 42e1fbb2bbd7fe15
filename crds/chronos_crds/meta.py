"""What all models of the contract share: strictness, camel case outside, and the Time type."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


class Model(BaseModel):
    """A value of the contract: immutable, snake_case inside, camelCase outside, nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        use_enum_values=False,
    )

    def to_manifest(self) -> dict[str, Any]:
        """This value as JSON-able data with the contract's field names; unset options left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def parse_time(value: object) -> datetime:
    """An aware UTC time from an RFC 3339 string (or an aware datetime).

    Raises PydanticCustomError (a ValueError) for anything else, a time without an offset included:
    guessing a zone is how jobs start an hour off.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError(
        "rfc3339", "must be an RFC 3339 time with an offset: write it like 2026-03-28T09:30:00Z"
    )


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC with Z; fractions of a second only where there are any."""
    text = value.astimezone(UTC).isoformat(
        timespec="milliseconds" if value.microsecond else "seconds"
    )
    return text.replace("+00:00", "Z")


Time = Annotated[
    datetime,
    BeforeValidator(parse_time, json_schema_input_type=datetime),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    Field(json_schema_extra={"type": "string", "format": "date-time"}),
]


# What schedules reach. Beyond it lie the ends of the calendar that Python knows, where every zone
# and every "a day before" is a case of its own.
FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIME = datetime(2100, 1, 1, tzinfo=UTC)


def _check_in_reach(moment: datetime) -> datetime:
    if FIRST_TIME <= moment < LAST_TIME:
        return moment
    raise PydanticCustomError("time_out_of_reach", "is out of reach: give a time from 1970 to 2099")


ReachableTime = Annotated[Time, AfterValidator(_check_in_reach)]
"""A time of which schedules may speak."""


class ObjectMeta(BaseModel):
    """The part of Kubernetes' object metadata that Chronos reads; the rest is passed over."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    created_at: Time | None = Field(default=None, alias="creationTimestamp")
    deleted_at: Time | None = Field(default=None, alias="deletionTimestamp")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
