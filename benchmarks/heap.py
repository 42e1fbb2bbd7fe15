"""What it costs to rebuild the heap of due times after a restart, from cold caches.

    .venv/bin/python benchmarks/heap.py

Reads 1,500 distinct expressions in four zones, shared by 10,000 and by 100,000 jobs, asks each for
its next scheduled second and makes the heap. Each repetition is a process of its own, so nothing is
remembered; CPU time, not the watch; medians. croniter answers for the same expressions as the peer.
Exits with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify
from zoneinfo import ZoneInfo

ZONES = ("Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
DISTINCT = 1_500
NOW = datetime(2026, 3, 28, 12, 0, 7, tzinfo=UTC)
REPETITIONS = 5
# CPU seconds, by the number of jobs.
GOALS = {10_000: 0.5, 100_000: 3.0}


@dataclass(frozen=True)
class Fleet:
    """Jobs as (expression, zone, when it was stored, up to where it is accounted for)."""

    jobs: list[tuple[str, str, datetime, datetime]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The distinct expressions with their zones, in the order of the jobs."""
        return list(dict.fromkeys((text, zone) for text, zone, _, _ in self.jobs))


def build_fleet(size: int) -> Fleet:
    """The same fleet for the same size; expressions of the shapes that people write."""
    chance = random.Random(size)  # noqa: S311 - no secret, the same draw each time
    texts: dict[str, None] = {}
    while len(texts) < DISTINCT:
        texts[_draw_expression(chance)] = None
    known = list(texts)
    return Fleet(
        [
            (
                chance.choice(known),
                chance.choice(ZONES),
                NOW - timedelta(seconds=chance.randrange(86_400, 86_400 * 400)),
                NOW - timedelta(seconds=chance.randrange(60)),
            )
            for _ in range(size)
        ]
    )


def _draw_expression(chance: random.Random) -> str:
    minute, hour = chance.randrange(60), chance.randrange(24)
    shapes = (
        f"{minute} {hour} * * *",
        f"{minute} {hour} * * MON-FRI",
        f"{minute} {hour} {chance.randrange(1, 29)} * *",
        f"{minute} * * * *",
        f"{minute}/{chance.choice((5, 10, 15, 20, 30))} * * * *",
        f"{minute} {chance.randrange(3)}-{chance.randrange(4, 24)} * * SAT,SUN",
        f"{minute} {hour} 1 */3 *",
        f"{minute} {hour},{(hour + 11) % 24} * {chance.randrange(1, 13)} *",
        f"{chance.randrange(60)} {minute} {hour} * * *",
        f"*/{chance.choice((5, 10, 15, 30))} {minute} * * * *",
    )
    return chance.choice(shapes)


def measure_chronos(size: int) -> dict[str, float]:
    """CPU seconds for the whole heap in this process, which must not have done it before."""
    # Imported here, so that the processes that only measure croniter carry nothing of it.
    from chronos_crds.schedule import Schedule
    from chronos_crds.timetable import build_timetable

    fleet = build_fleet(size)
    schedules = [
        Schedule.model_validate({"cron": [text], "timeZone": zone})
        for text, zone, _, _ in fleet.jobs
    ]
    start = time.process_time()
    heap = []
    for number, (job, schedule) in enumerate(zip(fleet.jobs, schedules, strict=True)):
        times = build_timetable(schedule, created_at=job[2], uid=str(number))
        due = times.next_after(job[3])
        if due is not None:
            heap.append((due, number))
    heapify(heap)
    spent = time.process_time() - start
    assert len(heap) == size, "each job has a next time"
    return {"heap": spent}


def measure_pairs(size: int) -> dict[str, float]:
    """CPU seconds for each distinct expression and zone once: Chronos and croniter side by side."""
    from croniter import croniter

    from chronos_crds.schedule import Schedule
    from chronos_crds.timetable import build_timetable

    pairs = build_fleet(size).pairs
    schedules = [
        Schedule.model_validate({"cron": [text], "timeZone": zone}) for text, zone in pairs
    ]
    starts = [NOW.astimezone(ZoneInfo(zone)) for _, zone in pairs]

    def ask_chronos() -> None:
        for schedule in schedules:
            assert build_timetable(schedule, created_at=NOW).next_after(NOW) is not None

    def ask_croniter() -> None:
        for (text, _), start in zip(pairs, starts, strict=True):
            peer = croniter(text, start, ret_type=datetime, second_at_beginning=True)
            assert peer.get_next() is not None

    return {
        "pairs": len(pairs),
        "chronos": _cpu_seconds(ask_chronos),
        "croniter": _cpu_seconds(ask_croniter),
    }


def _cpu_seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


MEASURES: dict[str, Callable[[int], dict[str, float]]] = {
    "heap": measure_chronos,
    "pairs": measure_pairs,
}


def _medians(measure: str, size: int) -> dict[str, float]:
    """The medians over processes that each start cold."""
    runs = []
    for _ in range(REPETITIONS):
        done = subprocess.run(
            [sys.executable, __file__, "--measure", measure, "--size", str(size)],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        runs.append(json.loads(done.stdout))
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--measure", choices=sorted(MEASURES), help="one measure, in this process")
    parser.add_argument("--size", type=int, default=10_000, help="how many jobs")
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(MEASURES[given.measure](given.size)))
        return 0
    is_met = True
    for size, goal in GOALS.items():
        spent = _medians("heap", size)["heap"]
        is_met = is_met and spent < goal
        word = "met" if spent < goal else "MISSED"
        print(
            f"{size:>7,} jobs, {DISTINCT:,} expressions, {len(ZONES)} zones: {spent:.3f} s of CPU "
            f"({spent / size * 1e6:.0f} us a job; goal {goal} s: {word})"
        )
    peer = _medians("pairs", 10_000)
    each = {name: peer[name] / peer["pairs"] * 1e6 for name in ("chronos", "croniter")}
    print(
        f"read, build and ask {peer['pairs']:,.0f} distinct pairs once: {each['chronos']:.0f} us "
        f"each, croniter {each['croniter']:.0f} us: {each['croniter'] / each['chronos']:.1f} times"
    )
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
