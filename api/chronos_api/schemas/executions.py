"""Executions and their logs, and how one is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from chronos_api.schemas.document import NEXT, Json
from chronos_clients.resources import Object
from chronos_crds.execution import (
    BackfillPart,
    ExecutionStatus,
    Parameters,
    RunConcurrency,
    Trigger,
)
from chronos_crds.meta import Model, ReachableTime, Time, format_time
from chronos_crds.validation import InvalidInput, Problem, parse_model
from chronos_crds.workload import Argument, EnvVar

EXAMPLE_TRIGGER: Json = {
    "args": ["--day", "2026-03-27"],
    "env": [{"name": "VERBOSE", "value": "1"}],
}


class Execution(ExecutionStatus):
    """One execution of a job at one scheduled second, or one asked for by hand."""

    id: str = Field(description="Unique in its tenant.")
    job: str = Field(description="The job's name.")
    job_uid: str | None = Field(
        default=None, description="The job's uid; unset until Chronos has seen the execution."
    )
    tenant: str = Field(description="The namespace it lives in.")
    created_at: Time = Field(alias="createdTime", description="When it was stored.")
    scheduled_at: Time | None = Field(
        default=None,
        alias="scheduledTime",
        description="The second it is for; unset until Chronos has seen the execution.",
    )
    trigger: Trigger = Field(strict=False, description="What asked for it.")
    parameters: Parameters = Field(
        default=Parameters(), description="What it is given instead of what the job says."
    )
    concurrency: RunConcurrency = Field(
        default=RunConcurrency.POLICY,
        strict=False,
        description="Whether it obeys the job's concurrency.",
    )
    backfill: BackfillPart | None = Field(
        default=None, description="Where it stands in a backfill, where it is part of one."
    )


class ExecutionList(Model):
    """Some executions of a job, newest scheduled time first."""

    items: list[Execution]
    next: str = NEXT


class LogLink(Model):
    """A link to one log; whoever holds it can read it until it ends."""

    url: str = Field(description="GET it as it is, without the API key.")
    expires_at: Time = Field(alias="expiresTime", description="When the link ends.")
    attempt: int = Field(description="The attempt whose log it is.")
    sha256: str = Field(description="SHA-256 over the log, in hexadecimal.")
    size: int = Field(alias="bytes", description="The log's size in bytes.")
    complete: bool = Field(description="Whether no byte of the output is missing.")


class TriggerRequest(Model):
    """One run of a job, asked for by hand; everything may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_TRIGGER]})

    at: ReachableTime | None = Field(default=None, description="When it shall run. Default: now.")
    args: (
        Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=256)] | None
    ) = Field(default=None, description="Arguments instead of the container's.")
    env: Annotated[tuple[EnvVar, ...], Field(strict=False, max_length=256)] = Field(
        default=(),
        description="Variables beside the container's, or instead of those of the same name.",
    )
    concurrency: RunConcurrency = Field(
        default=RunConcurrency.POLICY,
        strict=False,
        description="Policy obeys the job's concurrency, Ignore starts whatever else is active.",
    )


def parse_trigger_request(document: Json, *, now: datetime) -> tuple[TriggerRequest, Parameters]:
    """What is asked for, and the parameters it is to be given.

    Raises InvalidInput, also for a time that lies in the past or is no whole second.
    """
    request = parse_model(TriggerRequest, document)
    # The rules about both of them together are those of the stored execution.
    parameters = parse_model(
        Parameters, {key: document[key] for key in ("args", "env") if key in document}
    )
    second = now.replace(microsecond=0)
    if request.at is not None and request.at.microsecond:
        raise InvalidInput(
            [Problem("/at", "must be a whole second", "leave the fraction of a second out")]
        )
    if request.at is not None and request.at < second:
        remedy = f"give a time from {format_time(second)} on, or leave it out to run now"
        raise InvalidInput([Problem("/at", f"{format_time(request.at)} is in the past", remedy)])
    return request, parameters


def describe_execution(stored: Object) -> Json:
    """A stored ChronosExecution as an Execution."""
    meta, spec = stored["metadata"], stored["spec"]
    told = {
        "jobUid": spec["jobRef"].get("uid"),
        "scheduledTime": spec.get("scheduledTime"),
        "parameters": spec.get("parameters"),
        "concurrency": spec.get("concurrency"),
        "backfill": spec.get("backfill"),
    }
    return {
        "state": "Pending",
        "attempts": [],
        **(stored.get("status") or {}),
        "id": meta["name"],
        "job": spec["jobRef"]["name"],
        "tenant": meta["namespace"],
        "createdTime": meta["creationTimestamp"],
        "trigger": spec.get("trigger", "Manual"),
        **{key: value for key, value in told.items() if value is not None},
    }
