"""Jobs as they are handed in and given back, and what may be said about a pause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import ConfigDict, Field

from chronos_api.schemas.document import NEXT, Json, find_name_problems
from chronos_api.schemas.repeat import EXAMPLE_REPEAT, RepeatSchedule, translate_schedule
from chronos_clients.resources import Object
from chronos_crds.conditions import Condition
from chronos_crds.job import ChronosJobSpec, JobState, ResumePolicy
from chronos_crds.meta import Model, ReachableTime, Time, format_time
from chronos_crds.naming import JOB_NAME_MAX_LENGTH, JOB_NAME_PATTERN
from chronos_crds.schedule import Schedule
from chronos_crds.validation import (
    InvalidInput,
    Problem,
    check_name,
    parse_job_spec,
    parse_model,
)

EXAMPLE_JOB: Json = {
    "name": "nightly-report",
    "schedule": {"cron": ["0 30 2 * * MON-FRI"], "timeZone": "Europe/Berlin"},
    "workload": {
        "type": "container",
        "container": {
            "image": "docker.io/library/busybox:1.35",
            "command": ["echo", "hello from Chronos"],
        },
    },
    "retry": {"maxAttempts": 3, "initialSeconds": 30},
}
EXAMPLE_WORDS: Json = {
    "name": "weekly-report",
    "schedule": EXAMPLE_REPEAT,
    "workload": {"container": {"image": "docker.io/library/busybox:1.35"}},
}
EXAMPLE_PAUSE: Json = {"until": "2099-12-31T00:00:00Z", "note": "the database is being moved"}


class JobRequest(ChronosJobSpec):
    """A job as it is handed in: its name, and the fields of a ChronosJob's spec beside it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_JOB, EXAMPLE_WORDS]})

    name: str = Field(
        min_length=1,
        max_length=JOB_NAME_MAX_LENGTH,
        pattern=JOB_NAME_PATTERN,
        description="Unique in its tenant. PUT takes it from the address where it is left out.",
    )
    schedule: Schedule | RepeatSchedule = Field(  # type: ignore[assignment]
        description="When the job runs: as it is stored, or in plain words."
    )


class JobStatus(Model):
    """What became of a job so far; counts speak of scheduled seconds."""

    state: JobState | None = Field(
        default=None, strict=False, description="Unset until the operator has seen the job."
    )
    schedule: str | None = Field(default=None, description="The schedule in one line.")
    observed_generation: int = Field(default=0, description="The version this speaks of.")
    accounted_until: Time | None = Field(
        default=None, description="Every scheduled second up to this one is in the ledger."
    )
    next_at: Time | None = Field(
        default=None, alias="nextTime", description="The next one that no calendar excludes."
    )
    last_at: Time | None = Field(default=None, alias="lastTime", description="The newest one.")
    last_result: str | None = Field(default=None, description="How the newest ended one ended.")
    active: int = Field(default=0, description="Executions that have not ended.")
    queued: int = Field(default=0, description="Of those, how many wait for their turn.")
    started: int = Field(default=0, description="Started.")
    late: int = Field(default=0, description="Started more than 1 s after their second.")
    missed: int = Field(default=0, description="Passed and never started.")
    skipped: int = Field(default=0, description="Not started by rule, such as suspend.")
    conditions: list[Condition] = Field(
        default=[], description="Observations with reasons: Valid says whether it can run."
    )


_STATUS_KEYS = frozenset(
    info.alias or name for name, info in JobStatus.model_fields.items()
)  # what else the operator keeps there is its own


class Job(ChronosJobSpec):
    """A stored job."""

    name: str = Field(description="Unique in its tenant.")
    tenant: str = Field(description="The namespace it lives in.")
    uid: str = Field(description="Tells it from an earlier job of the same name.")
    created_at: Time = Field(alias="createdTime", description="When it was stored.")
    status: JobStatus = Field(description="What became of it so far.")


class JobList(Model):
    """Some jobs, in name order."""

    items: list[Job]
    next: str = NEXT


class PauseRequest(Model):
    """A pause: how long, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_PAUSE]})

    until: ReachableTime | None = Field(
        default=None, description="When the job resumes by itself. Default: never."
    )
    note: str = Field(default="", max_length=1024, description="Why. Default empty.")
    on_resume: ResumePolicy = Field(
        default=ResumePolicy.SKIP,
        strict=False,
        description="What becomes of the seconds of the pause: Skip or CatchUp. Default Skip.",
    )


class ResumeRequest(Model):
    """The end of a pause, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "the move is done"}]})

    note: str = Field(default="", max_length=1024, description="Why. Default empty.")


def parse_job_request(document: Json, *, name: str | None = None) -> tuple[str, ChronosJobSpec]:
    """A job's name and spec from a body; ``name`` is the one in the address, where there is one.

    Raises InvalidInput with all that is wrong, pointers as in the body.
    """
    given = document.get("name", name)
    problems = [*find_name_problems(given, name, _check_name)]
    fields = {key: value for key, value in document.items() if key != "name"}
    try:
        fields = {**fields, **translate_within(fields)}
    except InvalidInput as error:
        problems += error.problems
        # What else is wrong is told as well.
        fields["schedule"] = {"immediate": True}
    try:
        spec = parse_job_spec(fields, at="")
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from error
    if problems:
        raise InvalidInput(problems)
    return str(given), spec


def translate_within(fields: Json) -> Json:
    """The field ``schedule`` with plain words turned into cron; raises InvalidInput."""
    return {"schedule": translate_schedule(fields["schedule"])} if "schedule" in fields else {}


def _check_name(name: str) -> Sequence[Problem]:
    try:
        check_name(name)
    except InvalidInput as error:
        return error.problems
    return ()


def parse_pause_request(document: Json, *, now: datetime) -> Json:
    """The fields of a job's spec that a pause sets; raises InvalidInput, also for an end in the
    past."""
    request = parse_model(PauseRequest, document)
    until = request.until
    if until is not None and until <= now:
        remedy = f"give a time after {format_time(now.replace(microsecond=0))}"
        raise InvalidInput([Problem("/until", f"{format_time(until)} is not ahead", remedy)])
    return {
        "suspend": until is None,
        "pausedUntil": None if until is None else format_time(until),
        "onResume": str(request.on_resume),
        "pauseNote": request.note,
    }


def parse_resume_request(document: Json) -> Json:
    """The fields of a job's spec that the end of a pause sets; raises InvalidInput.

    onResume stays: it says what becomes of the pause that ends now.
    """
    request = parse_model(ResumeRequest, document)
    return {"suspend": False, "pausedUntil": None, "pauseNote": request.note}


def describe_job(stored: Object) -> Json:
    """A stored ChronosJob as a Job."""
    meta = stored["metadata"]
    status = stored.get("status") or {}
    told = {key: value for key, value in status.items() if key in _STATUS_KEYS}
    if "cursorTime" in status:
        told["accountedUntil"] = status["cursorTime"]
    return {
        **(stored.get("spec") or {}),
        "name": meta["name"],
        "tenant": meta["namespace"],
        "uid": meta["uid"],
        "createdTime": meta["creationTimestamp"],
        "status": told,
    }
