"""The clocks: the real one waits no longer than it must, those of tests do as they are told."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import pytest

from builders import NOON
from chronos_operator.clock import LONGEST_WAIT_SECONDS, SystemClock
from chronos_operator.testing import FakeClock, VirtualClock, run_in_virtual_time
from chronos_operator.testing.clock import NothingToWaitFor


def test_the_real_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


@pytest.mark.parametrize(
    ("until", "passes"),
    [(None, LONGEST_WAIT_SECONDS), (0.25, 0.25), (0.0, 0.0), (-5.0, 0.0), (900.0, 1.0)],
)
def test_a_wait_is_as_long_as_until_the_time_and_never_longer_than_a_second(
    until: float | None, passes: float
) -> None:
    # A laptop may sleep, a clock may be set: whoever waits looks again each second.
    async def wait() -> float:
        clock = VirtualClock(NOON)
        until_at = None if until is None else NOON + timedelta(seconds=until)
        await clock.wait(asyncio.Event(), until_at)
        return (clock.now() - NOON).total_seconds()

    assert run_in_virtual_time(wait()) == pytest.approx(passes, abs=1e-6)


def test_a_wait_ends_when_its_event_is_set() -> None:
    async def wait() -> float:
        clock, event = VirtualClock(NOON), asyncio.Event()
        asyncio.get_running_loop().call_later(0.125, event.set)
        await clock.wait(event, None)
        return (clock.now() - NOON).total_seconds()

    assert run_in_virtual_time(wait()) == pytest.approx(0.125)


def test_hours_pass_at_once_in_virtual_time() -> None:
    async def sleep() -> timedelta:
        clock = VirtualClock(NOON)
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(7200))
        return clock.now() - NOON

    assert run_in_virtual_time(sleep()) == timedelta(hours=2)


def test_tasks_that_wait_for_each_other_for_ever_are_noticed() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingToWaitFor):
        run_in_virtual_time(wait())


async def test_a_fake_clock_wakes_whoever_waits_when_it_is_set() -> None:
    clock = FakeClock(NOON)
    waits = asyncio.create_task(clock.wait(asyncio.Event(), NOON + timedelta(seconds=5)))
    await asyncio.sleep(0)
    assert not waits.done()
    clock.advance(2)
    await waits
    assert clock.now() == NOON + timedelta(seconds=2)


async def test_a_fake_clock_does_not_wait_for_what_is_past() -> None:
    await FakeClock(NOON).wait(asyncio.Event(), NOON)
