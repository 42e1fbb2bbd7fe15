"""Everything at once, by chance: schedules, rules, calendars, what users do, and deaths.

Each seed is one play of some two minutes; it is the same each time. When one fails, play that seed
alone. The account that is drawn up afterwards shares no code with what it judges.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NOON, build_spec_body
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
FREEZE = {"weekly": [{"days": ["SUN"], "from": "12:00", "to": "12:01"}]}
# So many plays in each of so many tests.
TESTS, PLAYS = 10, 10

Act = Callable[[Simulation], Coroutine[Any, Any, Any]]


def at(seconds: float) -> datetime:
    return NOON + seconds * SECOND


@dataclass(frozen=True)
class Play:
    """What a throw of the dice has made."""

    spec: Object
    takes: float
    # The schedule after the edit, and when that comes; None: there is none.
    edited: Object | None
    edited_at: float
    acts: tuple[tuple[float, Act], ...]
    # At which request an operator dies, before or after its effect, and how long none is there.
    deaths: tuple[tuple[int, bool, float], ...]
    weather: Weather | None

    @property
    def policy(self) -> str:
        return str(self.spec["concurrency"]["policy"])


def throw_schedule(dice: random.Random) -> Object:
    seconds = ",".join(map(str, sorted(dice.sample(range(60), dice.randint(2, 14)))))
    schedule: Object = build_spec_body(cron=f"{seconds} 0-1 12 1 3 ? 2026")["schedule"]
    schedule["jitterSeconds"] = dice.choice([0, 0, 0, 4])
    if dice.random() < 0.3:
        schedule["excludeCalendars"] = ["freeze"]
    return schedule


def throw_spec(dice: random.Random) -> Object:
    policy = dice.choice(["Allow", "Forbid", "Replace", "Queue"])
    spec = build_spec_body(
        missedRuns={"policy": dice.choice(["Latest", "All", "None"])},
        concurrency={"policy": policy, "limit": 1 if policy == "Allow" else dice.randint(1, 2)},
        onResume=dice.choice(["Skip", "CatchUp"]),
    )
    spec["schedule"] = throw_schedule(dice)
    if dice.random() < 0.3:
        spec["history"] = {"successful": 0, "failed": 0}
    if dice.random() < 0.2:
        spec["startingDeadlineSeconds"] = dice.choice([3, 8])
    return spec


def change(**spec: Any) -> Act:
    return lambda simulation: simulation.change_job("hello", spec)


def by_hand(number: int) -> Act:
    return lambda simulation: simulation.run_by_hand("hello", f"hello-manual-{number}")


async def backfill(simulation: Simulation) -> None:
    for position, second in enumerate((-30, -20, -10), 1):
        await simulation.run_by_hand(
            "hello",
            f"hello-{int(at(second).timestamp())}",
            trigger="Backfill",
            scheduledTime=at(second).isoformat(),
            backfill={"id": "b", "position": position},
        )


def throw_pauses(dice: random.Random) -> list[tuple[float, Act]]:
    acts: list[tuple[float, Act]] = []
    if dice.random() < 0.5:
        begin = dice.uniform(1, 80)
        end = begin + dice.uniform(1, 30)
        acts += [(begin, change(suspend=True)), (end, change(suspend=False))]
    if dice.random() < 0.3:
        begin = dice.uniform(1, 80)
        acts.append((begin, change(pausedUntil=at(begin + 11).isoformat())))
    return acts


def throw_runs(dice: random.Random) -> list[tuple[float, Act]]:
    acts: list[tuple[float, Act]] = [
        (dice.uniform(0, 100), by_hand(number)) for number in range(dice.randint(0, 2))
    ]
    if dice.random() < 0.4:
        acts.append((dice.uniform(0, 60), backfill))
    return acts


def throw(seed: int) -> Play:
    dice = random.Random(seed)
    spec, pauses, acts = throw_spec(dice), throw_pauses(dice), throw_runs(dice)
    edited = throw_schedule(dice) if dice.random() < 0.6 else None
    # Between two seconds: which schedule a second belongs to is then beyond doubt.
    edited_at = dice.randint(1, 100) + 0.4
    if edited is not None:
        gone = {name: None for name in spec["schedule"] if name not in edited}
        acts.append((edited_at, change(schedule={**gone, **edited})))
        if any(moment > edited_at for moment, _ in pauses):
            # Where no operator was there, the edit would be taken to be as late as these.
            pauses = []
    bad = Weather(seed=seed, lost=0.2, twice=0.3, latest_seconds=1.0)
    return Play(
        spec=spec,
        takes=dice.choice([0.3, 1.0, 2.5, 7.0]),
        edited=edited,
        edited_at=edited_at,
        acts=tuple(sorted([*pauses, *acts], key=lambda act: act[0])),
        deaths=tuple(
            (dice.randint(1, 150), dice.random() < 0.5, dice.choice([0, 0, dice.uniform(0, 25)]))
            for _ in range(dice.randint(0, 4))
        ),
        # Where news are late an edit is heard of late, and what ran till then is nobody's fault.
        weather=bad if edited is None and dice.random() < 0.4 else None,
    )


async def act_out(play: Play, simulation: Simulation) -> None:
    for moment, act in play.acts:
        await simulation.sleep_until(at(moment))
        await act(simulation)


async def play_through(play: Play) -> list[str]:
    """What is wrong when all has come to its end."""
    simulation = Simulation(NOON - 0.5 * SECOND, lambda _: Command(((play.takes, b"x\n"),), 0, 0.1))
    await simulation.create_calendar("freeze", FREEZE)
    body = await simulation.create_job("hello", play.spec)
    user = asyncio.create_task(act_out(play, simulation))

    def is_over() -> bool:
        return user.done() and simulation.is_settled()

    how: Object = {"weather": play.weather, "resync_seconds": 10.0} if play.weather else {}
    for number, carried_out, away in play.deaths:
        wire = Wire(Fault(number, None, carried_out))
        await simulation.serve_until(is_over, within=50, wire=wire, **how)
        await asyncio.sleep(away)
    await simulation.serve_until(is_over, within=700)
    await user
    await simulation.kubelet.close()
    return find_wrongs(play, simulation, body)


def find_wrongs(play: Play, simulation: Simulation, body: Object) -> list[str]:
    found = [
        *find_unaccounted(simulation, {"hello": expected_seconds(play, body)}),
        *find_doubles(simulation),
    ]
    if play.policy != "Allow":
        found += find_overlaps(simulation, {"hello": play.spec["concurrency"]["limit"]})
    if play.policy == "Queue":
        found += find_overtakings(simulation, "hello")
    if not simulation.is_settled():
        found.append(f"it never came to rest: {simulation.job('hello')['status']['state']}")
    return found


def expected_seconds(play: Play, body: Object) -> list[datetime]:
    """The old schedule's seconds up to the edit, the new one's from there on."""
    meta = body["metadata"]
    created_at = datetime.fromisoformat(meta["creationTimestamp"])

    def between(schedule: Object, after: datetime, until: datetime) -> list[datetime]:
        model = Schedule.model_validate(schedule)
        times = build_timetable(model, created_at=created_at, uid=meta["uid"])
        return list(times.between(after, until))

    end = at(200)
    if play.edited is None:
        return between(play.spec["schedule"], created_at, end)
    edited_at = at(int(play.edited_at))
    before = between(play.spec["schedule"], created_at, edited_at)
    return [*before, *between(play.edited, edited_at, end)]


@pytest.mark.parametrize("number", range(TESTS))
def test_whatever_happens_each_second_is_told_once_and_no_rule_is_broken(number: int) -> None:
    for seed in range(number * PLAYS, (number + 1) * PLAYS):
        assert run_in_virtual_time(play_through(throw(seed))) == [], f"seed {seed}"
