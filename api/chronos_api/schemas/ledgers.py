"""A job's ledger as it is given back."""

from __future__ import annotations

from pydantic import Field

from chronos_api.schemas.document import NEXT
from chronos_crds.execution import ExecutionState, Trigger
from chronos_crds.ledger import LedgerLine
from chronos_crds.meta import Model, Time


class LedgerExecution(Model):
    """An execution that is still there."""

    id: str = Field(description="Its id.")
    state: ExecutionState = Field(strict=False, description="What became of it so far.")
    trigger: Trigger = Field(strict=False, description="What asked for it.")


class ToldLine(LedgerLine):
    """A line of the ledger, with the execution of its second where that is still there."""

    execution: LedgerExecution | None = Field(
        default=None, description="The execution of this second, while it is there."
    )
    computed: bool = Field(
        default=False, description="Not recorded yet: the job is paused, and this is what passes."
    )
    at_least: bool = Field(default=False, description="count is a lower bound.")


class UnknownSpan(Model):
    """A stretch of time of which the ledger is not known."""

    since: Time = Field(alias="from", description="Its first second.")
    until: Time = Field(alias="to", description="Its last second.")
    why: str = Field(description="Why.")


class BackfilledSecond(Model):
    """A second that a backfill ran, whatever its line says."""

    time: Time = Field(description="The second.")
    execution: str = Field(description="The id of its execution.")
    state: ExecutionState | None = Field(
        default=None, strict=False, description="Unset once the execution is gone: it has ended."
    )


class LedgerTotals(Model):
    """How many scheduled seconds the lines of this answer speak of, by their fate."""

    started: int = Field(description="Started.")
    late: int = Field(description="Of those, how many more than 1 s after their second.")
    queued: int = Field(description="Waiting for their turn.")
    skipped: int = Field(description="Not started by rule.")
    missed: int = Field(description="Passed and never started.")
    suspended: int = Field(description="Passed while the job was paused.")
    excluded: int = Field(description="Excluded by a calendar.")


class Ledger(Model):
    """What became of each scheduled second of a period."""

    job: str = Field(description="The job's name.")
    since: Time = Field(alias="from", description="The first second this answer speaks of.")
    until: Time = Field(alias="to", description="The last second this answer speaks of.")
    accounted_until: Time | None = Field(
        default=None, description="Every scheduled second up to this one is in the ledger."
    )
    lines: list[ToldLine] = Field(description="Oldest first.")
    totals: LedgerTotals = Field(description="The sums of these lines.")
    unknown: list[UnknownSpan] = Field(description="What of the period is not known, and why.")
    backfilled: list[BackfilledSecond] = Field(description="Seconds that backfills ran.")
    incomplete: str | None = Field(
        default=None, description="What could not be read besides, where that is so."
    )
    next: str = NEXT
