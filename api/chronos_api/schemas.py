"""What requests and answers look like, for the OpenAPI document and for building answers.

A job's body is the ChronosJob's spec with its name beside it; there is one description of a spec,
in ``chronos_crds.job``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chronos_crds.execution import Attempt, ExecutionState, Trigger
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus
from chronos_crds.meta import Model, Time
from chronos_crds.naming import JOB_NAME_MAX_LENGTH, JOB_NAME_PATTERN

JobName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=JOB_NAME_MAX_LENGTH,
        pattern=JOB_NAME_PATTERN,
        description="Lower-case letters, digits and '-'; its executions are named after it.",
        examples=["report"],
    ),
]


class JobSubmission(ChronosJobSpec):
    """A job as it is submitted: its name, and what to run and when."""

    name: JobName


class Job(ChronosJobSpec):
    """A job as it is stored, with what Chronos has seen of it."""

    name: JobName
    tenant: str = Field(description="The namespace it lives in.")
    uid: str = Field(description="Tells it from a later job of the same name.")
    created_at: Time = Field(alias="createdTime", description="When it was stored.")
    status: ChronosJobStatus = Field(description="What Chronos has seen and done.")


class JobPage(Model):
    """Some jobs, in the order of their names."""

    items: tuple[Job, ...]
    next: str | None = Field(
        default=None, alias="continue", description="Ask with this for the rest; absent at the end."
    )


class Execution(Model):
    """One execution of a job at one scheduled second."""

    id: str = Field(description="Its name, unique within the tenant.")
    job: str = Field(description="The job's name.")
    tenant: str = Field(description="The namespace it lives in.")
    trigger: Trigger = Field(description="What asked for it.")
    scheduled_at: Time = Field(alias="scheduledTime", description="The second it is for.")
    state: ExecutionState = Field(description="Its state in one word.")
    reason: str | None = Field(default=None, description="Why it is in this state, in one word.")
    message: str | None = Field(default=None, description="Why it is in this state.")
    attempts: tuple[Attempt, ...] = Field(description="Its attempts, oldest first.")
    next_attempt_at: Time | None = Field(
        default=None, alias="nextAttemptTime", description="When the next attempt starts."
    )
    completed_at: Time | None = Field(
        default=None, alias="completionTime", description="When it ended."
    )


class ExecutionPage(Model):
    """Some executions, the newest first."""

    items: tuple[Execution, ...]
    next: str | None = Field(
        default=None, alias="continue", description="Ask with this for the rest; absent at the end."
    )


class LogLink(Model):
    """A link that gives one log to whoever holds it."""

    url: str = Field(description="A presigned URL, signature version 4.")
    expires_at: Time = Field(alias="expiresTime", description="Until when it works.")
    attempt: int = Field(description="The attempt whose log it is.")
    size: int = Field(alias="bytes", description="The log's size in bytes.")
    sha256: str | None = Field(default=None, description="SHA-256 over it, in hexadecimal.")
    complete: bool = Field(description="Whether it is known that nothing is missing.")


class Version(Model):
    """What runs here."""

    version: str = Field(description="Chronos' version.")
    time_zone_data: str = Field(description="The version of the zone data schedules are read by.")


class Health(Model):
    """Whether the process can serve."""

    status: str = Field(description="ok, or what is missing.")


class FieldError(Model):
    """One field that is wrong."""

    pointer: str = Field(description="A JSON pointer into the request's body, or a parameter.")
    message: str = Field(description="What is wrong with it.")
    remedy: str = Field(description="What to do instead.")


class Problem(Model):
    """An error, as RFC 9457 has it."""

    type: str
    title: str = Field(description="The kind of error, for people.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="The kind of error, for programs; never changes its meaning.")
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The request's path.")
    remedy: str | None = Field(default=None, description="What to do about it.")
    errors: tuple[FieldError, ...] | None = Field(default=None, description="Fields at fault.")


Json = dict[str, Any]
