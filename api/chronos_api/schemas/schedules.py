"""A schedule's next times, asked for before anything is stored."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from chronos_api.schemas.document import Json
from chronos_api.schemas.jobs import translate_within
from chronos_api.schemas.repeat import RepeatSchedule
from chronos_crds.meta import Model, ReachableTime, Time
from chronos_crds.naming import JOB_NAME_MAX_LENGTH
from chronos_crds.schedule import Schedule
from chronos_crds.validation import InvalidInput, Problem, parse_model, parse_schedule

EXAMPLE_PREVIEW: Json = {
    "schedule": {"cron": ["30 2 * * *"], "timeZone": "Europe/Berlin"},
    "after": "2026-03-28T00:00:00Z",
    "count": 5,
}


class PreviewQuestion(Model):
    """What a preview is asked for besides the schedule."""

    after: ReachableTime | None = Field(
        default=None, description="The times strictly after this moment. Default: now."
    )
    count: int = Field(default=5, ge=1, le=100, description="How many times. Default 5.")
    job: str | None = Field(
        default=None,
        min_length=1,
        max_length=JOB_NAME_MAX_LENGTH,
        description="The job whose schedule it is to be; H and intervals depend on it.",
    )


class PreviewRequest(PreviewQuestion):
    """A schedule, and how much of it is to be shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_PREVIEW]})

    schedule: Schedule | RepeatSchedule = Field(
        description="As in a job: as it is stored, or in plain words."
    )


class PreviewTime(Model):
    """One scheduled second."""

    utc: Time = Field(description="In UTC.")
    local: str = Field(description="In the schedule's zone, with its offset.")


class Preview(Model):
    """The next scheduled seconds of a schedule."""

    times: list[PreviewTime] = Field(description="Oldest first.")
    text: str = Field(description="The schedule in an English sentence.")
    excluded: int = Field(description="Seconds between them that calendars exclude.")
    note: str | None = Field(default=None, description="Why there are fewer than asked for.")
    schedule: Schedule = Field(description="The schedule as it would be stored.")
    time_zone_data: str = Field(description="The version of the time zone data.")


def parse_preview_request(document: Json) -> tuple[PreviewQuestion, Schedule]:
    """What is asked for, and the schedule; raises InvalidInput with all that is wrong."""
    problems: list[Problem] = []
    question, schedule = None, None
    try:
        rest = {key: value for key, value in document.items() if key != "schedule"}
        question = parse_model(PreviewQuestion, rest)
    except InvalidInput as error:
        problems += error.problems
    try:
        if "schedule" not in document:
            raise InvalidInput([Problem("/schedule", "is required", "add it")])
        schedule = parse_schedule(translate_within(document)["schedule"])
    except InvalidInput as error:
        problems += error.problems
    if question is None or schedule is None:
        raise InvalidInput(problems)
    return question, schedule
