"""What requests and answers look like; the vocabulary is that of ``chronos_crds``.

Answers are built from stored objects as they are, without parsing them into the models: an object
that came past the API and is not as it should be must still be readable.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from chronos_clients.resources import Object
from chronos_crds.conditions import Condition
from chronos_crds.execution import ExecutionStatus, Trigger
from chronos_crds.job import ChronosJobSpec, JobState
from chronos_crds.meta import Model, Time
from chronos_crds.naming import JOB_NAME_MAX_LENGTH, JOB_NAME_PATTERN
from chronos_crds.validation import InvalidInput, Problem, check_name, parse_job_spec

Json = dict[str, Any]

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
_NEXT = Field(alias="continue", description='Asks for what follows; "" at the end.')


class JobRequest(ChronosJobSpec):
    """A job as it is handed in: its name, and the fields of a ChronosJob's spec beside it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_JOB]})

    name: str = Field(
        min_length=1,
        max_length=JOB_NAME_MAX_LENGTH,
        pattern=JOB_NAME_PATTERN,
        description="Unique in its tenant. PUT takes it from the address where it is left out.",
    )


class JobStatus(Model):
    """What became of a job so far; counts speak of scheduled seconds."""

    state: JobState | None = Field(
        default=None, strict=False, description="Unset until the operator has seen the job."
    )
    schedule: str | None = Field(default=None, description="The schedule in one line.")
    observed_generation: int = Field(default=0, description="The version this speaks of.")
    next_at: Time | None = Field(default=None, alias="nextTime", description="The next one.")
    last_at: Time | None = Field(default=None, alias="lastTime", description="The newest one.")
    last_result: str | None = Field(default=None, description="How the newest ended one ended.")
    active: int = Field(default=0, description="Executions that have not ended.")
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
    next: str = _NEXT


class Execution(ExecutionStatus):
    """One execution of a job at one scheduled second."""

    id: str = Field(description="Unique in its tenant.")
    job: str = Field(description="The job's name.")
    job_uid: str = Field(description="The job's uid.")
    tenant: str = Field(description="The namespace it lives in.")
    created_at: Time = Field(alias="createdTime", description="When it was stored.")
    scheduled_at: Time = Field(alias="scheduledTime", description="The second it is for.")
    trigger: Trigger = Field(strict=False, description="What asked for it.")


class ExecutionList(Model):
    """Some executions of a job, newest scheduled time first."""

    items: list[Execution]
    next: str = _NEXT


class LogLink(Model):
    """A link to one log; whoever holds it can read it until it ends."""

    url: str = Field(description="GET it as it is, without the API key.")
    expires_at: Time = Field(alias="expiresTime", description="When the link ends.")
    attempt: int = Field(description="The attempt whose log it is.")
    sha256: str = Field(description="SHA-256 over the log, in hexadecimal.")
    size: int = Field(alias="bytes", description="The log's size in bytes.")
    complete: bool = Field(description="Whether no byte of the output is missing.")


class Health(Model):
    """Whether the process can serve."""

    status: str = Field(description="ok, or unavailable.")
    checks: dict[str, bool] = Field(default={}, description="What has answered recently.")


class Version(Model):
    """What runs here."""

    version: str = Field(description="The version of Chronos.")
    time_zone_data: str = Field(description="The version of the time zone data.")


class ProblemField(Model):
    """One thing wrong with a request."""

    pointer: str | None = Field(default=None, description="JSON pointer into the body.")
    parameter: str | None = Field(default=None, description="The query parameter.")
    message: str = Field(description="What is wrong.")
    remedy: str = Field(description="What to do.")


class ProblemDocument(Model):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="A URN that ends with the code.")
    title: str = Field(description="What kind of error it is.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable, for programs.")
    remedy: str | None = Field(default=None, description="What to do.")
    errors: list[ProblemField] = Field(default=[], description="Each wrong field.")


# Query parameters


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


# From a request's body, and to an answer's


def parse_job_request(document: Json, *, name: str | None = None) -> tuple[str, ChronosJobSpec]:
    """A job's name and spec from a body; ``name`` is the one in the address, where there is one.

    Raises InvalidInput with all that is wrong, pointers as in the body.
    """
    given = document.get("name", name)
    problems: list[Problem] = []
    if given is None:
        problems.append(Problem("/name", "is required", "add it"))
    elif not isinstance(given, str):
        problems.append(Problem("/name", "must be a string", "put it in quotes"))
    elif name is not None and given != name:
        problems.append(
            Problem("/name", "is not the name in the address", "leave it out: names never change")
        )
    else:
        problems += _problems_of(given)
    fields = {key: value for key, value in document.items() if key != "name"}
    try:
        spec = parse_job_spec(fields, at="")
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from error
    if problems:
        raise InvalidInput(problems)
    return str(given), spec


def _problems_of(name: str) -> tuple[Problem, ...]:
    try:
        check_name(name)
    except InvalidInput as error:
        return error.problems
    return ()


def describe_job(stored: Object) -> Json:
    """A stored ChronosJob as a Job."""
    meta = stored["metadata"]
    status = stored.get("status") or {}
    return {
        **(stored.get("spec") or {}),
        "name": meta["name"],
        "tenant": meta["namespace"],
        "uid": meta["uid"],
        "createdTime": meta["creationTimestamp"],
        "status": {key: value for key, value in status.items() if key in _STATUS_KEYS},
    }


def describe_execution(stored: Object) -> Json:
    """A stored ChronosExecution as an Execution."""
    meta, spec = stored["metadata"], stored["spec"]
    return {
        "state": "Pending",
        "attempts": [],
        **(stored.get("status") or {}),
        "id": meta["name"],
        "job": spec["jobRef"]["name"],
        "jobUid": spec["jobRef"]["uid"],
        "tenant": meta["namespace"],
        "createdTime": meta["creationTimestamp"],
        "scheduledTime": spec["scheduledTime"],
        "trigger": spec["trigger"],
    }
