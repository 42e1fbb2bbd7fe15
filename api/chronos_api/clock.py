"""The only place that reads the clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how much of it has passed."""

    def now(self) -> datetime:
        """The wall time, aware, UTC."""

    def elapsed(self) -> float:
        """Seconds since an arbitrary moment; never goes back, whatever happens to the wall time."""

    def cpu(self) -> float:
        """Seconds of CPU that the calling thread has taken since an arbitrary moment."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.monotonic()

    def cpu(self) -> float:
        return time.thread_time()
