"""Concurrency: who runs beside whom, who waits, who is skipped, and what is said of it."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta

import pytest

from e2e.conftest import Api, Json, Tenant, job, manifest, parse_time, wait_for

EVERY = 4
STORY_SECONDS = 30
QUEUED_RUNS = 5
# Of what Kubernetes says about containers the times have whole seconds.
CUT = timedelta(seconds=1)
# A shell that ends when it is told to; sleep as a container's first process would not.
ENDLESS = ("sh", "-c", "trap 'exit 1' TERM; sleep 3600 & wait")

# The story takes half a minute; meanwhile another job becomes old enough for test_ledger.
pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("aging")]

JOBS: dict[str, tuple[tuple[str, ...], Json, Json]] = {
    "forbid": (("sleep", "6"), {"policy": "Forbid"}, {}),
    "forbid-two": (("sleep", "6"), {"policy": "Forbid", "limit": 2}, {}),
    "replace": (ENDLESS, {"policy": "Replace"}, {"everySeconds": 10}),
    "queue": (("sleep", "5"), {"policy": "Queue"}, {"maxRuns": QUEUED_RUNS}),
    "queue-full": (ENDLESS, {"policy": "Queue", "queueLimit": 1}, {}),
}


@pytest.fixture(scope="module")
def story(tenant: Tenant, image: str) -> Tenant:
    """Half a minute of jobs whose runs take longer than their interval; then no more ticks."""
    tenant.kubectl.apply(
        *(
            manifest(
                job(
                    name,
                    {"everySeconds": EVERY, **schedule},
                    *command,
                    image=image,
                    concurrency=concurrency,
                )
            )
            for name, (command, concurrency, schedule) in JOBS.items()
        )
    )
    time.sleep(STORY_SECONDS)  # ticks that must come
    for name in ("forbid", "forbid-two", "replace"):
        tenant.kubectl.change(name, suspend=True)
    return tenant


def _begun(api: Api, name: str) -> list[Json]:
    """The executions that were started, by the start of their first attempt."""
    begun = [it for it in api.executions(name) if it["attempts"]]
    return sorted(begun, key=lambda it: parse_time(it["attempts"][0]["startTime"]))


def _ended_at(execution: Json) -> datetime:
    """When its last attempt ended; the far future while it runs."""
    text = execution["attempts"][-1].get("completionTime")
    return parse_time(text) if text else datetime.max.replace(tzinfo=UTC)


def _started_at(execution: Json) -> datetime:
    return parse_time(execution["attempts"][0]["startTime"])


@pytest.mark.parametrize(("name", "limit"), [("forbid", 1), ("forbid-two", 2), ("queue", 1)])
def test_no_more_than_the_limit_run_at_a_time(name: str, limit: int, story: Tenant) -> None:
    begun = _begun(story.api, name)
    assert len(begun) >= 3
    for execution in begun:
        started_at = _started_at(execution)
        beside = [
            it
            for it in begun
            if _started_at(it) < started_at < _ended_at(it) - CUT and it["id"] != execution["id"]
        ]
        assert len(beside) < limit, f"{execution['id']} beside {[it['id'] for it in beside]}"


def test_forbid_records_what_it_skips_with_the_execution_in_the_way(story: Tenant) -> None:
    begun = {it["id"]: it for it in _begun(story.api, "forbid")}
    skipped = {
        at: line
        for at, line in story.api.fates("forbid", every=EVERY).items()
        if line["fate"] == "Skipped"
    }
    assert len(skipped) >= 3
    for at, line in skipped.items():
        assert line["reason"] == "Forbid"
        blocker = begun[line["name"]]
        assert _started_at(blocker) <= at + CUT
        assert _ended_at(blocker) >= at - CUT
    status = story.api.status("forbid")
    assert status["skipped"] >= len(skipped)
    (row,) = story.kubectl.rows("chronosjob", "forbid", "-o", "wide")
    assert int(row["SKIPPED"]) >= len(skipped)


def test_replace_ends_the_one_that_runs_and_starts_when_it_has_ended(story: Tenant) -> None:
    begun = _begun(story.api, "replace")
    assert len(begun) >= 3
    for older, newer in itertools.pairwise(begun):
        assert older["state"] == "Cancelled", older
        assert _ended_at(older) <= _started_at(newer) + CUT
        assert parse_time(older["scheduledTime"]) < parse_time(newer["scheduledTime"])
    fates = story.api.fates("replace", every=10)
    assert {line["fate"] for line in fates.values()} <= {"Started", "Suspended"}


def test_queue_starts_first_in_first_out_and_is_completed_after_the_last(story: Tenant) -> None:
    wait_for(
        lambda: story.api.status("queue")["state"] == "Completed",
        seconds=60,
        what="the queue's end",
    )
    begun = _begun(story.api, "queue")
    assert [it["state"] for it in begun] == ["Succeeded"] * QUEUED_RUNS
    scheduled = [parse_time(it["scheduledTime"]) for it in begun]
    assert scheduled == sorted(scheduled)
    steps = {after - before for before, after in itertools.pairwise(scheduled)}
    assert steps == {timedelta(seconds=EVERY)}
    lines = list(story.api.fates("queue", every=EVERY).values())
    assert [line["fate"] for line in lines] == ["Started"] * QUEUED_RUNS
    assert lines[-1]["latenessMs"] > 1000
    assert story.api.status("queue")["late"] >= 1


def test_a_full_queue_skips_what_comes_next(story: Tenant) -> None:
    states = [it["state"] for it in story.api.executions("queue-full")]
    assert states.count("Queued") == 1
    skipped = [
        line
        for line in story.api.fates("queue-full", every=EVERY).values()
        if line["fate"] == "Skipped"
    ]
    assert skipped
    assert {line["reason"] for line in skipped} == {"QueueFull"}


def test_a_run_by_hand_obeys_forbid_unless_it_says_otherwise(tenant: Tenant, image: str) -> None:
    api = tenant.api
    schedule = {"at": ["2099-12-31T23:59:59Z"]}
    concurrency = {"policy": "Forbid"}
    api.submit(job("by-hand", schedule, *ENDLESS, image=image, concurrency=concurrency))
    first = api.post("/jobs/by-hand/trigger", {}, status=201)["id"]
    wait_for(lambda: _state(api, first) == "Running", seconds=30, what="the first as Running")
    second = api.post("/jobs/by-hand/trigger", {}, status=201)["id"]
    wait_for(lambda: _state(api, second) == "Skipped", seconds=15, what="the second as Skipped")
    skipped = api.get(f"/executions/{second}")
    assert skipped["reason"] == "Forbid"
    assert first in skipped["message"]
    third = api.post("/jobs/by-hand/trigger", {"concurrency": "Ignore"}, status=201)["id"]
    wait_for(lambda: _state(api, third) == "Running", seconds=30, what="the third as Running")
    assert _state(api, first) == "Running"


def _state(api: Api, execution: str) -> str | None:
    state: str | None = api.get(f"/executions/{execution}").get("state")
    return state
