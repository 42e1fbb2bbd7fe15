"""Computations off the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from chronos_api.clock import SystemClock
from chronos_api.computing import Budget, Computer
from chronos_api.errors import TooCostly


async def test_what_is_computed_comes_back_from_another_thread() -> None:
    here = threading.get_ident()
    assert await Computer().run(threading.get_ident, seconds=5) != here


async def test_what_is_raised_comes_back() -> None:
    def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError):
        await Computer().run(fail, seconds=5)


async def test_the_loop_goes_on_meanwhile_and_waits_no_longer_than_told() -> None:
    release = threading.Event()
    computer = Computer()
    with pytest.raises(TooCostly) as caught:
        await computer.run(lambda: release.wait(30), seconds=0.05)
    assert caught.value.headers["Retry-After"]
    release.set()
    assert await computer.run(lambda: 1, seconds=5) == 1


async def test_a_budget_counts_the_cpu_of_its_own_thread() -> None:
    def spend() -> tuple[bool, bool]:
        budget = Budget(SystemClock(), 0.01)
        before = budget.is_spent()
        while not budget.is_spent():
            sum(range(1000))
        return before, budget.is_spent()

    assert await asyncio.wait_for(Computer().run(spend, seconds=10), 10) == (False, True)
    idle = Budget(SystemClock(), 0.01)
    await asyncio.sleep(0.05)
    assert not idle.is_spent()
