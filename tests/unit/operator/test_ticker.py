"""The ticker: each key is woken once at its time, never before, whatever the clock does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from builders import NOON
from chronos_operator.testing import FakeClock, VirtualClock, run_in_virtual_time
from chronos_operator.ticker import Ticker

Key = tuple[str, ...]
A, B, C = ("a",), ("b",), ("c",)
SECOND = timedelta(seconds=1)


@dataclass
class Desk:
    """A ticker that runs, its clock, and the keys it has woken."""

    clock: FakeClock
    woken: list[Key] = field(default_factory=list)
    ticker: Ticker[Key] = field(init=False)

    def __post_init__(self) -> None:
        self.ticker = Ticker(self.clock, self.woken.append)

    async def settle(self) -> list[Key]:
        """Lets the ticker do all it wants to do now; what it has woken since the last time."""
        for _ in range(20):
            await asyncio.sleep(0)
        woken, self.woken[:] = list(self.woken), []
        return woken

    async def at(self, seconds: float) -> list[Key]:
        """Sets the clock to so many seconds after noon."""
        self.clock.set(NOON + seconds * SECOND)
        return await self.settle()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk(FakeClock(NOON))
    task = asyncio.create_task(desk.ticker.run())
    await desk.settle()
    yield desk
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_key_is_woken_at_its_time_and_never_before(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 5 * SECOND)
    assert await desk.at(4.999999) == []
    assert await desk.at(5) == [A]
    assert await desk.at(6) == []


async def test_a_key_whose_time_has_passed_is_woken_at_once(desk: Desk) -> None:
    desk.ticker.set(A, NOON - SECOND)
    assert await desk.settle() == [A]


async def test_keys_are_woken_in_the_order_of_their_times(desk: Desk) -> None:
    for key, seconds in ((B, 2), (C, 3), (A, 1)):
        desk.ticker.set(key, NOON + seconds * SECOND)
    assert await desk.at(9) == [A, B, C]


async def test_an_earlier_time_for_another_key_is_heeded_while_waiting(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 5 * SECOND)
    await desk.settle()
    desk.ticker.set(B, NOON + 2 * SECOND)
    assert await desk.at(2) == [B]
    assert await desk.at(5) == [A]


async def test_a_later_time_replaces_an_earlier_one(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 2 * SECOND)
    desk.ticker.set(A, NOON + 5 * SECOND)
    assert await desk.at(2) == []
    assert await desk.at(5) == [A]
    assert await desk.at(9) == []


async def test_an_earlier_time_replaces_a_later_one(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 5 * SECOND)
    desk.ticker.set(A, NOON + 2 * SECOND)
    assert await desk.at(2) == [A]
    assert await desk.at(5) == []


async def test_the_same_time_set_twice_wakes_once(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 2 * SECOND)
    desk.ticker.set(A, NOON + 2 * SECOND)
    assert await desk.at(2) == [A]


async def test_a_key_that_is_taken_back_is_not_woken(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 2 * SECOND)
    desk.ticker.set(A, None)
    desk.ticker.set(B, None)
    assert await desk.at(9) == []


async def test_a_key_taken_back_and_set_again_to_the_same_time_is_woken_once(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 2 * SECOND)
    desk.ticker.set(A, None)
    desk.ticker.set(A, NOON + 2 * SECOND)
    assert await desk.at(2) == [A]
    assert await desk.at(3) == []


async def test_a_woken_key_may_have_another_time(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 2 * SECOND)
    assert await desk.at(2) == [A]
    desk.ticker.set(A, NOON + 4 * SECOND)
    assert await desk.at(4) == [A]


async def test_a_key_set_by_the_waking_itself_is_heeded() -> None:
    clock, woken = FakeClock(NOON), []

    def wake(key: Key) -> None:
        woken.append(clock.now())
        if len(woken) < 3:
            ticker.set(key, clock.now() + SECOND)

    ticker: Ticker[Key] = Ticker(clock, wake)
    task = asyncio.create_task(ticker.run())
    ticker.set(A, NOON)
    for seconds in range(5):
        clock.set(NOON + seconds * SECOND)
        for _ in range(20):
            await asyncio.sleep(0)
    task.cancel()
    assert woken == [NOON, NOON + SECOND, NOON + 2 * SECOND]


async def test_a_clock_set_back_wakes_nothing_early(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 5 * SECOND)
    assert await desk.at(-3600) == []
    assert await desk.at(4.9) == []
    assert await desk.at(5) == [A]


async def test_a_clock_set_forward_wakes_all_that_is_due(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 5 * SECOND)
    desk.ticker.set(B, NOON + 3600 * SECOND)
    assert await desk.at(3600) == [A, B]


async def test_what_was_woken_is_not_woken_again_when_the_clock_is_set_back(desk: Desk) -> None:
    desk.ticker.set(A, NOON + 5 * SECOND)
    assert await desk.at(5) == [A]
    assert await desk.at(0) == []
    assert await desk.at(5) == []


@pytest.mark.parametrize(
    ("due", "now", "overdue"), [(5, 5, False), (5, 65, False), (5, 66, True), (None, 999, False)]
)
def test_whether_the_ticker_hangs(due: float | None, now: float, overdue: bool) -> None:
    ticker: Ticker[Key] = Ticker(FakeClock(NOON), lambda _: None)
    ticker.set(A, None if due is None else NOON + due * SECOND)
    assert ticker.overdue(NOON + now * SECOND, timedelta(seconds=60)) is overdue


def test_a_time_that_was_replaced_is_not_overdue() -> None:
    ticker: Ticker[Key] = Ticker(FakeClock(NOON), lambda _: None)
    ticker.set(A, NOON)
    ticker.set(A, NOON + 999 * SECOND)
    assert not ticker.overdue(NOON + 100 * SECOND, SECOND)


def test_replaced_times_do_not_pile_up() -> None:
    # Each minute's job is set anew each minute; a heap of what was would grow for ever.
    ticker: Ticker[Key] = Ticker(FakeClock(NOON), lambda _: None)
    for number in range(10_000):
        ticker.set(A, NOON + (20_000 - number) * SECOND)
        ticker.overdue(NOON, SECOND)
    assert len(ticker._heap) <= 65


def test_many_keys_with_changing_times_are_each_woken_once_at_theirs() -> None:
    dice = random.Random(1)

    async def run() -> list[tuple[Key, datetime]]:
        clock, woken = VirtualClock(NOON), []
        ticker: Ticker[Key] = Ticker(clock, lambda key: woken.append((key, clock.now())))
        task = asyncio.create_task(ticker.run())
        for key, times in wishes.items():
            for seconds in times:
                ticker.set(key, None if seconds is None else NOON + seconds * SECOND)
        await asyncio.sleep(1001)
        task.cancel()
        return woken

    wishes: dict[Key, list[int | None]] = {
        (str(number),): [
            None if dice.random() < 0.1 else dice.randrange(1, 1000)
            for _ in range(dice.randrange(1, 6))
        ]
        for number in range(2000)
    }
    woken = run_in_virtual_time(run())
    expected = {key: times[-1] for key, times in wishes.items() if times[-1] is not None}
    assert len(woken) == len(expected)
    for key, at in woken:
        lateness = at - (NOON + expected[key] * SECOND)
        assert timedelta() <= lateness < timedelta(milliseconds=1)
