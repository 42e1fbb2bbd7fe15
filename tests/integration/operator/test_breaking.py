"""Whatever request fails, whenever the operator dies: at the end each second was started once.

One small story is played again and again; in each playing something befalls another one of the
operator's requests, until there are no more of them. The audit reads only what lies in the cluster
and the store at the end, and what ever was created.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from builders import NOON, build_spec_body
from chronos_clients.errors import (
    ClientError,
    Conflict,
    ServerTrouble,
    Throttled,
    Unreachable,
)
from chronos_clients.resources import EXECUTIONS, KUBE_JOBS
from chronos_operator.testing import (
    NAMESPACE,
    Command,
    Fault,
    Simulation,
    Weather,
    Wire,
    find_faults,
    run_in_virtual_time,
)

SECOND = timedelta(seconds=1)
# No story has nearly as many requests; one that has would never end.
MOST_REQUESTS = 400

# Each five seconds a short command, and one at noon that fails at first and prints for a while.
STORY = {
    "quick": build_spec_body(cron="0,5,10 0 12 1 3 ? 2026"),
    "flaky": build_spec_body(
        at=["2026-03-01T12:00:00Z"],
        retry={"maxAttempts": 3, "initialSeconds": 1, "factor": 2.0},
    ),
}
QUICK = [NOON + number * SECOND for number in (0, 5, 10)]
EXPECTED = {"quick": QUICK, "flaky": [NOON]}


def script(name: str) -> Command:
    if name.startswith("quick"):
        return Command(pieces=((0.2, f"{name}\n".encode()),), pending_seconds=0.2)
    lines = [(0.3, f"{name}: line {number} ".encode() * 3 + b"\n") for number in range(4)]
    return Command(pieces=(*lines, (0.1, b"no end")), exit_code=0 if name.endswith("-2") else 3)


async def begin() -> Simulation:
    """The cluster, with the story's jobs in it, a moment before noon."""
    simulation = Simulation(NOON - 0.5 * SECOND, script)
    for name, spec in STORY.items():
        await simulation.create_job(name, spec)
    return simulation


async def play_through(
    faults: Sequence[Fault], *, weather: Weather | None = None, latest: timedelta
) -> tuple[list[str], list[str]]:
    """Plays the story to its end, with a new operator after each death.

    What the audit found, and the requests of the first operator.
    """
    simulation = await begin()
    wires = [*(Wire(fault) for fault in faults), Wire()]
    for wire in wires:
        how = {} if weather is None else {"weather": weather, "resync_seconds": 10.0}
        if await simulation.serve_until(simulation.is_settled, within=180, wire=wire, **how):
            break
    await simulation.kubelet.close()
    found = find_faults(simulation, EXPECTED, latest=latest)
    if not simulation.is_settled():
        found.append("it never settled")
    return found, wires[0].requests


def play(fault: Fault | None, latest: timedelta) -> tuple[list[str], list[str]]:
    return run_in_virtual_time(play_through([fault] if fault else [], latest=latest))


def test_the_story_goes_well_when_nothing_happens() -> None:
    found, requests = play(None, timedelta(milliseconds=50))
    assert found == []
    assert 40 < len(requests) < MOST_REQUESTS
    verbs = {request.split()[0] for request in requests}
    assert verbs >= {"list", "create", "patch", "follow_log", "write", "complete"}


def play_with_each(
    make: Callable[[int], Fault], latest: timedelta, *, verbs: Sequence[str] = ()
) -> None:
    """Plays the story once for each request that the fault may befall; of those verbs only."""
    _, calm = play(None, latest)
    for number in range(1, MOST_REQUESTS):
        if verbs and number <= len(calm) and calm[number - 1].split()[0] not in verbs:
            continue
        fault = make(number)
        found, requests = play(fault, latest)
        befallen = requests[number - 1] if len(requests) >= number else "nothing"
        assert found == [], f"after request {number} ({befallen}) was hit by {fault}"
        if len(requests) < number:
            return
    raise AssertionError("the story never ends")


WRITES = ("create", "patch", "delete")
TROUBLES: list[tuple[str, ClientError, bool, float, tuple[str, ...]]] = [
    ("is answered with 429, wait a second", Throttled("429", 1.0), False, 2.5, ()),
    ("is answered with 500", ServerTrouble("HTTP 500"), False, 1.5, ()),
    ("is answered with 500 and takes effect", ServerTrouble("HTTP 500"), True, 1.5, ()),
    ("finds no connection", Unreachable("refused"), False, 1.5, ()),
    ("takes effect, but its answer is lost", Unreachable("timed out"), True, 1.5, ()),
    ("is answered with 409, changed meanwhile", Conflict("modified"), False, 1.5, WRITES),
]


@pytest.mark.parametrize(
    ("error", "carried_out", "latest", "verbs"),
    [row[1:] for row in TROUBLES],
    ids=[row[0] for row in TROUBLES],
)
def test_any_one_request(
    error: ClientError, carried_out: bool, latest: float, verbs: tuple[str, ...]
) -> None:
    play_with_each(
        lambda number: Fault(number, error, carried_out), timedelta(seconds=latest), verbs=verbs
    )


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
def test_the_operator_dies_and_another_comes(carried_out: bool) -> None:
    """At any request, before or after it has taken effect."""
    play_with_each(lambda number: Fault(number, None, carried_out), timedelta(seconds=1))


@pytest.mark.parametrize("seed", range(12))
def test_operators_die_one_after_the_other(seed: int) -> None:
    dice = random.Random(seed)
    faults = [Fault(dice.randrange(4, 40), None, dice.random() < 0.5) for _ in range(6)]
    found, _ = run_in_virtual_time(play_through(faults, latest=timedelta(seconds=2)))
    assert found == []


@pytest.mark.parametrize("seed", range(25))
def test_news_that_are_lost_doubled_late_and_mixed(seed: int) -> None:
    """What the watches lose, the listing finds; what they bring twice or late, harms nothing."""
    weather = Weather(seed=seed, lost=0.3, twice=0.3, latest_seconds=3.0)
    found, _ = run_in_virtual_time(
        play_through([], weather=weather, latest=timedelta(milliseconds=50))
    )
    assert found == []


def test_a_change_whose_news_are_lost_is_noticed_at_the_next_write() -> None:
    """A suspension that no watch tells of: the first status that is refused gives it away."""

    async def run() -> Simulation:
        simulation = Simulation(NOON - 0.5 * SECOND)
        await simulation.create_job("hello", build_spec_body(cron="*/2 * * * * *"))
        deaf = Weather(seed=0, lost=1.0)
        async with simulation.serving(weather=deaf, resync_seconds=3600.0):
            await simulation.sleep_until(NOON + 3 * SECOND)
            await simulation.change_job("hello", {"suspend": True})
            await simulation.sleep_until(NOON + 60 * SECOND)
        await simulation.kubelet.close()
        return simulation

    simulation = run_in_virtual_time(run())
    assert simulation.job("hello")["status"]["state"] == "Paused"
    assert len(simulation.kubelet.runs) <= 3


@pytest.mark.parametrize("seed", range(6))
def test_without_any_news_the_listing_alone_brings_everything_to_its_end(seed: int) -> None:
    weather = Weather(seed=seed, lost=1.0)
    found, _ = run_in_virtual_time(
        play_through([], weather=weather, latest=timedelta(milliseconds=50))
    )
    assert found == []


@pytest.mark.parametrize("seed", range(10))
def test_deaths_in_bad_weather(seed: int) -> None:
    dice = random.Random(seed)
    faults = [Fault(dice.randrange(4, 60), None, dice.random() < 0.5) for _ in range(3)]
    weather = Weather(seed=seed, lost=0.2, twice=0.3, latest_seconds=2.0)
    found, _ = run_in_virtual_time(
        play_through(faults, weather=weather, latest=timedelta(seconds=2))
    )
    assert found == []


@pytest.mark.parametrize("seed", range(8))
def test_two_operators_at_once_start_nothing_twice(seed: int) -> None:
    """A rolling update, or a node that only seemed to be gone: both are there for a while."""

    async def run() -> list[str]:
        simulation = await begin()
        weather = Weather(seed=seed, twice=0.2, latest_seconds=1.5)
        first = asyncio.create_task(
            simulation.serve_until(simulation.is_settled, within=180, resync_seconds=10.0)
        )
        await asyncio.sleep(seed / 4)
        second = await simulation.serve_until(
            simulation.is_settled, within=180, weather=weather, resync_seconds=10.0
        )
        assert await first
        assert second
        await simulation.kubelet.close()
        return find_faults(simulation, EXPECTED, latest=SECOND)

    assert run_in_virtual_time(run()) == []


def test_news_of_an_execution_that_are_late_do_not_cost_it_its_kube_job() -> None:
    """Another operator recorded a second; this one hears of the kube job and the cursor only."""

    async def run() -> list[str]:
        simulation = await begin()
        other = asyncio.create_task(
            simulation.serve_until(simulation.is_settled, within=180, resync_seconds=10.0)
        )
        deaf = Weather(seed=0, lost=1.0)
        await asyncio.sleep(0.2)
        async with simulation.serving(weather=deaf, resync_seconds=1000.0) as engine:
            await asyncio.sleep(0.1)
            engine.ticker.set(("job", "default", "quick"), None)
            engine.ticker.set(("job", "default", "flaky"), None)
            await simulation.sleep_until(NOON + SECOND)
            engine.sightings.saw_job(simulation.job("flaky"))
            for body in simulation.kube_jobs():
                engine.sightings.saw_kube_job(body)
            assert await other
        await simulation.kubelet.close()
        return find_faults(simulation, EXPECTED, latest=timedelta(milliseconds=50))

    assert run_in_virtual_time(run()) == []


def test_a_foreign_kube_job_is_told_by_whoever_comes_after_a_death() -> None:
    """The operator dies after it has recorded the execution and before why it did not start."""

    async def run(number: int) -> tuple[Simulation, Wire]:
        simulation = Simulation(NOON - 0.5 * SECOND)
        foreign = {"metadata": {"name": "one-1772366400-1"}, "spec": {}}
        simulation.cluster.seed(KUBE_JOBS, NAMESPACE, foreign)
        await simulation.create_job("one", build_spec_body(at=["2026-03-01T12:00:00Z"]))
        wire = Wire(Fault(number, None, carried_out=True))
        for it in (wire, Wire()):
            await simulation.serve_until(simulation.is_settled, within=60, wire=it)
        await simulation.kubelet.close()
        return simulation, wire

    for number in range(1, MOST_REQUESTS):
        simulation, wire = run_in_virtual_time(run(number))
        (execution,) = simulation.executions()
        (attempt,) = execution["status"]["attempts"]
        assert (attempt["outcome"], execution["status"]["state"]) == ("Denied", "Failed"), number
        assert "belongs to something else" in attempt["message"]
        assert simulation.kubelet.runs == []
        if not wire.is_dead:
            assert number > 10
            return


@pytest.mark.parametrize("error", [None, ServerTrouble("500")], ids=["dies", "is answered 500"])
@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
def test_what_history_keeps_no_longer_is_not_run_again(
    error: ClientError | None, carried_out: bool
) -> None:
    """The record of a second is what keeps it from running again; here it goes at once."""

    async def run(number: int) -> tuple[Simulation, Wire]:
        simulation = Simulation(NOON - 0.5 * SECOND, lambda _: Command(((0.1, b"x\n"),)))
        spec = build_spec_body(cron="0,2,4 0 12 1 3 ? 2026", history={"successful": 0, "failed": 0})
        await simulation.create_job("short", spec)
        wire = Wire(Fault(number, error, carried_out))
        for it in (wire, Wire()):
            if await simulation.serve_until(
                lambda: simulation.is_settled() and not simulation.executions(),
                within=90,
                wire=it,
            ):
                break
        await simulation.kubelet.close()
        return simulation, wire

    for number in range(1, MOST_REQUESTS):
        simulation, wire = run_in_virtual_time(run(number))
        births = [
            b.name for b in simulation.cluster.births if b.resource in (KUBE_JOBS, EXECUTIONS)
        ]
        assert len(births) == len(set(births)) == 6, (number, births)
        status = simulation.job("short")["status"]
        assert (status["started"], status["missed"]) == (3, 0)
        assert simulation.executions() == simulation.kube_jobs() == []
        if len(wire.requests) < number:
            return
    raise AssertionError("the story never ends")


STORES = [5, 30, 600]


@pytest.mark.parametrize("away", STORES)
def test_a_store_that_is_away_delays_no_start_and_no_retry_and_gets_the_logs_later(
    away: int,
) -> None:
    async def run() -> list[str]:
        simulation = await begin()
        simulation.store.fail_next("complete", Unreachable("no route"), times=100_000)
        served = asyncio.create_task(simulation.serve_until(simulation.is_settled, within=3000))
        await simulation.sleep_until(NOON + away * SECOND)
        simulation.store._planned.clear()
        assert await served
        await simulation.kubelet.close()
        return find_faults(simulation, EXPECTED, latest=timedelta(milliseconds=50))

    assert run_in_virtual_time(run()) == []


@pytest.mark.parametrize("step", [-7200.0, -30.0, -1.5, 1.5, 12.0])
def test_a_clock_that_is_set_makes_nothing_early_or_double(step: float) -> None:
    """Set once, seven seconds after noon; back or forward."""

    async def run() -> tuple[list[str], list[datetime]]:
        simulation = await begin()
        loop = asyncio.get_running_loop()

        def set_clock() -> None:
            simulation.clock.skew += timedelta(seconds=step)

        loop.call_later(7.5, set_clock)
        within = 180 + max(0.0, -step)
        assert await simulation.serve_until(simulation.is_settled, within=within)
        await simulation.kubelet.close()
        births = [b.at for b in simulation.cluster.births if b.name == "quick-1772366410-1"]
        return find_faults(simulation, EXPECTED, latest=timedelta(seconds=13)), births

    found, births = run_in_virtual_time(run())
    assert found == []
    assert len(births) == 1
