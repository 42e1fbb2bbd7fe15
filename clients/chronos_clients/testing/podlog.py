"""The log of a container that never ran: what a kubelet would serve of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chronos_clients.errors import ClientError

# No divisor of common line lengths, so that readers meet lines cut anywhere.
CHUNK_BYTES = 997


@dataclass(frozen=True)
class _Entry:
    at: datetime
    data: bytes
    begins_line: bool

    def render(self) -> bytes:
        # The kubelet stamps the start of a line, in UTC with nine digits, and no continuation.
        stamp = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode()
        return (stamp if self.begins_line else b"") + self.data


class FakeLog:
    """Write to it as the container would; it is served until ``end``."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._entries: list[_Entry] = []
        self._oldest = 0
        self._ended = False
        self._cuts = 0
        self._cut_error: ClientError | None = None
        self._planned_cuts: list[tuple[int, ClientError | None]] = []
        self._wakers: set[asyncio.Event] = set()

    def write(self, data: bytes) -> None:
        """Adds output, stamped now."""
        for line in _split(data):
            begins = not self._entries or self._entries[-1].data.endswith(b"\n")
            self._entries.append(_Entry(self._clock(), line, begins))
        self._wake()

    def end(self) -> None:
        """The container has ended: followers get the rest, then the end."""
        self._ended = True
        self._wake()

    def rotate(self) -> None:
        """What is written so far is out of the reach of whoever begins to read from now on."""
        self._oldest = len(self._entries)

    def cut(self, error: ClientError | None = None) -> None:
        """Drops all connections of the moment: with the error, or as if the log had ended."""
        self._cuts += 1
        self._cut_error = error
        self._wake()

    def cut_next(self, size: int, error: ClientError | None = None) -> None:
        """The next connection is dropped behind ``size`` bytes, wherever in a line that is."""
        self._planned_cuts.append((size, error))

    async def follow(self, since: datetime | None) -> AsyncIterator[bytes]:
        """The bytes that one connection gets to see."""
        budget, planned_error = self._planned_cuts.pop(0) if self._planned_cuts else (None, None)
        async for chunk in self._chunks(since):
            if budget is None:
                yield chunk
                continue
            if chunk[:budget]:
                yield chunk[:budget]
            budget -= len(chunk)
            if budget <= 0:
                if planned_error is not None:
                    raise planned_error
                return

    async def _chunks(self, since: datetime | None) -> AsyncIterator[bytes]:
        waker = asyncio.Event()
        self._wakers.add(waker)
        cuts, index = self._cuts, self._oldest
        try:
            while True:
                if self._cuts > cuts:
                    if self._cut_error is not None:
                        raise self._cut_error
                    return
                fresh, index = self._entries[index:], len(self._entries)
                data = b"".join(e.render() for e in fresh if since is None or e.at >= since)
                for start in range(0, len(data), CHUNK_BYTES):
                    yield data[start : start + CHUNK_BYTES]
                if index == len(self._entries):
                    if self._ended:
                        return
                    await waker.wait()
                    waker.clear()
        finally:
            self._wakers.discard(waker)

    def _wake(self) -> None:
        for waker in self._wakers:
            waker.set()


def _split(data: bytes) -> list[bytes]:
    """Lines by \\n alone: a container's runtime does not know of \\r."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
