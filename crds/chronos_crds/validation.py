"""One validator for everybody who hands in a job: what is wrong, where, and what to do instead.

The API answers with these problems; the operator puts the same words into the condition of a job
that was stored past the API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.cron import CronError, is_hashed, parse_entry
from chronos_crds.interval import is_interval
from chronos_crds.job import ChronosJobSpec
from chronos_crds.meta import format_time
from chronos_crds.naming import JOB_NAME_MAX_LENGTH, is_job_name
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import ZoneError, build_timetable, load_zone

M = TypeVar("M", bound=BaseModel)

# Before any scheduled second.
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a JSON pointer to the field, what is wrong with it, the remedy."""

    pointer: str
    message: str
    remedy: str

    def __str__(self) -> str:
        field = ".".join(self.pointer.strip("/").split("/")) or "the object"
        return f"{field}: {self.message}; {self.remedy}"


class InvalidInput(ValueError):
    """Input that is refused, with every problem that was found (at least one)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def parse_model(model: type[M], data: object, *, at: str = "", known_only: bool = False) -> M:
    """The model read from JSON-like data; raises InvalidInput with pointers below ``at``.

    ``known_only`` passes over unknown fields: for what another version of Chronos may have written.
    """
    try:
        return model.model_validate(data, extra="ignore" if known_only else None)
    except ValidationError as error:
        raise InvalidInput([_describe(detail, at) for detail in _own_errors(error)]) from error


def parse_job_spec(data: object, *, at: str = "/spec") -> ChronosJobSpec:
    """A job's spec, its schedule readable and able to fire; raises InvalidInput."""
    spec = parse_model(ChronosJobSpec, data, at=at)
    problems = list(_schedule_problems(spec.schedule, f"{at}/schedule"))
    if problems:
        raise InvalidInput(problems)
    return spec


def parse_calendar_spec(data: object, *, at: str = "/spec") -> ChronosCalendarSpec:
    """A calendar's spec, its zone known; raises InvalidInput."""
    spec = parse_model(ChronosCalendarSpec, data, at=at)
    try:
        load_zone(spec.time_zone)
    except ZoneError as error:
        raise InvalidInput([Problem(f"{at}/timeZone", str(error), error.remedy)]) from error
    return spec


def find_calendar(name: str, data: object | None) -> ChronosCalendarSpec:
    """The calendar of that name whose spec is ``data``, for a job that excludes it.

    Raises InvalidInput where there is none (None), or none that can be read: a freeze that nobody
    can read must not be taken for no freeze.
    """
    if data is None:
        problem = f"names {name!r}, and there is no ChronosCalendar of that name in the namespace"
        at = "/spec/schedule/excludeCalendars"
        raise InvalidInput([Problem(at, problem, "create it, or remove its name here")])
    return parse_calendar_spec(data, at=f"/spec/schedule/excludeCalendars/{name}")


def parse_schedule(data: object, *, at: str = "/schedule") -> Schedule:
    """A schedule alone, readable and able to fire; raises InvalidInput."""
    schedule = parse_model(Schedule, data, at=at)
    problems = list(_schedule_problems(schedule, at))
    if problems:
        raise InvalidInput(problems)
    return schedule


def check_name(name: str, *, at: str = "/name") -> None:
    """Raises InvalidInput where a ChronosJob may not be called so."""
    if not is_job_name(name):
        raise InvalidInput(
            [
                Problem(
                    at,
                    f"{name[:80]!r} ({len(name)} characters) is not a job name",
                    f"use at most {JOB_NAME_MAX_LENGTH} lower-case letters, digits and '-', "
                    "beginning and ending with a letter or digit",
                )
            ]
        )


def check_times_ahead(
    schedule: Schedule, *, now: datetime, known: Sequence[datetime] = (), at: str = "/schedule"
) -> None:
    """Raises InvalidInput for one-time runs in the past, those already ``known`` excepted."""
    problems = [
        Problem(
            f"{at}/at/{index}",
            f"{format_time(moment)} is in the past",
            f"give a time after {format_time(now.replace(microsecond=0))}, or immediate: true",
        )
        for index, moment in enumerate(schedule.at or ())
        if moment < now and moment not in known
    ]
    if problems:
        raise InvalidInput(problems)


def _schedule_problems(schedule: Schedule, at: str) -> Iterator[Problem]:
    """What only shows when the fields are read together; nothing here needs a clock."""
    timing = [*_cron_problems(schedule, at), *_zone_problems(schedule, at)]
    window = list(_window_problems(schedule, at))
    yield from timing
    yield from _anchor_problems(schedule, at)
    yield from window
    if not timing and not window:
        yield from _emptiness_problems(schedule, at)


def _cron_problems(schedule: Schedule, at: str) -> Iterator[Problem]:
    for index, text in enumerate(schedule.cron or ()):
        try:
            parse_entry(text, dialect=schedule.cron_dialect)
        except CronError as error:
            yield Problem(
                f"{at}/cron/{index}",
                f"{error.message} (at character {error.position + 1} of {text!r})",
                error.remedy,
            )


def _zone_problems(schedule: Schedule, at: str) -> Iterator[Problem]:
    try:
        load_zone(schedule.time_zone)
    except ZoneError as error:
        yield Problem(f"{at}/timeZone", str(error), error.remedy)


def _anchor_problems(schedule: Schedule, at: str) -> Iterator[Problem]:
    counts = schedule.every_seconds is not None or any(map(is_interval, schedule.cron or ()))
    if schedule.anchor_at is not None and not counts:
        yield Problem(
            f"{at}/anchorTime",
            "has nothing to count from it",
            "add everySeconds or an @every to cron, or leave it out",
        )


def _window_problems(schedule: Schedule, at: str) -> Iterator[Problem]:
    start, end = schedule.start_at, schedule.end_at
    if start is not None and end is not None and end < start:
        yield Problem(
            f"{at}/endTime",
            f"{format_time(end)} lies before startTime",
            f"give a time after {format_time(start)}",
        )
        return
    for index, moment in enumerate(schedule.at or ()):
        if (start is not None and moment < start) or (end is not None and moment > end):
            yield Problem(
                f"{at}/at/{index}",
                f"{format_time(moment)} lies outside startTime and endTime",
                "move it or them: they bound at, too",
            )


def _emptiness_problems(schedule: Schedule, at: str) -> Iterator[Problem]:
    """A schedule that never fires within its window, whenever its job is stored."""
    if schedule.start_at is None and schedule.end_at is None:
        return
    # H picks by the job's UID, which is not known before the job is stored.
    if any(is_hashed(text, dialect=schedule.cron_dialect) for text in schedule.cron or ()):
        return
    times = build_timetable(schedule, created_at=_BEGINNING)
    if times.next_after(_BEGINNING - timedelta(seconds=1)) is None:
        field = "endTime" if schedule.end_at is not None else "startTime"
        yield Problem(
            f"{at}/{field}",
            "leaves no scheduled second: nothing fires between startTime and endTime",
            "widen the window, or give other times",
        )


# Pydantic's error types in the words of a person; what is not listed keeps pydantic's message.
_MESSAGES: dict[str, Callable[[dict[str, Any]], tuple[str, str]]] = {
    "missing": lambda _: ("is required", "add it"),
    "extra_forbidden": lambda _: ("is not a known field", "remove it, or check its spelling"),
    "string_type": lambda _: ("must be a string", "put it in quotes"),
    "int_type": lambda _: ("must be a whole number", "write it without quotes or fraction"),
    "int_from_float": lambda _: ("must be a whole number", "write it without a fraction"),
    "float_type": lambda _: ("must be a number", "write it without quotes"),
    "bool_type": lambda _: ("must be true or false", "write it without quotes"),
    "tuple_type": lambda _: ("must be a list", "put it in [ ]"),
    "model_type": lambda _: ("must be an object", "put its fields in { }"),
    "model_attributes_type": lambda _: ("must be an object", "put its fields in { }"),
    "dict_type": lambda _: ("must be an object", "put its fields in { }"),
    "greater_than_equal": lambda c: ("is too small", f"give {c['ge']} or more"),
    "less_than_equal": lambda c: ("is too large", f"give {c['le']} or less"),
    "string_too_short": lambda _: ("must not be empty", "give it a value"),
    "string_too_long": lambda c: ("is too long", f"use at most {c['max_length']} characters"),
    "string_pattern_mismatch": lambda c: ("has a wrong form", f"it must match {c['pattern']}"),
    "too_short": lambda _: ("must not be empty", "give at least one, or leave the field out"),
    "too_long": lambda c: ("has too many items", f"give at most {c['max_length']}"),
    "enum": lambda c: ("is not one of the known values", f"use {c['expected']}"),
    "finite_number": lambda _: ("must be a finite number", "write it in digits"),
}


def _own_errors(error: ValidationError) -> list[dict[str, Any]]:
    """The errors without those that only follow from others.

    Pydantic calls a list too short where its items are wrong, because it counts the good ones.
    """
    details = [dict(detail) for detail in error.errors(include_url=False)]
    places = {detail["loc"] for detail in error.errors(include_url=False)}
    parents = {place[:length] for place in places for length in range(len(place))}
    return [
        detail
        for detail in details
        if detail["type"] != "too_short" or detail["loc"] not in parents
    ]


def _describe(error: dict[str, Any], at: str) -> Problem:
    pointer = at + "".join(f"/{_escape(part)}" for part in error["loc"])
    words = _MESSAGES.get(error["type"])
    if words is None:
        message, _, remedy = str(error["msg"]).partition(": ")
        return Problem(pointer, message, remedy or "see the field's documentation")
    message, remedy = words(error.get("ctx", {}))
    return Problem(pointer, message, remedy)


def _escape(part: object) -> str:
    """One segment of a JSON pointer (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")
