"""Clocks that tests set, and an event loop in which waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from chronos_operator.clock import SystemClock

T = TypeVar("T")


class FakeClock:
    """Stands still until it is told to ``set`` or to ``advance``; may be set back."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        """What time it is now; wakes all who wait, as a wait may always return too soon."""
        self._now = now
        self._moved.set()
        self._moved = asyncio.Event()

    def advance(self, seconds: float) -> None:
        """Goes on by so many seconds."""
        self.set(self._now + timedelta(seconds=seconds))

    async def wait(self, event: asyncio.Event, until: datetime | None) -> None:
        if event.is_set() or (until is not None and until <= self._now):
            # As long as somebody always has work, nobody else would ever come to his.
            await asyncio.sleep(0)
            return
        waits = [asyncio.create_task(it.wait()) for it in (event, self._moved)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class VirtualClock(SystemClock):
    """Tells the time of the running loop, which began at ``start``; ``skew`` sets it off.

    Its waits are those of the real clock: only the loop's time is not real.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self.skew = timedelta()

    def now(self) -> datetime:
        passed = timedelta(seconds=asyncio.get_running_loop().time())
        return self._start + passed + self.skew


class NothingToWaitFor(RuntimeError):
    """All tasks wait for each other: in the real world this would hang for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Goes on to the next moment at which something is due as soon as nothing is left to do now.

    Sockets and threads have no place in it.
    """

    def __init__(self) -> None:
        self._virtual_seconds = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._virtual_seconds

    def jump(self, seconds: float) -> None:
        """Lets that much time pass at once."""
        self._virtual_seconds += seconds


class _JumpingSelector(selectors.BaseSelector):
    """Looks at the sockets there are without waiting, and lets the loop's time pass instead."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise NothingToWaitFor("every task waits, and nothing is due")
            self._loop.jump(timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in a loop of its own in which waiting takes no time.

    Raises NothingToWaitFor where it would wait for ever.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
