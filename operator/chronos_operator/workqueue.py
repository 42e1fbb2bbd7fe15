"""Keys that want to be looked at: each at most once in the queue and in one worker at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from chronos_clients.errors import ClientError, TemporaryError

K = TypeVar("K", bound=tuple[str, ...])

FIRST_DELAY_SECONDS = 0.2
# After an outage what is due starts within this.
LONGEST_DELAY_SECONDS = 5.0

log = logging.getLogger(__name__)


class WorkQueue(Generic[K]):
    """Calls ``work`` for each woken key; a key woken while in work is worked on once more after.

    A failure is tried again with growing delays, for ever: the key's own, no other's.
    """

    def __init__(self, work: Callable[[K], Awaitable[None]]) -> None:
        self._work = work
        self._ready: deque[K] = deque()
        self._queued: set[K] = set()
        self._running: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._retries: dict[K, asyncio.TimerHandle] = {}
        self._wakened = asyncio.Event()

    def add(self, key: K) -> None:
        """Wakes a key."""
        if key in self._running:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.append(key)
            self._wakened.set()

    async def run(self, workers: int) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._run_worker())

    async def _run_worker(self) -> None:
        while True:
            while not self._ready:
                self._wakened.clear()
                await self._wakened.wait()
            key = self._ready.popleft()
            self._queued.discard(key)
            self._running.add(key)
            try:
                await self._work(key)
                self._failures.pop(key, None)
            except TemporaryError as error:
                self._retry(key, error, error.retry_after or 0.0)
            except ClientError as error:
                self._retry(key, error, 1.0)
            except Exception as error:
                # One bad object degrades itself only.
                log.exception("reconcile failed", extra={"key": "/".join(key)})
                self._retry(key, error, 5.0)
            finally:
                self._running.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    def _retry(self, key: K, error: Exception, least: float) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures - 1, 10))
        delay = max(delay, least)
        log.warning(
            "reconcile will be tried again",
            extra={"key": "/".join(key), "error": str(error)[:500], "delay_seconds": delay},
        )
        pending = self._retries.pop(key, None)
        if pending is not None:
            pending.cancel()
        self._retries[key] = asyncio.get_running_loop().call_later(delay, self._wake_again, key)

    def _wake_again(self, key: K) -> None:
        self._retries.pop(key, None)
        self.add(key)
