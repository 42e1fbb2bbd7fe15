"""Calendars as they are handed in and given back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ConfigDict, Field

from chronos_api.schemas.document import NEXT, Json, find_name_problems
from chronos_clients.resources import Object
from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.meta import Model, Time
from chronos_crds.naming import CALENDAR_NAME_PATTERN
from chronos_crds.timetable import ZoneError, load_zone
from chronos_crds.validation import InvalidInput, Problem, parse_model

EXAMPLE_CALENDAR: Json = {
    "name": "winter-freeze",
    "description": "no releases around the turn of the year",
    "timeZone": "Europe/Berlin",
    "dates": ["05-01"],
    "ranges": [{"from": "12-23", "to": "01-02"}],
    "weekly": [{"days": ["SAT", "SUN"]}],
}
NAME_MAX_LENGTH = 253


class CalendarRequest(ChronosCalendarSpec):
    """A calendar as it is handed in: its name, and a ChronosCalendar's spec beside it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CALENDAR]})

    name: str = Field(
        min_length=1,
        max_length=NAME_MAX_LENGTH,
        pattern=CALENDAR_NAME_PATTERN,
        description="Unique in its tenant. PUT takes it from the address where it is left out.",
    )


class Calendar(ChronosCalendarSpec):
    """A stored calendar."""

    name: str = Field(description="Unique in its tenant.")
    tenant: str = Field(description="The namespace it lives in.")
    uid: str = Field(description="Tells it from an earlier calendar of the same name.")
    created_at: Time = Field(alias="createdTime", description="When it was stored.")


class CalendarList(Model):
    """Some calendars, in name order."""

    items: list[Calendar]
    next: str = NEXT


def is_calendar_name(name: str) -> bool:
    """Whether a ChronosCalendar may be called so: a DNS subdomain."""
    return len(name) <= NAME_MAX_LENGTH and re.fullmatch(CALENDAR_NAME_PATTERN, name) is not None


def parse_calendar_request(
    document: Json, *, name: str | None = None
) -> tuple[str, ChronosCalendarSpec]:
    """A calendar's name and spec from a body; ``name`` is the one in the address, where there is
    one. Raises InvalidInput with all that is wrong, pointers as in the body."""
    given = document.get("name", name)
    problems = [*find_name_problems(given, name, _check_name)]
    fields = {key: value for key, value in document.items() if key != "name"}
    try:
        spec = parse_model(ChronosCalendarSpec, fields)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from error
    try:
        load_zone(spec.time_zone)
    except ZoneError as error:
        problems.append(Problem("/timeZone", str(error), error.remedy))
    if problems:
        raise InvalidInput(problems)
    return str(given), spec


def _check_name(name: str) -> Sequence[Problem]:
    if is_calendar_name(name):
        return ()
    remedy = "use at most 253 lower-case letters, digits, '-' and '.'"
    return (Problem("/name", f"{name[:80]!r} is not a calendar name", remedy),)


def describe_calendar(stored: Object) -> Json:
    """A stored ChronosCalendar as a Calendar."""
    meta = stored["metadata"]
    return {
        **(stored.get("spec") or {}),
        "name": meta["name"],
        "tenant": meta["namespace"],
        "uid": meta["uid"],
        "createdTime": meta["creationTimestamp"],
    }
