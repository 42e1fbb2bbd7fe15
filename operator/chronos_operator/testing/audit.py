"""An independent audit: reads only what lies in the cluster and the store, and what ever was.

It shares no code with the decisions it judges.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from chronos_clients.resources import EXECUTIONS, KUBE_JOBS, Object
from chronos_operator.testing.simulation import Simulation

# When a job's seconds are due, by the job's name.
Timetables = Mapping[str, Sequence[datetime]]


def find_faults(
    simulation: Simulation, expected: Timetables, *, latest: timedelta = timedelta(seconds=1)
) -> list[str]:
    """Sentences about all that is wrong after a run in which every one of ``expected`` was to be
    started, each at most ``latest`` after its second; [] where nothing is."""
    return [
        *_wrong_seconds(simulation, expected),
        *_doubled(simulation),
        *_wrong_starts(simulation, latest),
        *_wrong_ends(simulation),
        *_wrong_logs(simulation),
        *_wrong_counts(simulation, expected),
    ]


def _wrong_seconds(simulation: Simulation, expected: Timetables) -> Iterator[str]:
    for job, seconds in expected.items():
        found = Counter(_time(body["spec"]["scheduledTime"]) for body in simulation.executions(job))
        for second in sorted({*seconds, *found}):
            wanted = 1 if second in seconds else 0
            if found[second] != wanted:
                yield f"{job} has {found[second]} executions at {second:%H:%M:%S}, not {wanted}"


def _doubled(simulation: Simulation) -> Iterator[str]:
    """Each object that was ever made more than once under its name, and each pod run twice."""
    births = Counter(
        (birth.resource.kind, birth.name)
        for birth in simulation.cluster.births
        if birth.resource in (EXECUTIONS, KUBE_JOBS)
    )
    for (kind, name), times in births.items():
        if times > 1:
            yield f"{kind} {name} was created {times} times"
    for name, times in Counter(simulation.kubelet.runs).items():
        if times > 1:
            yield f"the command of {name} was run {times} times"


def _wrong_starts(simulation: Simulation, latest: timedelta) -> Iterator[str]:
    for birth in simulation.cluster.births:
        if birth.resource != KUBE_JOBS:
            continue
        second = _time(birth.body["metadata"]["annotations"]["chronos.dev/scheduled-time"])
        lateness = birth.at - second
        if lateness < timedelta():
            yield f"{birth.name} was created {-lateness} before its second"
        is_first = birth.body["metadata"]["labels"]["chronos.dev/attempt"] == "1"
        if is_first and lateness > latest:
            yield f"{birth.name} was created {lateness} after its second"


def _wrong_ends(simulation: Simulation) -> Iterator[str]:
    """Each execution that did not end as its commands did."""
    for body in simulation.executions():
        name, status = body["metadata"]["name"], body.get("status") or {}
        attempts = status.get("attempts") or []
        numbers = [attempt["number"] for attempt in attempts]
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            yield f"{name} has attempts {numbers}"
            continue
        codes = [simulation.script(attempt["name"]).exit_code for attempt in attempts]
        if [attempt.get("exitCode") for attempt in attempts] != codes:
            yield f"{name} records other exit codes than {codes}: {attempts}"
        wanted = "Failed" if codes[-1] else "Succeeded"
        if status["state"] != wanted:
            yield f"{name} ended as {status['state']}, not {wanted}: {status}"
        most = 1 if not codes[-1] else body["spec"]["retry"]["maxAttempts"]
        if (codes[-1] and len(codes) != most) or not all(codes[:-1]):
            yield f"{name} had {len(codes)} attempts, exit codes {codes}"


def _wrong_logs(simulation: Simulation) -> Iterator[str]:
    known = {
        attempt["name"]: attempt.get("log") or {}
        for body in simulation.executions()
        for attempt in (body.get("status") or {}).get("attempts") or []
    }
    for name, log in known.items():
        wanted = simulation.script(name).output
        stored = simulation.store.objects.get(log.get("key", ""))
        if stored != wanted:
            yield f"the log of {name} is {stored!r} in the store, not {wanted!r}"
        digest = hashlib.sha256(wanted).hexdigest()
        if (log.get("bytes"), log.get("sha256")) != (len(wanted), digest):
            yield f"the log of {name} is recorded as {log}"
        if not log.get("complete"):
            yield f"the log of {name} is called incomplete: {log.get('message')}"
    keys = {log.get("key") for log in known.values()}
    for key in simulation.store.objects:
        if key not in keys and not key.startswith("ledger/"):
            yield f"{key} lies in the store and in no record"


def _wrong_counts(simulation: Simulation, expected: Timetables) -> Iterator[str]:
    for job, seconds in expected.items():
        status = simulation.job(job).get("status") or {}
        counts = {name: status.get(name) for name in ("started", "missed", "skipped", "active")}
        if counts != {"started": len(seconds), "missed": 0, "skipped": 0, "active": 0}:
            yield f"{job} counts {counts}, not {len(seconds)} started"
        if seconds and _time(status["cursorTime"]) < max(seconds):
            yield f"{job} is accounted for only up to {status['cursorTime']}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def describe(executions: Sequence[Object]) -> list[str]:
    """Each execution in one line, for the message of a failed test."""
    return [
        f"{body['metadata']['name']} {(body.get('status') or {}).get('state')} "
        f"{(body.get('status') or {}).get('reason')}"
        for body in executions
    ]
