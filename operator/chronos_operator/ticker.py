"""The only loop that waits for a due time: one heap for all jobs and all retries."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from chronos_operator.clock import Clock

K = TypeVar("K", bound=tuple[str, ...])


class Ticker(Generic[K]):
    """Wakes each key once when its time has come, never before.

    A key has at most one time; setting another replaces it. Times lie in memory only: whoever sets
    them computes them anew from the cluster after a restart.
    """

    def __init__(self, clock: Clock, wake: Callable[[K], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._heap: list[tuple[datetime, K]] = []
        self._due_at: dict[K, datetime] = {}
        self._changed = asyncio.Event()

    def set(self, key: K, due_at: datetime | None) -> None:
        """Wakes the key at that time instead of any set before; None: not at all."""
        if due_at is None:
            self._due_at.pop(key, None)
            return
        if self._due_at.get(key) == due_at:
            return
        self._due_at[key] = due_at
        heapq.heappush(self._heap, (due_at, key))
        if self._heap[0][0] == due_at:
            self._changed.set()

    def overdue(self, now: datetime, grace: timedelta) -> bool:
        """Whether a key waits that should have been woken more than ``grace`` ago."""
        self._drop_stale()
        return bool(self._heap) and now - self._heap[0][0] > grace

    async def run(self) -> None:
        """Waits and wakes until cancelled."""
        while True:
            self._changed.clear()
            now = self._clock.now()
            while (due := self._next()) is not None and due[0] <= now:
                heapq.heappop(self._heap)
                del self._due_at[due[1]]
                self._wake(due[1])
            await self._clock.wait(self._changed, due[0] if due is not None else None)

    def _next(self) -> tuple[datetime, K] | None:
        self._drop_stale()
        return self._heap[0] if self._heap else None

    def _drop_stale(self) -> None:
        # A replaced time stays in the heap until it surfaces; rebuild when those are the most.
        while self._heap and self._due_at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._due_at):
            self._heap = [(due_at, key) for key, due_at in self._due_at.items()]
            heapq.heapify(self._heap)
