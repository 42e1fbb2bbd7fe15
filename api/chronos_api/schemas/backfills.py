"""Backfills: the runs of a period that has passed."""

from __future__ import annotations

from enum import StrEnum

from pydantic import ConfigDict, Field

from chronos_api.schemas.document import Json
from chronos_crds.execution import RunConcurrency
from chronos_crds.meta import Model, ReachableTime, Time

MAX_SECONDS = 1000

EXAMPLE_BACKFILL: Json = {
    "from": "2026-03-21T00:00:00Z",
    "to": "2026-03-27T23:59:59Z",
    "order": "NewestFirst",
    "parallel": 2,
    "dryRun": True,
}


class BackfillOrder(StrEnum):
    """Which of the seconds are run first."""

    OLDEST_FIRST = "OldestFirst"
    NEWEST_FIRST = "NewestFirst"


class BackfillRequest(Model):
    """The period whose scheduled seconds are to be run, and how."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_BACKFILL]})

    since: ReachableTime = Field(
        alias="from", description="The first second; it may lie before the job's creation."
    )
    until: ReachableTime = Field(alias="to", description="The last second, not ahead of now.")
    order: BackfillOrder = Field(
        default=BackfillOrder.OLDEST_FIRST,
        strict=False,
        description="OldestFirst or NewestFirst. Default OldestFirst.",
    )
    parallel: int = Field(
        default=1, ge=1, le=100, description="How many of them run at a time. Default 1."
    )
    dry_run: bool = Field(default=False, description="Only tell what would be done. Default false.")
    concurrency: RunConcurrency = Field(
        default=RunConcurrency.POLICY,
        strict=False,
        description="Policy obeys the job's concurrency, Ignore starts whatever else is active.",
    )
    limit: int = Field(
        default=MAX_SECONDS,
        ge=1,
        le=MAX_SECONDS,
        description="Refuse where the period holds more scheduled seconds. Default 1000.",
    )


class BackfillStatus(StrEnum):
    """What became of a scheduled second of the period."""

    CREATED = "created"
    WOULD_CREATE = "wouldCreate"
    ALREADY_RAN = "alreadyRan"
    EXCLUDED = "excluded"
    UNKNOWN = "unknown"
    NOT_CREATED = "notCreated"


class BackfillTime(Model):
    """One scheduled second of the period."""

    scheduled_at: Time = Field(alias="scheduledTime", description="The second.")
    execution: str = Field(description="The id its execution has or would have.")
    status: BackfillStatus = Field(
        strict=False,
        description=(
            "created, wouldCreate (a dry run), alreadyRan (it has or had an execution that ran), "
            "excluded (by a calendar), unknown (the ledger does not say whether it ran: not run "
            "again), or notCreated (see incomplete)."
        ),
    )
    reason: str | None = Field(
        default=None, description="The calendar, or why it is not known, where that is so."
    )


class Backfill(Model):
    """What a backfill does, in its own order."""

    id: str | None = Field(
        default=None, description="The same in all its executions; unset for a dry run."
    )
    dry_run: bool = Field(description="Whether nothing was created.")
    created: int = Field(description="How many executions were created.")
    times: list[BackfillTime] = Field(description="Each scheduled second of the period.")
    incomplete: str | None = Field(
        default=None,
        description="Why some were not created; the same request again creates the rest.",
    )
