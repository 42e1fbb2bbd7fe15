"""An independent account of each scheduled second: from the ledgers in the cluster and the store,
and from what ever was created. It shares no code with the decisions it judges.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from chronos_clients.resources import EXECUTIONS, KUBE_JOBS, Object
from chronos_operator.testing.simulation import Simulation

Line = Mapping[str, Any]
# When a job's seconds are due, by the job's name: all up to the end of the run.
Timetables = Mapping[str, Sequence[datetime]]

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Ledger:
    """All that is told of a job's seconds, oldest first, and the gaps that it says it has."""

    lines: tuple[Line, ...]
    covered: tuple[tuple[datetime, datetime], ...]


def read_ledger(simulation: Simulation, job: str) -> Ledger:
    """The archive's segments with the job's status behind them."""
    body = simulation.job(job)
    status, uid = body.get("status") or {}, body["metadata"]["uid"]
    stored = [
        json.loads(simulation.store.objects[key])
        for key in sorted(simulation.store.objects)
        if key.startswith(f"ledger/default/{uid}/") and "/backfilled/" not in key
    ]
    segments = [it for it in stored if not any(_has_grown(it, other) for other in stored)]
    lines: list[Line] = [line for segment in segments for line in segment["lines"]]
    covered = [(_time(segment["from"]), _time(segment["until"])) for segment in segments]
    lines += status.get("ledger") or []
    if "ledgerFrom" in status:
        covered.append((_time(status["ledgerFrom"]), _time(status["cursorTime"])))
    return Ledger(tuple(lines), tuple(covered))


def _has_grown(segment: Object, other: Object) -> bool:
    """Whether the other is what became of the segment, which a store would not let go."""
    is_longer = _time(other["until"]) > _time(segment["until"])
    return (
        is_longer
        and _time(other["from"]) <= _time(segment["from"])
        and all(line in other["lines"] for line in segment["lines"])
    )


def find_unaccounted(simulation: Simulation, expected: Timetables) -> list[str]:
    """Sentences about each second that is told wrongly, doubly, or not at all; [] where none is."""
    found: list[str] = []
    for job, seconds in expected.items():
        ledger = read_ledger(simulation, job)
        cursor = _time(simulation.job(job)["status"]["cursorTime"])
        due = [second for second in seconds if second <= cursor]
        found += [f"{job}: {it}" for it in _wrong_order(ledger)]
        found += [f"{job}: {it}" for it in _wrong_counts(ledger, due)]
        found += [f"{job}: {it}" for it in _wrong_totals(simulation, job, ledger)]
        found += [f"{job}: {it}" for it in _wrong_starts(simulation, job, ledger)]
    return found


def _wrong_order(ledger: Ledger) -> Iterator[str]:
    for (_, until), (since, _) in pairwise(ledger.covered):
        if since != until:
            yield f"one part of the ledger ends at {until}, the next begins at {since}"
    for one, other in pairwise(ledger.lines):
        if _last(one) >= _time(other["time"]):
            yield f"two lines tell of one time: {one} and {other}"


def _wrong_counts(ledger: Ledger, due: Sequence[datetime]) -> Iterator[str]:
    """Each line must tell of as many seconds as lie within it, and each second lie in one."""
    told: set[datetime] = set()
    for line in ledger.lines:
        inside = {it for it in due if _time(line["time"]) <= it <= _last(line)}
        if len(inside) != line.get("count", 1) or not inside >= {_time(line["time"]), _last(line)}:
            yield f"{line} tells of other than the {len(inside)} seconds it spans"
        told |= inside
    for second in sorted(set(due) - told):
        yield f"{second:%d %H:%M:%S} is told by no line"


def _wrong_totals(simulation: Simulation, job: str, ledger: Ledger) -> Iterator[str]:
    sums: Counter[str] = Counter()
    for line in ledger.lines:
        fate = line["fate"]
        kind = "Skipped" if fate in ("Suspended", "Excluded") else fate
        sums[kind] += line.get("count", 1)
    status = simulation.job(job)["status"]
    for name in ("started", "missed", "skipped"):
        if status.get(name, 0) != sums[name.capitalize()]:
            yield f"counts {status.get(name)} {name}, its lines {sums[name.capitalize()]}"


def _wrong_starts(simulation: Simulation, job: str, ledger: Ledger) -> Iterator[str]:
    """What is told as started was, what is not was not; nothing before its second."""
    begun = {
        datetime.fromtimestamp(int(name.split("-")[-2]), UTC): at
        for name, at in _first_attempts(simulation, job)
    }
    spans = [(_time(it["time"]), _last(it)) for it in ledger.lines if it["fate"] == "Started"]
    for second, at in sorted(begun.items()):
        if not any(first <= second <= last for first, last in spans):
            yield f"{second:%H:%M:%S} was started, and its line does not say so"
        if at < second:
            yield f"{second:%H:%M:%S} was started {second - at} too early"
    for first, last in spans:
        if first not in begun or last not in begun:
            yield f"{first:%H:%M:%S} to {last:%H:%M:%S} is told as started, and never was"


def _first_attempts(simulation: Simulation, job: str) -> Iterator[tuple[str, datetime]]:
    """The first kube jobs of the schedule's seconds that ever were, in the order of creation."""
    births = simulation.cluster.births
    asked_for = {
        birth.name
        for birth in births
        if birth.resource == EXECUTIONS and birth.body["spec"]["trigger"] in ("Manual", "Backfill")
    }
    for birth in births:
        is_first = re.fullmatch(rf"{job}-[0-9]{{9,12}}-1", birth.name) is not None
        is_scheduled = birth.name.rpartition("-")[0] not in asked_for
        if birth.resource == KUBE_JOBS and is_first and is_scheduled:
            yield birth.name, birth.at


def find_doubles(simulation: Simulation) -> list[str]:
    """Each object that was made more than once under its name, and each pod that ran twice."""
    births = Counter(
        f"{birth.resource.kind} {birth.name}"
        for birth in simulation.cluster.births
        if birth.resource in (EXECUTIONS, KUBE_JOBS)
    )
    runs = Counter(f"the command of {name}" for name in simulation.kubelet.runs)
    return [f"{name}: {times} times" for name, times in (births + runs).items() if times > 1]


def find_overlaps(simulation: Simulation, limits: Mapping[str, int]) -> list[str]:
    """Each moment at which more pods of a job were there than its limit."""
    found = []
    for job, limit in limits.items():
        spans = [it for it in simulation.kubelet.spans.values() if _job_of(it.kube_job) == job]
        for span in spans:
            beside = [
                other.kube_job
                for other in spans
                if other.begun_at <= span.begun_at
                and (other.ended_at is None or other.ended_at > span.begun_at)
            ]
            if len(beside) > limit:
                found.append(f"{job}: {sorted(beside)} ran at {span.begun_at:%H:%M:%S.%f}")
    return found


def find_overtakings(simulation: Simulation, job: str) -> list[str]:
    """Each of the schedule's runs that was started after one of a later second."""
    begun = [name for name, _ in _first_attempts(simulation, job)]
    return [f"{other} came before {one}" for one, other in pairwise(begun) if one > other]


def _job_of(kube_job: str) -> str:
    """``hello-1772366400-1`` and ``hello-manual-abcde-1`` are of the job ``hello``."""
    return kube_job.split("-")[0]


def _last(line: Line) -> datetime:
    return _time(line.get("until") or line["time"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
