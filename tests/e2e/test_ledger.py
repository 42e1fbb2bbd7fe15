"""The ledger answers for any period: from the cluster, from the archive, or that it is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from e2e.conftest import (
    Aging,
    Api,
    Json,
    Kubectl,
    Tenant,
    job,
    manifest,
    parse_time,
    wait_for,
)

# From 64 lines on the older ones go to the archive.
LINES = 75


@dataclass(frozen=True)
class Story:
    """A job of every second, old enough for an archive."""

    api: Api
    kubectl: Kubectl
    created_at: datetime


@pytest.fixture(scope="module")
def story(aging: Aging) -> Story:
    """More than 64 started seconds, then a pause."""
    api = aging.tenant.api
    wait_for(
        lambda: api.status("busy").get("started", 0) >= LINES, seconds=LINES + 45, what="lines"
    )
    api.post("/jobs/busy/pause", {"note": "enough"})
    wait_for(lambda: api.status("busy")["state"] == "Paused", seconds=10, what="a pause")
    return Story(api, aging.tenant.kubectl, aging.created_at)


@pytest.mark.timeout(180)
def test_the_ledger_joins_the_archive_and_the_cluster_without_a_gap(story: Story) -> None:
    fates = story.api.fates("busy", every=1)
    seconds = list(fates)
    assert seconds[0] == story.created_at + timedelta(seconds=1)
    assert seconds == [seconds[0] + timedelta(seconds=n) for n in range(len(seconds))]
    started = [at for at, line in fates.items() if line["fate"] == "Started"]
    assert len(started) >= LINES
    totals = story.api.ledger("busy")["totals"]
    assert totals["started"] == len(started)


def test_most_of_it_lies_in_the_archive(story: Story) -> None:
    stored = story.kubectl.json("get", "chronosjob", "busy")["status"]
    assert parse_time(stored["ledgerFrom"]) > story.created_at + timedelta(seconds=30)
    assert len(stored["ledger"]) < 64


def test_a_pause_is_told_although_nothing_is_written_meanwhile(story: Story) -> None:
    paused_at = datetime.now(UTC)
    wait_for(
        lambda: any(
            line["fate"] == "Suspended"
            and parse_time(line.get("until") or line["time"]) > paused_at
            for line in story.api.ledger("busy")["lines"]
        ),
        seconds=10,
        what="a line about the pause",
    )


@pytest.mark.parametrize("limit", ["1", "7", "500"])
def test_pages_of_any_size_tell_the_same(limit: str, story: Story) -> None:
    period = {
        "from": _stamp(story.created_at),
        "to": _stamp(story.created_at + timedelta(seconds=40)),
    }
    lines = story.api.ledger("busy", limit=limit, **period)["lines"]
    assert [line["time"] for line in lines] == [
        _stamp(story.created_at + timedelta(seconds=n)) for n in range(1, 41)
    ]


def test_periods_that_are_not_known_are_named(story: Story) -> None:
    before = story.created_at - timedelta(days=1)
    after = datetime.now(UTC) + timedelta(days=1)
    answer = story.api.ledger("busy", **{"from": _stamp(before), "to": _stamp(after)})
    unknown = [
        (parse_time(it["from"]), parse_time(it["to"]), it["why"]) for it in answer["unknown"]
    ]
    assert len(unknown) == 2, unknown
    (_, until, why_early), (since, _, why_late) = unknown
    assert until <= story.created_at + timedelta(seconds=1)
    assert since >= story.created_at + timedelta(seconds=LINES)
    assert why_early
    assert why_late
    assert why_early != why_late


def test_a_second_that_started_names_its_execution_as_long_as_that_is_there(
    tenant: Tenant, image: str
) -> None:
    api = tenant.api
    tenant.kubectl.apply(manifest(job("named", {"immediate": True}, "true", image=image)))
    execution = api.wait_for_end("named")
    (line,) = api.ledger("named")["lines"]
    assert line["time"] == execution["scheduledTime"]
    told = {"id": execution["id"], "state": "Succeeded", "trigger": "Immediate"}
    assert line["execution"] == told


@pytest.mark.parametrize(
    ("period", "parameter"),
    [
        pytest.param({"from": "yesterday"}, "from", id="no time"),
        pytest.param(
            {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "to", id="backwards"
        ),
        pytest.param({"limit": "0"}, "limit", id="a page of nothing"),
    ],
)
def test_a_period_that_cannot_be_read_is_refused(
    period: dict[str, str], parameter: str, story: Story
) -> None:
    answer = story.api.request("GET", "/jobs/busy/ledger", params=period)
    assert answer.status_code == 422, answer.text
    errors: list[Json] = answer.json()["errors"]
    assert parameter in {error.get("parameter") for error in errors}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
