"""When a job is paused, and which of its seconds a pause leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.job import ChronosJobSpec, JobState, ResumePolicy

_SECOND = timedelta(seconds=1)


def is_paused(spec: ChronosJobSpec, now: datetime) -> bool:
    """Whether nothing of the schedule is started now."""
    return spec.suspend or (spec.paused_until is not None and now < spec.paused_until)


@dataclass(frozen=True)
class Pause:
    """The pause of a job, as its spec and the last state that was written tell it."""

    spec: ChronosJobSpec
    state: JobState | None
    edited_at: datetime | None
    now: datetime

    @property
    def is_on(self) -> bool:
        """Whether it lasts."""
        return is_paused(self.spec, self.now)

    def leaves_out(self, second: datetime) -> bool:
        """Whether the second lies in it and is not made up."""
        if self.spec.on_resume is ResumePolicy.CATCH_UP and not self.is_on:
            return False
        until = self._ended_at
        if until is not None and second < until:
            return True
        if self.state is not JobState.PAUSED:
            return False
        if self.is_on:
            return True
        # Ended by the time that pausedUntil named, unless by an edit after it.
        if until is not None and (self.edited_at is None or self.edited_at <= until):
            return False
        return second <= (self.edited_at or self.now)

    def ends_at(self, second: datetime, limit: datetime) -> datetime:
        """Up to when ``leaves_out`` holds, from a second on for which it does."""
        until = self._ended_at
        if until is not None and second < until:
            return min(limit, until - _SECOND)
        return limit if self.is_on else min(limit, self.edited_at or self.now)

    @property
    def _ended_at(self) -> datetime | None:
        """The time named by a pausedUntil that has passed."""
        until = self.spec.paused_until
        return until if until is not None and until <= self.now else None
