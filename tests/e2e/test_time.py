"""A clock that jumps and drifts: never early, never double, what is late by policy."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from e2e.conftest import Json, Kubectl, Tenant, job, manifest, parse_time, wait_for
from e2e.local_operator import LocalOperator, run_operator
from e2e.operator_process import operator_away

EVERY = 5
JUMP = 60
# In this time jobs of every five seconds would start twice, were they to start.
LOOK_SECONDS = 12
# The story takes most of a minute, on a machine that may be busy.
pytestmark = pytest.mark.timeout(300)

POLICIES: dict[str, Json] = {
    "latest": {},
    "everything": {"missedRuns": {"policy": "All"}},
    "nothing": {"missedRuns": {"policy": "None"}},
}


@dataclass(frozen=True)
class Story:
    """What happened while the clock moved: starts by job, before and after the clock went back."""

    ledgers: dict[str, dict[datetime, Json]]
    kube_jobs: list[Json]
    starts_at_jump_back: int
    starts_while_back: int


@pytest.fixture(scope="module")
def story(
    tenant: Tenant, cluster: Kubectl, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    """Forward by a minute (a laptop asleep), back by it, forward again, then slowly back."""
    schedule = {"everySeconds": EVERY, "anchorTime": "2026-01-01T00:00:00Z"}
    tenant.kubectl.apply(
        *(manifest(job(n, schedule, "true", image=image, **rule)) for n, rule in POLICIES.items())
    )
    folder: Path = tmp_path_factory.mktemp("operator")
    namespace = tenant.kubectl.namespace
    with operator_away(cluster), run_operator(cluster, namespace, folder) as operator:
        _wait_for_starts(tenant, operator, after=_now())
        operator.move_clock(JUMP)
        _wait_for_starts(tenant, operator, after=_now() + timedelta(seconds=JUMP))
        operator.move_clock(0)
        time.sleep(1)  # what was being started when the clock moved
        before = len(_kube_jobs(tenant))
        time.sleep(LOOK_SECONDS)  # in which nothing may start
        while_back = len(_kube_jobs(tenant)) - before
        operator.move_clock(JUMP)
        _wait_for_starts(tenant, operator, after=_now() + timedelta(seconds=JUMP))
        for step in range(40):
            operator.move_clock(JUMP - step / 20)
            time.sleep(0.2)
        _wait_for_starts(tenant, operator, after=_now() + timedelta(seconds=JUMP))
        for name in POLICIES:
            tenant.kubectl.change(name, suspend=True)
        wait_for(
            lambda: all(tenant.api.status(name)["state"] == "Paused" for name in POLICIES),
            seconds=15,
            what="an end of the starts",
        )
        # By the API's own clock the newest seconds are still to come.
        until = f"{_now() + timedelta(seconds=JUMP):%Y-%m-%dT%H:%M:%SZ}"
        lines = {name: tenant.api.fates(name, every=EVERY, to=until) for name in POLICIES}
        return Story(lines, _kube_jobs(tenant), before, while_back)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _kube_jobs(tenant: Tenant) -> list[Json]:
    items: list[Json] = tenant.kubectl.json("get", "jobs")["items"]
    return items


def _wait_for_starts(tenant: Tenant, operator: LocalOperator, *, after: datetime) -> None:
    """Until each job has a start for a second after that."""

    def all_started() -> bool:
        operator.check_alive()
        newest = [tenant.api.status(name).get("lastTime") for name in POLICIES]
        return all(at is not None and parse_time(at) > after for at in newest)

    wait_for(all_started, seconds=40, what=f"a start of each job after {after}")


def _annotation(kube_job: Json, name: str) -> datetime:
    return parse_time(kube_job["metadata"]["annotations"][f"chronos.dev/{name}"])


def test_nothing_starts_while_the_clock_is_back(story: Story) -> None:
    assert story.starts_at_jump_back > 0
    assert story.starts_while_back == 0


def test_no_second_starts_before_its_time_and_none_twice(story: Story) -> None:
    seconds = Counter(
        (it["metadata"]["labels"]["chronos.dev/job"], _annotation(it, "scheduled-time"))
        for it in story.kube_jobs
    )
    assert len(seconds) > 3 * len(POLICIES)
    assert set(seconds.values()) == {1}
    for it in story.kube_jobs:
        assert _annotation(it, "start-time") >= _annotation(it, "scheduled-time")


@pytest.mark.parametrize("name", POLICIES)
def test_each_second_has_one_line_in_the_ledger(name: str, story: Story) -> None:
    seconds = list(story.ledgers[name])
    first = seconds[0]
    assert seconds == [first + timedelta(seconds=EVERY * n) for n in range(len(seconds))]


def _late(story: Story, name: str) -> dict[datetime, str]:
    """The fates of the seconds that the jump has left behind by more than a restart takes."""
    return {
        at: line["fate"]
        for at, line in story.ledgers[name].items()
        if (line.get("latenessMs") or 0) > 10_000
    }


def test_what_the_jump_left_behind_is_made_up_or_missed_by_policy(story: Story) -> None:
    everything, latest, nothing = (
        _late(story, name) for name in ("everything", "latest", "nothing")
    )
    assert len(everything) >= (JUMP - 15) // EVERY
    assert set(everything.values()) == {"Started"}
    assert set(nothing.values()) == {"Missed"}
    made_up = [at for at, fate in latest.items() if fate == "Started"]
    assert len(made_up) <= 1
    assert len(latest) - len(made_up) >= (JUMP - 20) // EVERY
