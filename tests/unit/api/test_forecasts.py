"""Forecasts over REST: what starts, by minute, and what does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chronos_api.decide import forecast
from chronos_api.schemas.forecasts import Forecast
from chronos_clients.errors import Denied
from chronos_clients.resources import CALENDARS, JOBS
from chronos_crds.meta import parse_time
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

URL = "/api/v1/forecast"
# The clock stands at 2026-03-28T09:30:00Z, a Saturday.


async def store(
    api: httpx.AsyncClient, name: str, schedule: Json, tenant: str = "default", **more: Any
) -> None:
    body = job_body(name, schedule=schedule, **more)
    answer = await api.post("/api/v1/jobs", params={"tenant": tenant}, json=body)
    assert answer.status_code == 201, answer.text


async def lose_calendar(world: World, name: str) -> None:
    """Lets the job name a calendar that is not there."""
    body = {"spec": {"schedule": {"excludeCalendars": ["none"]}}}
    await world.kubernetes.patch(JOBS, "default", name, body)


async def ask(api: httpx.AsyncClient, **params: str) -> Json:
    answer = await api.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    parse_model(Forecast, told)
    assert told["total"] == sum(it["count"] for it in told["minutes"])
    return told


def minutes(told: Json) -> list[tuple[str, int]]:
    return [(it["time"][11:16], it["count"]) for it in told["minutes"]]


async def test_an_hour_of_three_jobs(api: httpx.AsyncClient) -> None:
    await store(api, "often", {"everySeconds": 20})
    await store(api, "quarterly", {"cron": ["*/15 * * * *"]})
    await store(api, "once", {"at": ["2026-03-28T09:45:30Z"]})
    told = await ask(api, to="2026-03-28T09:46:00Z")
    # From 09:30:20 on; 09:30 has two of them, each later minute three.
    assert minutes(told) == [("09:30", 2)] + [(f"09:{it}", 3) for it in range(31, 45)] + [
        ("09:45", 5)
    ]
    assert told["peaks"][0] == {
        "time": "2026-03-28T09:45:00Z",
        "count": 5,
        "jobs": [
            {"tenant": "default", "name": "often", "count": 3},
            {"tenant": "default", "name": "once", "count": 1},
            {"tenant": "default", "name": "quarterly", "count": 1},
        ],
    }
    assert len(told["peaks"]) == 10
    assert (told["jobs"], told["truncated"], "incomplete" in told) == (3, [], False)


@pytest.mark.parametrize(
    ("schedule", "more", "counts"),
    [
        pytest.param({"cron": ["0 * * * *"]}, {}, [("10:00", 1), ("11:00", 1)], id="hourly"),
        pytest.param(
            {"cron": ["0 * * * *"]}, {"suspend": True}, [], id="what is paused starts nothing"
        ),
        pytest.param(
            {"cron": ["0 * * * *"]},
            {"pausedUntil": "2026-03-28T10:30:00Z"},
            [("11:00", 1)],
            id="a pause that ends underway",
        ),
        pytest.param(
            {"cron": ["0 * * * *"]},
            {"pausedUntil": "2026-03-28T12:00:00Z"},
            [],
            id="a pause that outlasts the period",
        ),
        pytest.param(
            {"cron": ["0 * * * *"], "endTime": "2026-03-28T10:00:00Z"},
            {},
            [("10:00", 1)],
            id="a window that ends",
        ),
        pytest.param(
            {"cron": ["* * * * *"], "maxRuns": 2}, {}, [("09:31", 1), ("09:32", 1)], id="two runs"
        ),
        pytest.param(
            {"cron": ["0 * * * *"], "excludeCalendars": ["freeze"]},
            {},
            [("11:00", 1)],
            id="a calendar",
        ),
        pytest.param({"immediate": True}, {}, [("09:30", 1)], id="what has just been stored"),
    ],
)
async def test_what_starts_within_two_hours(
    world: World,
    api: httpx.AsyncClient,
    schedule: Json,
    more: Json,
    counts: list[tuple[str, int]],
) -> None:
    spec = {"weekly": [{"days": ["SAT"], "from": "09:00", "to": "10:30"}]}
    world.kubernetes.seed(CALENDARS, "default", {"metadata": {"name": "freeze"}, "spec": spec})
    await store(api, "hello", schedule, **more)
    assert minutes(await ask(api, to="2026-03-28T11:30:00Z")) == counts


async def test_jobs_that_start_nothing_are_counted_by_their_reason(
    world: World, api: httpx.AsyncClient
) -> None:
    hourly = {"cron": ["0 * * * *"]}
    await store(api, "paused", hourly, suspend=True)
    await store(api, "spent", {**hourly, "maxRuns": 1})
    await store(api, "ended", hourly)
    await store(api, "lost", hourly)
    await lose_calendar(world, "lost")
    for name, status in (("spent", {"started": 1}), ("ended", {"state": "Completed"})):
        body = {"status": status}
        await world.kubernetes.patch(JOBS, "default", name, body, subresource="status")
    spec = {**job_body(), "schedule": {"cron": ["61 * * * *"]}}
    del spec["name"]
    world.kubernetes.seed(JOBS, "default", {"metadata": {"name": "bad"}, "spec": spec})
    told = await ask(api)
    assert (told["jobs"], told["paused"], told["completed"], told["invalid"]) == (5, 1, 2, 2)
    assert told["minutes"] == []


async def test_runs_before_the_period_use_up_numbers(api: httpx.AsyncClient) -> None:
    await store(api, "three", {"cron": ["0 * * * *"], "maxRuns": 3})
    told = await ask(api, **{"from": "2026-03-28T11:30:00Z"})
    assert minutes(told) == [("12:00", 1)]


async def test_seconds_of_a_pause_use_up_none(api: httpx.AsyncClient) -> None:
    schedule = {"cron": ["0 * * * *"], "maxRuns": 3}
    await store(api, "three", schedule, pausedUntil="2026-03-28T10:30:00Z")
    told = await ask(api, **{"from": "2026-03-28T11:30:00Z"})
    assert minutes(told) == [("12:00", 1), ("13:00", 1)]


async def test_jitter_moves_what_starts(api: httpx.AsyncClient) -> None:
    for number in range(40):
        schedule = {"cron": ["0 10 * * *"], "jitterSeconds": 1200}
        await store(api, f"job-{number:02}", schedule)
    told = await ask(api)
    assert told["total"] == 40
    assert len(told["minutes"]) > 10
    late = await ask(api, **{"from": "2026-03-28T10:10:00Z", "to": "2026-03-28T11:00:00Z"})
    assert 0 < late["total"] < 40, "begun before the period, started in it"


async def test_the_biggest_three_of_a_minute_are_told(api: httpx.AsyncClient) -> None:
    for name, seconds in (("a", 60), ("b", 10), ("c", 30), ("d", 20), ("e", 15)):
        await store(api, name, {"everySeconds": seconds})
    told = await ask(api, **{"from": "2026-03-28T09:31:00Z", "to": "2026-03-28T09:32:00Z"})
    (minute,) = told["minutes"]
    assert minute["count"] == 1 + 6 + 2 + 3 + 4
    assert [(it["name"], it["count"]) for it in minute["jobs"]] == [("b", 6), ("e", 4), ("d", 3)]


async def test_the_end_is_left_out_and_the_beginning_is_not(api: httpx.AsyncClient) -> None:
    await store(api, "hello", {"cron": ["0 * * * *"]})
    period = {"from": "2026-03-28T10:00:00Z", "to": "2026-03-28T11:00:00Z"}
    assert minutes(await ask(api, **period)) == [("10:00", 1)]


# Tenants


async def test_one_tenant_or_all(world: World, api: httpx.AsyncClient) -> None:
    hourly = {"cron": ["0 * * * *"]}
    await store(api, "hello", hourly)
    await store(api, "hello", hourly, tenant="team-a")
    spec = {**job_body(), "schedule": hourly}
    del spec["name"]
    world.kubernetes.seed(JOBS, "kube-system", {"metadata": {"name": "x"}, "spec": spec})
    for tenant, count in (("default", 1), ("team-a", 1), ("*", 2)):
        told = await ask(api, tenant=tenant, to="2026-03-28T10:30:00Z")
        assert told["jobs"] == count
        assert minutes(told) == [("10:00", count)]
    shares = told["minutes"][0]["jobs"]
    assert [it["tenant"] for it in shares] == ["default", "team-a"]


async def test_all_are_the_named_ones_where_some_are_named(world: World) -> None:
    async with world.client() as api:
        await store(api, "hello", {"cron": ["0 * * * *"]})
        await store(api, "hello", {"cron": ["0 * * * *"]}, tenant="team-a")
    world.settings["watch_namespaces"] = ("team-a",)
    async with world.client() as api:
        world.kubernetes.calls.clear()
        assert (await ask(api, tenant="*"))["jobs"] == 1
        assert {call.namespace for call in world.kubernetes.calls_of("list")} == {"team-a"}


async def test_calendars_are_those_of_the_jobs_own_tenant(
    world: World, api: httpx.AsyncClient
) -> None:
    always = {"ranges": [{"from": "01-01", "to": "12-31"}]}
    never = {"dates": ["2000-01-01"]}
    for tenant, spec in (("default", always), ("team-a", never)):
        body = {"metadata": {"name": "freeze"}, "spec": spec}
        world.kubernetes.seed(CALENDARS, tenant, body)
        schedule = {"cron": ["0 * * * *"], "excludeCalendars": ["freeze"]}
        await store(api, "hello", schedule, tenant=tenant)
    told = await ask(api, tenant="*", to="2026-03-28T10:30:00Z")
    assert [it["tenant"] for it in told["minutes"][0]["jobs"]] == ["team-a"]


async def test_what_may_not_be_listed_is_told(world: World, api: httpx.AsyncClient) -> None:
    world.kubernetes.fail_next("list", Denied("no rights"))
    problem_of(await api.get(URL, params={"tenant": "*"}), 403, "forbidden")


# Bounds


async def test_a_job_of_each_second_is_cut_and_says_so(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "MAX_JOB_SECONDS", 3600)
    await store(api, "busy", {"everySeconds": 1})
    await store(api, "calm", {"cron": ["0 * * * *"]})
    told = await ask(api, to="2026-03-28T11:30:00Z")
    assert told["truncated"] == [
        {"tenant": "default", "name": "busy", "until": "2026-03-28T10:30:00Z"}
    ]
    assert told["total"] == 3600 + 2


async def test_all_jobs_together_have_a_bound(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "MAX_SECONDS", 5000)
    for name in ("a", "b", "c"):
        await store(api, name, {"everySeconds": 1})
    told = await ask(api, to="2026-03-28T10:30:00Z")
    # One hour less a second of the first, the rest of the bound for the second.
    assert told["total"] == 5000
    assert [it["name"] for it in told["truncated"]] == ["b", "c"]


async def test_more_jobs_than_are_looked_at(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronos_api.routes.forecasts.MAX_JOBS", 2)
    for name in ("a", "b", "c"):
        await store(api, name, {"cron": ["0 * * * *"]})
    told = await ask(api)
    assert told["jobs"] == 2
    assert told["incomplete"] == "of more than 2 jobs only so many are looked at"


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        pytest.param({"from": "2026-03-28T09:28:59Z"}, "from", id="the past"),
        pytest.param({"to": "2026-03-28T09:30:00Z"}, "to", id="no time at all"),
        pytest.param({"to": "2026-04-04T09:30:01Z"}, "to", id="more than a week"),
        pytest.param({"from": "monday"}, "from", id="no time"),
        pytest.param({"from": "2100-01-01T00:00:00Z"}, "from", id="beyond all calendars"),
        pytest.param({"limit": "5"}, "limit", id="an unknown parameter"),
    ],
)
async def test_a_wrong_parameter_is_named(
    api: httpx.AsyncClient, params: Json, parameter: str
) -> None:
    (error,) = problem_of(await api.get(URL, params=params), 422, "invalid")["errors"]
    assert error["parameter"] == parameter


async def test_a_week_of_a_job_of_each_minute(api: httpx.AsyncClient) -> None:
    await store(api, "hello", {"cron": ["* * * * *"]})
    told = await ask(api, to="2026-04-04T09:30:00Z")
    assert told["total"] == 7 * 1440 - 1
    ordered = [parse_time(it["time"]) for it in told["minutes"]]
    assert ordered == sorted(ordered)
