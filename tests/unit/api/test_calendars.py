"""Calendars over REST."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from chronos_api.schemas.calendars import Calendar, CalendarList
from chronos_clients.errors import Conflict, Denied, Unreachable
from chronos_clients.resources import CALENDARS
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

URL = "/api/v1/calendars"


def calendar_body(name: str = "freeze", **changes: Any) -> Json:
    return {"name": name, "ranges": [{"from": "12-23", "to": "01-02"}], **changes}


@pytest.fixture
async def calendar(api: httpx.AsyncClient) -> Json:
    answer = await api.post(URL, json=calendar_body())
    assert answer.status_code == 201, answer.text
    stored: Json = answer.json()
    return stored


async def use(api: httpx.AsyncClient, *names: str, calendar: str = "freeze") -> None:
    """Stores jobs that name the calendar, which is stored if it is missing."""
    await api.post(URL, json=calendar_body(calendar))
    schedule = {"cron": ["0 3 * * *"], "excludeCalendars": [calendar]}
    for name in names:
        answer = await api.post("/api/v1/jobs", json=job_body(name, schedule=schedule))
        assert answer.status_code == 201, answer.text


async def test_a_calendar_is_stored_as_it_was_handed_in(
    world: World, api: httpx.AsyncClient
) -> None:
    body = calendar_body(
        "de.holidays",
        description="public holidays",
        timeZone="Europe/Berlin",
        dates=["12-25", "2026-04-06"],
        weekly=[{"days": ["SAT", "SUN"], "from": "22:00", "to": "06:00"}],
    )
    answer = await api.post(URL, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == "/api/v1/calendars/de.holidays"
    (stored,) = world.kubernetes.objects(CALENDARS, "default")
    assert stored["spec"] == {key: value for key, value in body.items() if key != "name"}
    assert answer.headers["etag"] == f'"{stored["metadata"]["resourceVersion"]}"'
    parse_model(Calendar, answer.json())
    followed = await api.get(answer.headers["location"])
    assert followed.json() == answer.json()


async def test_a_named_tenant_is_where_it_goes(world: World, api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, params={"tenant": "team-a"}, json=calendar_body())
    assert answer.headers["location"] == "/api/v1/calendars/freeze?tenant=team-a"
    assert world.kubernetes.objects(CALENDARS, "default") == []
    assert len(world.kubernetes.objects(CALENDARS, "team-a")) == 1


async def test_a_name_is_taken_once(calendar: Json, api: httpx.AsyncClient) -> None:
    problem_of(await api.post(URL, json=calendar_body()), 409, "name_taken")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param(calendar_body(ranges=[]), "", id="no time at all"),
        pytest.param(calendar_body(timeZone="Mars/Base"), "/timeZone", id="an unknown zone"),
        pytest.param(calendar_body(dates=["12-32"]), "/dates/0", id="a date of a wrong form"),
        pytest.param(calendar_body(dates=["02-30"]), "", id="a day that does not exist"),
        pytest.param(
            calendar_body(ranges=[{"from": "2026-12-23", "to": "01-02"}]),
            "/ranges/0",
            id="a year on one side",
        ),
        pytest.param(
            calendar_body(ranges=[{"from": "2026-12-23", "to": "2026-01-02"}]),
            "/ranges/0",
            id="a range that runs backwards",
        ),
        pytest.param(
            calendar_body(weekly=[{"days": ["MONDAY"]}]), "/weekly/0/days/0", id="no weekday"
        ),
        pytest.param(
            calendar_body(weekly=[{"days": ["MON"], "from": "25:00"}]),
            "/weekly/0/from",
            id="no time of day",
        ),
        pytest.param(calendar_body("Freeze"), "/name", id="a name with capitals"),
        pytest.param(calendar_body("f" * 254), "/name", id="a name of 254 characters"),
        pytest.param(calendar_body("../jobs"), "/name", id="a name that is a path"),
        pytest.param({**calendar_body(), "name": 5}, "/name", id="a number as a name"),
        pytest.param(calendar_body(colour="red"), "/colour", id="an unknown field"),
    ],
)
async def test_a_wrong_field_is_named(
    world: World, api: httpx.AsyncClient, method: str, body: Json, pointer: str
) -> None:
    if method == "PUT":
        await api.post(URL, json=calendar_body())
    before = world.kubernetes.objects(CALENDARS)
    answer = await api.request(method, URL if method == "POST" else f"{URL}/freeze", json=body)
    errors = problem_of(answer, 422, "invalid")["errors"]
    assert pointer in [it["pointer"] for it in errors]
    assert all(it["message"] and it["remedy"] for it in errors)
    assert world.kubernetes.objects(CALENDARS) == before


async def test_a_missing_name_is_told(api: httpx.AsyncClient) -> None:
    body = calendar_body()
    del body["name"]
    (error,) = problem_of(await api.post(URL, json=body), 422, "invalid")["errors"]
    assert (error["pointer"], error["message"]) == ("/name", "is required")


async def test_calendars_come_in_name_order_and_in_pages(api: httpx.AsyncClient) -> None:
    for name in ("c", "a", "b"):
        await api.post(URL, json=calendar_body(name))
    first = (await api.get(URL, params={"limit": "2"})).json()
    parse_model(CalendarList, first)
    second = (await api.get(URL, params={"continue": first["continue"]})).json()
    assert [it["name"] for it in [*first["items"], *second["items"]]] == ["a", "b", "c"]
    assert second["continue"] == ""


async def test_a_replace_leaves_nothing_of_what_was(calendar: Json, api: httpx.AsyncClient) -> None:
    answer = await api.put(f"{URL}/freeze", json={"dates": ["2026-05-01"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["dates"] == ["2026-05-01"]
    assert answer.json()["ranges"] == []
    assert answer.json()["uid"] == calendar["uid"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("name", ["none", "Bad_Name", "n" * 300])
async def test_one_that_is_not_there(api: httpx.AsyncClient, method: str, name: str) -> None:
    body = {"json": {"dates": ["05-01"]}} if method == "PUT" else {}
    answer = await api.request(method, f"{URL}/{name}", **body)
    problem_of(answer, 404, "calendar_not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_if_match_decides(calendar: Json, api: httpx.AsyncClient, method: str) -> None:
    etag = (await api.get(f"{URL}/freeze")).headers["etag"]
    body = {"json": {"dates": ["05-01"]}} if method == "PUT" else {}
    stale = await api.request(method, f"{URL}/freeze", headers={"If-Match": '"1"'}, **body)
    problem_of(stale, 412, "precondition_failed")
    answer = await api.request(method, f"{URL}/freeze", headers={"If-Match": etag}, **body)
    assert answer.is_success, answer.text


async def test_of_two_with_the_same_etag_one_wins(calendar: Json, api: httpx.AsyncClient) -> None:
    etag = (await api.get(f"{URL}/freeze")).headers["etag"]
    answers = await asyncio.gather(
        *(
            api.put(f"{URL}/freeze", headers={"If-Match": etag}, json={"dates": [day]})
            for day in ("05-01", "05-02")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_one_that_never_holds_still_is_a_conflict(
    world: World, calendar: Json, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("replace", Conflict("modified"), times=100)
    problem_of(await api.put(f"{URL}/freeze", json={"dates": ["05-01"]}), 409, "conflict")


async def test_one_that_no_job_names_goes(
    world: World, calendar: Json, api: httpx.AsyncClient
) -> None:
    await use(api, "other", calendar="holidays")
    assert (await api.delete(f"{URL}/freeze")).status_code == 204
    left = [it["metadata"]["name"] for it in world.kubernetes.objects(CALENDARS)]
    assert left == ["holidays"]


async def test_one_that_jobs_name_stays_and_says_which(
    world: World, calendar: Json, api: httpx.AsyncClient
) -> None:
    await use(api, "b", "a")
    await use(api, "other", calendar="holidays")
    problem = problem_of(await api.delete(f"{URL}/freeze"), 409, "calendar_in_use")
    assert problem["detail"] == "the calendar freeze is named by the jobs a, b"
    assert len(world.kubernetes.objects(CALENDARS)) == 2
    await use(api, *(f"job-{number:02}" for number in range(10)))
    problem = problem_of(await api.delete(f"{URL}/freeze"), 409, "calendar_in_use")
    assert problem["detail"].endswith("job-07 and others")


async def test_another_tenants_jobs_do_not_count(
    world: World, calendar: Json, api: httpx.AsyncClient
) -> None:
    schedule = {"cron": ["0 3 * * *"], "excludeCalendars": ["freeze"]}
    body = job_body("theirs", schedule=schedule)
    await api.post(URL, params={"tenant": "team-a"}, json=calendar_body())
    await api.post("/api/v1/jobs", params={"tenant": "team-a"}, json=body)
    assert (await api.delete(f"{URL}/freeze")).status_code == 204


async def test_it_goes_by_force(world: World, calendar: Json, api: httpx.AsyncClient) -> None:
    await use(api, "a")
    answer = await api.delete(f"{URL}/freeze", params={"force": "false"})
    problem_of(answer, 409, "calendar_in_use")
    assert (await api.delete(f"{URL}/freeze", params={"force": "true"})).status_code == 204
    assert world.kubernetes.objects(CALENDARS) == []


@pytest.mark.parametrize("force", ["yes", "1", "TRUE", ""])
async def test_force_is_true_or_false(calendar: Json, api: httpx.AsyncClient, force: str) -> None:
    answer = await api.delete(f"{URL}/freeze", params={"force": force})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["parameter"] == "force"


@pytest.mark.parametrize(
    ("verb", "error", "status", "code"),
    [
        pytest.param("list", Denied("no rights"), 403, "forbidden", id="no right to list jobs"),
        pytest.param("delete", Unreachable("x"), 503, "cluster_unavailable", id="a cluster away"),
    ],
)
async def test_what_the_cluster_says_is_told(
    world: World, calendar: Json, api: httpx.AsyncClient, verb: str, error: Any, status: int,
    code: str,
) -> None:  # fmt: skip
    world.kubernetes.fail_next(verb, error)
    problem_of(await api.delete(f"{URL}/freeze"), status, code)
    assert len(world.kubernetes.objects(CALENDARS)) == 1
