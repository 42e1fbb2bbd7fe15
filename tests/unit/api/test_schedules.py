"""Previews over REST: when a schedule would fire, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chronos_api.schemas.schedules import Preview
from chronos_clients.resources import CALENDARS, JOBS
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

URL = "/api/v1/schedules/preview"
BERLIN = "Europe/Berlin"


async def preview(api: httpx.AsyncClient, schedule: Json, **more: Any) -> Json:
    answer = await api.post(URL, json={"schedule": schedule, **more})
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    parse_model(Preview, told)
    return told


def utc_times(told: Json) -> list[str]:
    return [it["utc"] for it in told["times"]]


async def test_the_issues_own_question(api: httpx.AsyncClient) -> None:
    schedule = {"cron": ["30 2 * * MON-FRI"], "timeZone": BERLIN}
    told = await preview(api, schedule, after="2026-03-26T00:00:00Z", count=3)
    assert told["times"] == [
        {"utc": "2026-03-26T01:30:00Z", "local": "2026-03-26T02:30:00+01:00"},
        {"utc": "2026-03-27T01:30:00Z", "local": "2026-03-27T02:30:00+01:00"},
        {"utc": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00+02:00"},
    ]
    assert "02:30" in told["text"]
    assert "Berlin time" in told["text"]
    assert told["excluded"] == 0
    assert "note" not in told
    assert told["timeZoneData"]


async def test_the_gap_is_told(api: httpx.AsyncClient) -> None:
    schedule = {"cron": ["30 2 * * *"], "timeZone": BERLIN}
    told = await preview(api, schedule, after="2026-03-28T12:00:00Z", count=2)
    assert told["times"] == [
        {"utc": "2026-03-29T01:00:00Z", "local": "2026-03-29T03:00:00+02:00"},
        {"utc": "2026-03-30T00:30:00Z", "local": "2026-03-30T02:30:00+02:00"},
    ]
    assert "gap" in told["text"]


@pytest.mark.parametrize(
    ("schedule", "more", "times"),
    [
        pytest.param(
            {"cron": ["0 12 * * *"]},
            {"count": 2},
            ["2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"],
            id="from now on where nothing else is said",
        ),
        pytest.param(
            {"cron": ["0 12 * * *"]},
            {"after": "2026-03-28T12:00:00Z", "count": 1},
            ["2026-03-29T12:00:00Z"],
            id="strictly after",
        ),
        pytest.param(
            {"everySeconds": 90},
            {"after": "2026-03-28T00:00:30Z", "count": 2},
            ["2026-03-28T00:02:00Z", "2026-03-28T00:03:30Z"],
            id="an interval counts from when it is stored",
        ),
        pytest.param(
            {"cron": ["@every 1h"], "anchorTime": "2026-01-01T00:10:00Z"},
            {"count": 1},
            ["2026-03-28T10:10:00Z"],
            id="an interval with an anchor",
        ),
        pytest.param(
            {"immediate": True, "cron": ["0 12 * * *"]},
            {"count": 2},
            ["2026-03-28T09:30:00Z", "2026-03-28T12:00:00Z"],
            id="as soon as it is stored",
        ),
        pytest.param({"immediate": True}, {}, ["2026-03-28T09:30:00Z"], id="once, and never again"),
        pytest.param(
            {"at": ["2026-03-28T11:00:00+01:00"], "cron": ["0 10 * * *"]},
            {"count": 2},
            ["2026-03-28T10:00:00Z", "2026-03-29T10:00:00Z"],
            id="a union tells a second once",
        ),
        pytest.param(
            {"repeat": "weekly", "on": ["MON"], "at": "09:30", "timeZone": BERLIN},
            {"count": 1},
            ["2026-03-30T07:30:00Z"],
            id="plain words",
        ),
        pytest.param(
            {"cron": ["0 12 * * *"], "startTime": "2026-05-01T00:00:00Z"},
            {"count": 1},
            ["2026-05-01T12:00:00Z"],
            id="a window that begins later",
        ),
    ],
)
async def test_the_next_times(
    api: httpx.AsyncClient, schedule: Json, more: Json, times: list[str]
) -> None:
    assert utc_times(await preview(api, schedule, **more)) == times


@pytest.mark.parametrize(
    ("schedule", "count", "note"),
    [
        pytest.param(
            {"cron": ["0 12 * * *"], "endTime": "2026-03-29T12:00:00Z"},
            2,
            "there are no more: the schedule ends",
            id="a window that ends",
        ),
        pytest.param(
            {"cron": ["0 12 * * *"], "maxRuns": 3},
            3,
            "there are no more: maxRuns is 3",
            id="a number of runs",
        ),
        pytest.param({"immediate": True}, 1, "there are no more: the schedule ends", id="once"),
        pytest.param(
            {"cron": ["0 0 12 * * ? 2026"], "endTime": "2026-03-28T09:00:00Z"},
            0,
            "there are no more: the schedule ends",
            id="all of it past",
        ),
    ],
)
async def test_fewer_than_asked_for_are_explained(
    api: httpx.AsyncClient, schedule: Json, count: int, note: str
) -> None:
    told = await preview(api, schedule)
    assert len(told["times"]) == count
    assert told["note"] == note


# With a job


async def test_h_and_intervals_are_those_of_the_job(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    schedule = {"cron": ["H * * * *"]}
    await api.post("/api/v1/jobs", json=job_body("other"))
    minutes = set()
    for name in ("hello", "other"):
        told = await preview(api, schedule, job=name, count=1)
        minutes.add(told["times"][0]["utc"])
        assert utc_times(await preview(api, schedule, job=name, count=1)) == utc_times(told)
    assert len(minutes) == 2
    world.clock.advance(100)
    told = await preview(api, {"everySeconds": 60}, job="hello", count=1)
    assert utc_times(told) == ["2026-03-28T09:32:00Z"]


async def test_the_runs_that_a_job_had_count(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    body = {"status": {"started": 2}}
    await world.kubernetes.patch(JOBS, "default", "hello", body, subresource="status")
    told = await preview(api, {"cron": ["0 12 * * *"], "maxRuns": 3}, job="hello")
    assert len(told["times"]) == 1


async def test_before_the_job_was_stored_is_told_too(job: Json, api: httpx.AsyncClient) -> None:
    told = await preview(
        api, {"cron": ["0 12 * * *"]}, job="hello", after="2026-01-01T00:00:00Z", count=1
    )
    assert utc_times(told) == ["2026-01-01T12:00:00Z"]


async def test_a_job_that_is_not_there(api: httpx.AsyncClient) -> None:
    body = {"schedule": {"cron": ["0 12 * * *"]}, "job": "none"}
    problem_of(await api.post(URL, json=body), 404, "job_not_found")


# Calendars


def seed_calendar(world: World, name: str, tenant: str = "default", **spec: Any) -> None:
    body = {"metadata": {"name": name}, "spec": spec}
    world.kubernetes.seed(CALENDARS, tenant, body)


async def test_excluded_times_are_left_out_and_counted(
    world: World, api: httpx.AsyncClient
) -> None:
    seed_calendar(world, "freeze", ranges=[{"from": "03-29", "to": "03-31"}])
    seed_calendar(world, "sundays", weekly=[{"days": ["SUN"]}])
    schedule = {"cron": ["0 12 * * *"], "excludeCalendars": ["freeze", "sundays"]}
    told = await preview(api, schedule, count=5)
    # 5 April is a Sunday.
    days = ["03-28", "04-01", "04-02", "04-03", "04-04"]
    assert utc_times(told) == [f"2026-{day}T12:00:00Z" for day in days]
    assert told["excluded"] == 3
    assert "freeze" in told["text"]


async def test_a_search_that_finds_nothing_ends(world: World, api: httpx.AsyncClient) -> None:
    seed_calendar(world, "always", ranges=[{"from": "01-01", "to": "12-31"}])
    schedule = {"cron": ["* * * * * *"], "excludeCalendars": ["always"]}
    told = await preview(api, schedule)
    assert told["times"] == []
    assert told["excluded"] == 20_000
    # 20,000 s after 09:30:00 are 5 h 33 min 20 s.
    assert "not looked further than 2026-03-28T15:03:20Z" in told["note"]


async def test_a_calendar_that_is_not_there_is_named(world: World, api: httpx.AsyncClient) -> None:
    seed_calendar(world, "there", dates=["05-01"])
    seed_calendar(world, "elsewhere", tenant="team-a", dates=["05-01"])
    schedule = {"cron": ["0 12 * * *"], "excludeCalendars": ["there", "elsewhere"]}
    answer = await api.post(URL, json={"schedule": schedule})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == "/schedule/excludeCalendars/1"
    assert "elsewhere" in error["message"]
    answer = await api.post(URL, params={"tenant": "team-a"}, json={"schedule": schedule})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == "/schedule/excludeCalendars/0"


# What is wrong


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        pytest.param({}, "/schedule", "is required", id="no schedule"),
        pytest.param({"schedule": {}}, "/schedule", "says no time", id="no time"),
        pytest.param({"schedule": 5}, "/schedule", "must be an object", id="a number"),
        pytest.param(
            {"schedule": {"cron": ["0 61 * * * *"]}},
            "/schedule/cron/0",
            "at character 3",
            id="the position of a mistake",
        ),
        pytest.param(
            {"schedule": {"cron": ["0 0 12 ? * MON"], "cronDialect": "Unix"}},
            "/schedule/cron/0",
            "?",
            id="a Quartz expression under Unix",
        ),
        pytest.param(
            {"schedule": {"cron": ["0 12 * * * 2026"]}},
            "/schedule/cron/0",
            "2026",
            id="a sixth field that looks like a year",
        ),
        pytest.param(
            {"schedule": {"cron": ["59 23 31 2 *"]}},
            "/schedule/cron/0",
            "never",
            id="a time that never comes",
        ),
        pytest.param(
            {"schedule": {"cron": ["* * * * *"], "timeZone": "Europe/Berln"}},
            "/schedule/timeZone",
            "is not an IANA time zone",
            id="an unknown zone",
        ),
        pytest.param(
            {"schedule": {"repeat": "daily", "at": "9"}},
            "/schedule/at",
            "is not a time of day",
            id="words that do not fit",
        ),
        pytest.param(
            {"schedule": {"immediate": True}, "count": 101}, "/count", "too large", id="too many"
        ),
        pytest.param(
            {"schedule": {"immediate": True}, "count": 0}, "/count", "too small", id="none"
        ),
        pytest.param(
            {"schedule": {"immediate": True}, "after": "tomorrow"},
            "/after",
            "RFC 3339",
            id="no moment",
        ),
        pytest.param(
            {"schedule": {"immediate": True}, "after": "9999-12-31T23:59:59Z"},
            "/after",
            "out of reach",
            id="a moment beyond all calendars",
        ),
        pytest.param(
            {"schedule": {"immediate": True}, "colour": "red"},
            "/colour",
            "is not a known field",
            id="an unknown field",
        ),
    ],
)
async def test_a_mistake_is_named_with_a_remedy(
    api: httpx.AsyncClient, body: Json, pointer: str, words: str
) -> None:
    (error,) = problem_of(await api.post(URL, json=body), 422, "invalid")["errors"]
    assert error["pointer"] == pointer
    assert words in error["message"]
    assert error["remedy"]


async def test_all_mistakes_are_told_at_once(api: httpx.AsyncClient) -> None:
    body = {"schedule": {"cron": ["x", "y"], "timeZone": "Mars"}, "count": 0}
    errors = problem_of(await api.post(URL, json=body), 422, "invalid")["errors"]
    pointers = {it["pointer"] for it in errors}
    assert pointers == {"/count", "/schedule/cron/0", "/schedule/cron/1", "/schedule/timeZone"}


@pytest.mark.parametrize(
    ("field", "moment", "zone"),
    [
        pytest.param("startTime", "0001-01-01T00:00:00Z", "America/Los_Angeles", id="the first"),
        pytest.param("endTime", "9999-12-31T23:59:59Z", "Pacific/Kiritimati", id="the last"),
    ],
)
async def test_the_ends_of_the_calendar_are_no_failure(
    api: httpx.AsyncClient, field: str, moment: str, zone: str
) -> None:
    schedule = {"cron": ["0 12 * * *"], field: moment, "timeZone": zone}
    answer = await api.post(URL, json={"schedule": schedule})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == f"/schedule/{field}"


async def test_nothing_is_stored(world: World, api: httpx.AsyncClient) -> None:
    await preview(api, {"cron": ["0 12 * * *"]})
    assert world.kubernetes.calls_of("create") == []
