"""How much later than its scheduled second an execution starts, to spread many jobs' load."""

from __future__ import annotations

from hashlib import sha256


def jitter_milliseconds(*, uid: str, tick: int, bound_seconds: int) -> int:
    """Whole milliseconds in [0, bound): the same for the same job and second, else unrelated."""
    if bound_seconds <= 0:
        return 0
    digest = sha256(f"{uid}/jitter/{tick}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") % (bound_seconds * 1000)
