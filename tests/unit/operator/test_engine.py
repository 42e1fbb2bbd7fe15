"""The engine: begins once all was listed, lives while starts happen, and ends cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from builders import NOON, build_spec_body
from chronos_clients.errors import Denied, NotFound, Unreachable
from chronos_operator.probes import serve_probes
from chronos_operator.testing import Command, Simulation, run_in_virtual_time

SECOND = timedelta(seconds=1)


def play(act: Callable[[Simulation], Coroutine[Any, Any, None]], **fields: Any) -> Simulation:
    held: list[Simulation] = []

    async def run() -> None:
        simulation = Simulation(NOON - 0.5 * SECOND, **fields)
        held.append(simulation)
        await act(simulation)
        await simulation.kubelet.close()

    run_in_virtual_time(run())
    return held[0]


def test_it_begins_only_once_everything_was_listed() -> None:
    # What is not known must not be started again; and kopf looks for the CRDs only once.
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="* * * * * *"))
        simulation.cluster.fail_next("list", NotFound("no CRDs yet"), times=5)
        async with simulation.serving():
            assert simulation.clock.now() >= NOON + 4 * SECOND
            assert simulation.cluster.calls_of("list")[-1].what == "pods"

    play(act)


def test_it_is_alive_while_nothing_is_overdue() -> None:
    async def act(simulation: Simulation) -> None:
        async with simulation.serving() as engine:
            assert engine.is_alive()
            engine.ticker.set(("job", "default", "x"), simulation.clock.now() + 5 * SECOND)
            await asyncio.sleep(600)
            assert engine.is_alive()

    play(act)


def test_it_is_not_alive_when_the_ticker_hangs() -> None:
    async def act(simulation: Simulation) -> None:
        async with simulation.serving() as engine:
            next(task for task in engine._tasks if task.get_name() == "ticker").cancel()
            await asyncio.sleep(1)
            assert not engine.is_alive()

    play(act)


@pytest.mark.parametrize("name", ["resync", "work", "ticker"])
def test_it_is_not_alive_without_one_of_its_loops(name: str) -> None:
    async def act(simulation: Simulation) -> None:
        async with simulation.serving() as engine:
            next(task for task in engine._tasks if task.get_name() == name).cancel()
            await asyncio.sleep(0.1)
            assert not engine.is_alive()

    play(act)


def test_a_store_that_is_away_at_the_start_gets_its_bucket_later() -> None:
    async def act(simulation: Simulation) -> None:
        simulation.store.fail_next("ensure_bucket", Unreachable("no route"), times=3)
        async with simulation.serving() as engine:
            await asyncio.sleep(12)
            assert not simulation.store.has_bucket
            assert engine.is_alive()
            await asyncio.sleep(12)
            assert simulation.store.has_bucket
            assert engine.is_alive(), "a task that is done with its work is not missed"

    play(act)


def test_a_store_without_rights_delays_no_start() -> None:
    async def act(simulation: Simulation) -> None:
        simulation.store.fail_next("ensure_bucket", Denied("no such key id"), times=1000)
        await simulation.create_job("hello", build_spec_body(at=["2026-03-01T12:00:00Z"]))
        async with simulation.serving():
            await simulation.sleep_until(NOON + SECOND)
            assert len(simulation.kube_jobs()) == 1

    play(act)


def test_it_ends_whatever_is_under_way() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(at=["2026-03-01T12:00:00Z"]))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 5 * SECOND)
            assert simulation.store.open_uploads == 1
        await simulation.kubelet.close()
        mine = asyncio.current_task()
        assert [task for task in asyncio.all_tasks() if task is not mine] == []

    simulation = play(act, script=lambda _: Command(pieces=((0.1, b"x"), (9000, b"y"))))
    assert simulation.store.open_uploads == 0


@pytest.mark.parametrize(("good", "status"), [(True, 200), (False, 503)])
async def test_the_probes_answer(unused_tcp_port: int, good: bool, status: int) -> None:
    async with (
        serve_probes(unused_tcp_port, is_alive=lambda: good, is_ready=lambda: not good),
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"http://127.0.0.1:{unused_tcp_port}/healthz") as answer:
            assert answer.status == status
        async with session.get(f"http://127.0.0.1:{unused_tcp_port}/readyz") as answer:
            assert answer.status == (503 if good else 200)
        async with session.get(f"http://127.0.0.1:{unused_tcp_port}/") as answer:
            assert answer.status == 404
