"""Starts: at their second, never before it, never twice, none missing."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from e2e.conftest import Api, Json, Kubectl, job, manifest, parse_time, wait_for
from e2e.operator_process import kill_operator


def test_the_kube_job_of_a_one_time_job_exists_within_a_second_of_its_time(
    api: Api, kubectl: Kubectl, image: str
) -> None:
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    api.submit(job("at-a-time", {"at": [due_at.isoformat()]}, "date", image=image))
    name = f"at-a-time-{int(due_at.timestamp())}-1"
    seen_before = False
    while datetime.now(UTC) < due_at - timedelta(milliseconds=200):
        seen_before |= kubectl.run("get", "job", name).returncode == 0
    assert not seen_before, "the kube job existed before its time"
    created = wait_for(
        lambda: _get(kubectl, "job", name), seconds=10, what="the kube job at its time"
    )
    # The API server's own stamp has whole seconds: at T or T+1 is within a second of T.
    created_at = parse_time(created["metadata"]["creationTimestamp"])
    assert due_at <= created_at <= due_at + timedelta(seconds=1)
    started_at = parse_time(created["metadata"]["annotations"]["chronos.dev/start-time"])
    assert due_at <= started_at <= due_at + timedelta(seconds=1)
    assert api.wait_for_end("at-a-time")["state"] == "Succeeded"


def test_a_paused_job_starts_nothing_and_goes_on_when_resumed_without_making_up(
    api: Api, kubectl: Kubectl, image: str
) -> None:
    body = job("pause", {"cron": ["* * * * * *"]}, "true", image=image, suspend=True)
    kubectl.apply(manifest(body))
    wait_for(
        lambda: api.get("/jobs/pause")["status"].get("state") == "Paused",
        seconds=10,
        what="the job as Paused",
    )
    time.sleep(3)  # seconds that must not be started
    assert api.executions("pause") == []
    resumed_at = datetime.now(UTC)
    kubectl("patch", "chronosjob", "pause", "--type=merge", '-p={"spec":{"suspend":false}}')
    first = wait_for(
        lambda: next(reversed(api.executions("pause")), None), seconds=10, what="a first start"
    )
    kubectl("patch", "chronosjob", "pause", "--type=merge", '-p={"spec":{"suspend":true}}')
    assert parse_time(first["scheduledTime"]) >= resumed_at - timedelta(seconds=1)
    skipped = wait_for(
        lambda: api.get("/jobs/pause")["status"].get("skipped"), seconds=10, what="a count"
    )
    assert skipped >= 3


def test_a_deleted_job_leaves_nothing_behind(api: Api, kubectl: Kubectl, image: str) -> None:
    # A shell that ends when it is told to; sleep as a container's first process would not.
    command = ("sh", "-c", "trap 'exit 1' TERM; sleep 60 & wait")
    api.submit(job("gone", {"immediate": True}, *command, image=image))
    wait_for(
        lambda: any(it["state"] == "Running" for it in api.executions("gone")),
        seconds=30,
        what="a running execution",
    )
    assert api.request("DELETE", "/jobs/gone").status_code == 204
    wait_for(
        lambda: kubectl("get", "chx,jobs,pods", "-o", "name") == "",
        seconds=60,
        what="nothing left of the job",
    )


@pytest.mark.timeout(420)
def test_every_ten_seconds_for_three_minutes_gives_18_although_the_operator_is_killed_four_times(
    api: Api, cluster: Kubectl, kubectl: Kubectl, image: str
) -> None:
    first = datetime.fromtimestamp((int(time.time()) // 10 + 2) * 10, UTC)
    last = first + timedelta(seconds=170)
    expected = [first + timedelta(seconds=10 * index) for index in range(18)]
    made_up = {"missedRuns": {"policy": "All"}}
    api.submit(job("chaos", {"cron": ["*/10 * * * * *"]}, "date", image=image, **made_up))
    for offset in (13, 47, 91, 138):
        _sleep_until(first + timedelta(seconds=offset))
        kill_operator(cluster)
    _sleep_until(last)
    wait_for(lambda: set(expected) <= set(_ended(api, "chaos")), seconds=150, what="18 executions")
    counts = Counter(
        parse_time(it["scheduledTime"])
        for it in api.executions("chaos")
        if first <= parse_time(it["scheduledTime"]) <= last
    )
    assert counts == Counter(expected)
    kube_jobs = kubectl.json("get", "jobs")["items"]
    for due_at in expected:
        attempts = [it for it in kube_jobs if _scheduled_at(it) == due_at]
        assert len(attempts) == 1, f"{len(attempts)} kube jobs for {due_at}"
        assert parse_time(attempts[0]["metadata"]["creationTimestamp"]) >= due_at


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def _ended(api: Api, name: str) -> list[datetime]:
    return [
        parse_time(it["scheduledTime"]) for it in api.executions(name) if it["state"] == "Succeeded"
    ]


def _scheduled_at(kube_job: Json) -> datetime:
    return parse_time(kube_job["metadata"]["annotations"]["chronos.dev/scheduled-time"])


def _get(kubectl: Kubectl, kind: str, name: str) -> Json | None:
    done = kubectl.run("get", kind, name, "-o", "json")
    return kubectl.json("get", kind, name) if done.returncode == 0 else None
