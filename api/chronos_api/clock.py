"""The only place in the API that reads the clock."""

from __future__ import annotations

from datetime import UTC, datetime


def read_clock() -> datetime:
    """The wall time, aware, UTC."""
    return datetime.now(UTC)
