"""The rules of starting, with an operator that dies: whatever is repeated, each second is told
once, none runs twice, and no rule is broken.

Small stories are played again and again; in each playing the operator dies at another one of its
requests, before or after it has taken effect, and another one comes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOON, build_spec_body
from chronos_clients.errors import ClientError, ServerTrouble, Unreachable
from chronos_clients.resources import Object
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import build_timetable
from chronos_operator.testing import (
    Command,
    Fault,
    Simulation,
    Weather,
    Wire,
    find_doubles,
    find_overlaps,
    find_overtakings,
    find_unaccounted,
    run_in_virtual_time,
)

SECOND = timedelta(seconds=1)
MOST_REQUESTS = 300
Act = Callable[[Simulation], Coroutine[Any, Any, None]]


def at(seconds: float) -> datetime:
    return NOON + seconds * SECOND


def job(seconds: str, policy: str = "Allow", **fields: Any) -> Object:
    cron = f"{seconds} 0 12 1 3 ? 2026"
    return build_spec_body(cron=cron, concurrency={"policy": policy}, **fields)


async def nothing(_: Simulation) -> None:
    return


@dataclass(frozen=True)
class Story:
    """A job, how long its commands take, what its user does, and what must be so at the end."""

    spec: Object
    seconds: Sequence[float]
    takes: Callable[[str], float] = lambda _: 1.2
    act: Act = nothing
    limit: int | None = None
    in_order: bool = False
    states: Callable[[list[str]], bool] = lambda states: set(states) <= {"Succeeded"}
    runs: int | None = None


async def by_hand(simulation: Simulation) -> None:
    await simulation.sleep_until(at(0.6))
    await simulation.run_by_hand("hello", "hello-manual-one")
    await simulation.run_by_hand("hello", "hello-manual-two")


async def backfill(simulation: Simulation) -> None:
    await simulation.sleep_until(at(0.2))
    for position, second in enumerate((-30, -20, -10), 1):
        await simulation.run_by_hand(
            "hello",
            f"hello-{int(at(second).timestamp())}",
            trigger="Backfill",
            scheduledTime=at(second).isoformat(),
            backfill={"id": "b", "position": position},
        )


async def edit(simulation: Simulation) -> None:
    await simulation.sleep_until(at(2.4))
    await simulation.change_job("hello", {"schedule": {"cron": ["5,7 0 12 1 3 ? 2026"]}})


async def pause(simulation: Simulation) -> None:
    await simulation.sleep_until(at(1.4))
    await simulation.change_job("hello", {"suspend": True})
    await simulation.sleep_until(at(4.4))
    await simulation.change_job("hello", {"suspend": False})


def replaced(name: str) -> float:
    """Those before the last one would take for ever."""
    return 1.0 if "6404" in name else 60.0


STORIES = {
    "forbid": Story(job("0,2,4", "Forbid"), (0, 2, 4), takes=lambda _: 2.7, limit=1),
    "queue": Story(job("0,1,2", "Queue"), (0, 1, 2), limit=1, in_order=True, runs=3),
    "queue, of which history keeps nothing": Story(
        job("0,1,2", "Queue", history={"successful": 0, "failed": 0}),
        (0, 1, 2),
        limit=1,
        in_order=True,
        runs=3,
    ),
    "replace": Story(
        job("0,2,4", "Replace"),
        (0, 2, 4),
        takes=replaced,
        limit=1,
        in_order=True,
        states=lambda states: states[-1] == "Succeeded" and "Failed" not in states,
    ),
    "by hand": Story(job("0", "Queue"), (0,), act=by_hand, limit=1, runs=3),
    "backfill": Story(job("0", "Queue"), (0,), act=backfill, limit=1, runs=4),
    "edit": Story(job("0,2,4"), (0, 2, 5, 7), act=edit, takes=lambda _: 0.3, runs=4),
    "pause": Story(job("0,2,4,6"), (0, 2, 4, 6), act=pause, takes=lambda _: 0.3, runs=2),
}


async def play_through(
    story: Story, faults: Sequence[Fault], weather: Weather | None = None
) -> tuple[list[str], list[str]]:
    """Plays a story to its end; what is wrong, and the requests of the first operator."""

    def script(name: str) -> Command:
        return Command(((story.takes(name), b"x\n"),), 0, 0.1)

    simulation = Simulation(NOON - 0.5 * SECOND, script)
    await simulation.create_job("hello", story.spec)
    user = asyncio.create_task(story.act(simulation))
    wires = [*(Wire(fault) for fault in faults), Wire()]
    how: dict[str, Any] = {} if weather is None else {"weather": weather, "resync_seconds": 10.0}
    for wire in wires:
        done = lambda: user.done() and simulation.is_settled()  # noqa: E731 - of this story alone
        if await simulation.serve_until(done, within=150, wire=wire, **how):
            break
    await user
    await simulation.kubelet.close()
    return find_wrongs(simulation, story), wires[0].requests


def find_wrongs(simulation: Simulation, story: Story) -> list[str]:
    found = [
        *find_unaccounted(simulation, {"hello": [at(n) for n in story.seconds]}),
        *find_doubles(simulation),
    ]
    if story.limit is not None:
        found += find_overlaps(simulation, {"hello": story.limit})
    if story.in_order:
        found += find_overtakings(simulation, "hello")
    states = [(body.get("status") or {}).get("state") for body in simulation.executions()]
    if not simulation.is_settled():
        found.append(f"it never settled: {states}")
    elif not story.states(states):
        found.append(f"its executions ended as {states}")
    if story.runs is not None and len(simulation.kubelet.runs) != story.runs:
        found.append(f"{len(simulation.kubelet.runs)} ran: {simulation.kubelet.runs}")
    return found


def play(story: Story, *faults: Fault) -> tuple[list[str], list[str]]:
    return run_in_virtual_time(play_through(story, faults))


@pytest.mark.parametrize("name", STORIES)
def test_a_story_goes_well_when_nothing_happens(name: str) -> None:
    found, requests = play(STORIES[name])
    assert found == []
    assert 15 < len(requests) < MOST_REQUESTS


def befall_each(story: Story, make: Callable[[int], Fault]) -> None:
    for number in range(1, MOST_REQUESTS):
        found, requests = play(story, make(number))
        befallen = requests[number - 1] if len(requests) >= number else "nothing"
        assert found == [], f"after request {number} ({befallen}) was hit by {make(number)}"
        if len(requests) < number:
            return
    raise AssertionError("the story never ends")


@pytest.mark.parametrize("carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_the_operator_dies_and_another_comes(name: str, carried_out: bool) -> None:
    befall_each(STORIES[name], lambda number: Fault(number, None, carried_out))


LOST: list[tuple[str, ClientError, bool]] = [
    ("answered 500", ServerTrouble("HTTP 500"), False),
    ("its answer lost", Unreachable("timed out"), True),
]


@pytest.mark.parametrize(
    ("error", "carried_out"), [row[1:] for row in LOST], ids=[row[0] for row in LOST]
)
@pytest.mark.parametrize("name", ["replace", "by hand"])
def test_any_one_request_goes_wrong(name: str, error: ClientError, carried_out: bool) -> None:
    befall_each(STORIES[name], lambda number: Fault(number, error, carried_out))


# What runs until an edit is heard of depends on the weather.
UNEDITED = [name for name in STORIES if name not in ("edit", "pause")]


@pytest.mark.parametrize("name", UNEDITED)
@pytest.mark.parametrize("seed", range(4))
def test_operators_die_in_bad_weather(name: str, seed: int) -> None:
    """News are lost, doubled, mixed and late."""
    dice = random.Random(seed)
    faults = [Fault(dice.randrange(4, 40), None, dice.random() < 0.5) for _ in range(3)]
    weather = Weather(seed=seed, lost=0.2, twice=0.3, latest_seconds=1.0)
    found, _ = run_in_virtual_time(play_through(STORIES[name], faults, weather))
    assert found == []


# --- whatever is asked for, and whenever the operator dies

SCHEDULES = st.fixed_dictionaries(
    {
        "seconds": st.sets(st.integers(0, 25), min_size=1, max_size=10),
        "jitter": st.sampled_from([0, 0, 0, 4]),
        "max_runs": st.sampled_from([None, None, 3]),
    }
)
POLICIES = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(["Allow", "Forbid", "Replace", "Queue"]),
        "limit": st.integers(1, 2),
        "missed": st.sampled_from(["Latest", "All", "None"]),
        "deadline": st.sampled_from([None, None, 5]),
    }
)
DEATHS = st.lists(st.tuples(st.integers(1, 60), st.booleans(), st.floats(0, 14)), max_size=3)


async def play_random(
    schedule: Any, policy: Any, deaths: list[tuple[int, bool, float]], takes: float
) -> list[str]:
    seconds = ",".join(map(str, sorted(schedule["seconds"])))
    spec = build_spec_body(
        cron=f"{seconds} 0 12 1 3 ? 2026",
        missedRuns={"policy": policy["missed"]},
        concurrency={
            "policy": policy["policy"],
            "limit": 1 if policy["policy"] == "Allow" else policy["limit"],
        },
        **({"startingDeadlineSeconds": policy["deadline"]} if policy["deadline"] else {}),
    )
    spec["schedule"] |= {"jitterSeconds": schedule["jitter"]}
    if schedule["max_runs"] is not None:
        spec["schedule"] |= {"maxRuns": schedule["max_runs"]}
    simulation = Simulation(NOON - 0.5 * SECOND, lambda _: Command(((takes, b"x\n"),), 0, 0.1))
    body = await simulation.create_job("hello", spec)
    for number, carried_out, away in deaths:
        wire = Wire(Fault(number, None, carried_out))
        await simulation.serve_until(simulation.is_settled, within=60, wire=wire)
        await asyncio.sleep(away)
    await simulation.serve_until(simulation.is_settled, within=600)
    await simulation.kubelet.close()
    created_at = datetime.fromisoformat(body["metadata"]["creationTimestamp"])
    times = build_timetable(
        Schedule.model_validate(spec["schedule"]),
        created_at=created_at,
        uid=body["metadata"]["uid"],
    )
    expected = list(times.between(created_at - SECOND, at(60)))
    found = [*find_unaccounted(simulation, {"hello": expected}), *find_doubles(simulation)]
    if policy["policy"] != "Allow":
        found += find_overlaps(simulation, {"hello": policy["limit"]})
    if policy["policy"] == "Queue":
        found += find_overtakings(simulation, "hello")
    if not simulation.is_settled():
        found.append("it never settled")
    status = simulation.job("hello")["status"]
    if schedule["max_runs"] is not None and status["started"] > schedule["max_runs"]:
        found.append(f"{status['started']} were started")
    return found


@settings(max_examples=120, deadline=None, derandomize=True)
@given(schedule=SCHEDULES, policy=POLICIES, deaths=DEATHS, takes=st.sampled_from([0.3, 2.5, 7.0]))
def test_whatever_is_asked_for_and_whenever_it_dies(
    schedule: Any, policy: Any, deaths: list[tuple[int, bool, float]], takes: float
) -> None:
    assert run_in_virtual_time(play_random(schedule, policy, deaths, takes)) == []


def test_the_word_about_a_log_comes_though_pod_and_operator_went_and_patience_too() -> None:
    """The run was ended when nobody was there; whoever comes finds no pod, and all time over."""

    async def run() -> Simulation:
        simulation = Simulation(NOON - 0.5 * SECOND, lambda _: Command(((60.0, b"x\n"),), 0, 0.1))
        await simulation.create_job("hello", job("0,2", "Replace"))
        is_cancelled = "activeDeadlineSeconds"
        await simulation.serve_until(
            lambda: any(is_cancelled in it["spec"] for it in simulation.kube_jobs()), within=10
        )
        await asyncio.sleep(60)
        await simulation.serve_until(simulation.is_settled, within=200)
        await simulation.kubelet.close()
        return simulation

    simulation = run_in_virtual_time(run())
    assert simulation.is_settled()
    (attempt,) = simulation.executions()[0]["status"]["attempts"]
    assert (attempt["outcome"], attempt["log"]["complete"]) == ("Cancelled", False)
