"""The work queue: each key once at a time, failures back off, and none holds up another."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from chronos_clients.errors import Conflict, ServerTrouble, Throttled
from chronos_operator.testing import run_in_virtual_time
from chronos_operator.workqueue import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, WorkQueue

Key = tuple[str, ...]
A, B = ("a",), ("b",)


def working(
    work: Callable[[Key], Awaitable[None]],
    act: Callable[[WorkQueue[Key]], Coroutine[Any, Any, None]],
    *,
    workers: int = 4,
) -> None:
    """Runs a queue with that work while ``act`` uses it."""

    async def run() -> None:
        queue = WorkQueue(work)
        task = asyncio.create_task(queue.run(workers))
        await act(queue)
        assert not task.done(), "the workers outlive everything"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_in_virtual_time(run())


def now() -> float:
    return asyncio.get_running_loop().time()


class Log:
    """Work that takes a while, and a record of when it was done."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.begun: list[tuple[Key, float]] = []
        self.running: list[Key] = []
        self.most = 0
        self.failures: dict[Key, list[Exception]] = {}

    async def work(self, key: Key) -> None:
        assert key not in self.running, "the same key is in two workers"
        self.running.append(key)
        self.most = max(self.most, len(self.running))
        self.begun.append((key, now()))
        try:
            await asyncio.sleep(self.seconds)
            if self.failures.get(key):
                raise self.failures[key].pop(0)
        finally:
            self.running.remove(key)

    def times(self, key: Key) -> list[float]:
        return [at for known, at in self.begun if known == key]


def test_a_key_added_twice_is_worked_on_once() -> None:
    log = Log()

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        queue.add(A)
        await asyncio.sleep(10)

    working(log.work, act)
    assert log.begun == [(A, 0.0)]


def test_a_key_woken_while_it_is_worked_on_is_worked_on_once_more_after() -> None:
    log = Log()

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        await asyncio.sleep(0.5)
        queue.add(A)
        queue.add(A)
        await asyncio.sleep(10)

    working(log.work, act)
    assert log.times(A) == [0.0, 1.0]


def test_several_keys_are_worked_on_side_by_side_up_to_the_workers() -> None:
    log = Log()

    async def act(queue: WorkQueue[Key]) -> None:
        for number in range(8):
            queue.add((str(number),))
        await asyncio.sleep(10)

    working(log.work, act, workers=3)
    assert log.most == 3
    assert [at for _, at in log.begun] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert [key for key, _ in log.begun] == [(str(number),) for number in range(8)]


def test_many_wakings_of_one_key_never_take_a_second_worker() -> None:
    log = Log(seconds=0.1)

    async def act(queue: WorkQueue[Key]) -> None:
        for _ in range(100):
            queue.add(A)
            queue.add(B)
            await asyncio.sleep(0.03)

    working(log.work, act, workers=8)
    assert len(log.times(A)) > 20
    assert log.most == 2


def test_a_failure_is_tried_again_with_growing_delays_without_end() -> None:
    log = Log(seconds=0)
    log.failures[A] = [ServerTrouble("500")] * 9

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        await asyncio.sleep(100)

    working(log.work, act)
    times = log.times(A)
    delays = [round(later - earlier, 6) for earlier, later in itertools.pairwise(times)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert (FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS) == (0.2, 5.0)


def test_a_success_forgets_the_failures_before_it() -> None:
    log = Log(seconds=0)
    log.failures[A] = [ServerTrouble("500")] * 3

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        await asyncio.sleep(10)
        log.failures[A] = [ServerTrouble("500")]
        queue.add(A)
        await asyncio.sleep(10)

    working(log.work, act)
    assert log.times(A)[-2:] == [10.0, 10.2]


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (Throttled("429", retry_after=7.0), 7.0),
        (Throttled("429"), 0.2),
        (Conflict("409"), 1.0),
        (ZeroDivisionError("a bug"), 5.0),
    ],
    ids=["asked to wait", "asked to wait, not for how long", "refused", "a bug of ours"],
)
def test_each_failure_waits_at_least(error: Exception, least: float) -> None:
    log = Log(seconds=0)
    log.failures[A] = [error]

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        await asyncio.sleep(20)

    working(log.work, act)
    assert log.times(A) == [0.0, pytest.approx(least)]


def test_a_key_that_fails_does_not_hold_up_another() -> None:
    log = Log(seconds=0)
    log.failures[A] = [ValueError("bad object")] * 1000

    async def act(queue: WorkQueue[Key]) -> None:
        for _ in range(50):
            queue.add(A)
            queue.add(B)
            await asyncio.sleep(1)

    working(log.work, act, workers=1)
    assert len(log.times(B)) == 50


def test_a_failed_key_that_is_woken_is_worked_on_at_once() -> None:
    log = Log(seconds=0)
    log.failures[A] = [Throttled("429", retry_after=60.0)]

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        await asyncio.sleep(3)
        queue.add(A)
        await asyncio.sleep(100)

    working(log.work, act)
    assert log.times(A)[:2] == [0.0, 3.0]


def test_a_key_woken_while_its_work_fails_is_worked_on_again() -> None:
    log = Log(seconds=1)
    log.failures[A] = [ServerTrouble("500")]

    async def act(queue: WorkQueue[Key]) -> None:
        queue.add(A)
        await asyncio.sleep(0.5)
        queue.add(A)
        await asyncio.sleep(20)

    working(log.work, act)
    assert log.times(A)[:2] == [0.0, 1.0]
