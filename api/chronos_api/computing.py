"""Computations off the event loop, with bounds: others wait no longer because one asks for much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chronos_api.clock import Clock
from chronos_api.errors import RETRY_SECONDS, TooCostly

T = TypeVar("T")

# Python runs one of them at a time; more threads would only make all of them slower.
THREADS = 2


class Budget:
    """How much CPU the thread that builds it may go on to take."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._end = clock.cpu() + seconds

    def is_spent(self) -> bool:
        """Whether it is time to stop."""
        return self._clock.cpu() >= self._end


class Computer:
    """Runs computations in threads of its own; what takes long has another one than what must
    not wait for it."""

    def __init__(self, *, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compute")

    async def run(self, work: Callable[[], T], *, seconds: float) -> T:
        """What ``work`` returns or raises; raises TooCostly where it is not done in time.

        A thread cannot be stopped: ``work`` itself must be bounded.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._pool, work)
        except TimeoutError as error:
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise TooCostly(f"not computed within {seconds:g} s", headers=headers) from error
