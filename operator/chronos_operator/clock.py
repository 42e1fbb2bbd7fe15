"""The only place that reads the clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

# A wall clock may be set, or a laptop may sleep: no single wait is longer than this.
LONGEST_WAIT_SECONDS = 1.0


class Clock(Protocol):
    """What time it is, and waiting for a time."""

    def now(self) -> datetime:
        """The wall time, aware, UTC."""

    async def wait(self, event: asyncio.Event, until: datetime | None) -> None:
        """Returns when the event is set or ``until`` has come, but may return sooner: ask again."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait(self, event: asyncio.Event, until: datetime | None) -> None:
        seconds = LONGEST_WAIT_SECONDS
        if until is not None:
            seconds = min(seconds, max(0.0, (until - self.now()).total_seconds()))
        try:
            await asyncio.wait_for(event.wait(), timeout=seconds)
        except TimeoutError:
            return
