"""The ledger: what became of each scheduled second of a job."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from chronos_crds.meta import Model, Time


class Fate(StrEnum):
    """What became of a scheduled second."""

    STARTED = "Started"
    QUEUED = "Queued"
    SKIPPED = "Skipped"
    MISSED = "Missed"
    SUSPENDED = "Suspended"
    EXCLUDED = "Excluded"


class LedgerLine(Model):
    """One scheduled second, or a run of them that shared their fate and its reason."""

    time: Time = Field(description="The scheduled second; of several the first.")
    until: Time | None = Field(default=None, description="Of several the last.")
    count: int = Field(default=1, ge=1, description="How many scheduled seconds it speaks of.")
    fate: Fate = Field(
        strict=False,
        description="Started, Queued, Skipped, Missed, Suspended or Excluded.",
    )
    reason: str | None = Field(default=None, max_length=63, description="The rule, in one word.")
    name: str | None = Field(
        default=None,
        max_length=253,
        description="What stood in the way: a calendar, or an execution.",
    )
    lateness_ms: int | None = Field(
        default=None,
        ge=0,
        description=(
            "Milliseconds from when it was due to its start, or to when it was given up; of "
            "several the most."
        ),
    )

    @property
    def last(self) -> Time:
        """The last second it speaks of."""
        return self.until or self.time


class LedgerSegment(Model):
    """What the archive holds of a job's ledger for one stretch of time, ``(from, until]``."""

    job: str = Field(max_length=63)
    uid: str = Field(max_length=64)
    tenant: str = Field(max_length=63)
    since: Time = Field(alias="from")
    until: Time
    lines: tuple[LedgerLine, ...] = Field(strict=False, max_length=10_000)
