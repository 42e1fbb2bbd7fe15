"""Backfills over REST: what is created, in which order, and what never runs twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from chronos_api.routes import backfills
from chronos_api.schemas.backfills import Backfill
from chronos_clients.errors import AlreadyExists, Denied, Unreachable
from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS
from chronos_crds.meta import format_time, parse_time
from chronos_crds.naming import backfill_key, execution_name, ledger_key
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

URL = "/api/v1/jobs/hello/backfill"
NOW = "2026-03-28T10:30:00Z"


def at(minute: int) -> str:
    """The scheduled second of that minute after 09:30."""
    return format_time(parse_time("2026-03-28T09:30:00Z") + timedelta(minutes=minute))


def id_of(minute: int) -> str:
    return execution_name("hello", parse_time(at(minute)))


@pytest.fixture
async def minutely(world: World, api: httpx.AsyncClient) -> Json:
    """A job of each minute, an hour after it was stored; all of that hour was missed."""
    answer = await api.post("/api/v1/jobs", json=job_body(schedule={"cron": ["* * * * *"]}))
    assert answer.status_code == 201, answer.text
    world.clock.advance(3600)
    missed = {"time": at(1), "until": at(60), "count": 60, "fate": "Missed"}
    await set_status(world, ledger=[missed])
    stored: Json = answer.json()
    return stored


async def set_status(world: World, **changes: Any) -> None:
    status = {"state": "Scheduled", "observedGeneration": 1, "cursorTime": NOW, **changes}
    body = {"status": status}
    await world.kubernetes.patch(JOBS, "default", "hello", body, subresource="status")


async def backfill(api: httpx.AsyncClient, status: int = 201, **body: Any) -> Json:
    answer = await api.post(URL, json={"from": at(1), "to": at(3), **body})
    assert answer.status_code == status, answer.text
    told: Json = answer.json()
    parse_model(Backfill, told)
    return told


def statuses(told: Json) -> list[tuple[str, str]]:
    return [(it["scheduledTime"], it["status"]) for it in told["times"]]


def stored(world: World) -> list[Json]:
    """The executions of backfills, in the order of their creation."""
    found = [it for it in world.kubernetes.objects(EXECUTIONS, "default")
             if it["spec"]["trigger"] == "Backfill"]  # fmt: skip
    return sorted(found, key=lambda it: int(it["metadata"]["resourceVersion"]))


# What is created


async def test_each_second_of_the_period_gets_an_execution(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    told = await backfill(api, parallel=2, concurrency="Ignore")
    assert statuses(told) == [(at(minute), "created") for minute in (1, 2, 3)]
    assert (told["created"], told["dryRun"]) == (3, False)
    made = stored(world)
    assert [it["metadata"]["name"] for it in made] == [id_of(1), id_of(2), id_of(3)]
    assert [it["execution"] for it in told["times"]] == [id_of(1), id_of(2), id_of(3)]
    first = made[0]
    assert first["spec"] == {
        "jobRef": {"name": "hello", "uid": minutely["uid"]},
        "scheduledTime": at(1),
        "trigger": "Backfill",
        "parameters": {"env": []},
        "concurrency": "Ignore",
        "queued": False,
        "backfill": {"id": told["id"], "position": 1, "parallel": 2},
    }
    assert first["metadata"]["labels"]["chronos.dev/job-uid"] == minutely["uid"]
    assert first["metadata"]["ownerReferences"][0]["uid"] == minutely["uid"]
    listed = (await api.get("/api/v1/jobs/hello/executions")).json()["items"]
    assert {it["backfill"]["position"] for it in listed} == {1, 2, 3}


async def test_the_newest_may_come_first(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    told = await backfill(api, order="NewestFirst")
    assert statuses(told) == [(at(minute), "created") for minute in (3, 2, 1)]
    made = [(it["metadata"]["name"], it["spec"]["backfill"]["position"]) for it in stored(world)]
    assert made == [(id_of(3), 1), (id_of(2), 2), (id_of(1), 3)]


async def test_a_dry_run_creates_nothing(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    told = await backfill(api, 200, dryRun=True)
    assert statuses(told) == [(at(minute), "wouldCreate") for minute in (1, 2, 3)]
    assert (told["created"], told["dryRun"], "id" in told) == (0, True, False)
    assert world.kubernetes.calls_of("create") == [
        call for call in world.kubernetes.calls_of("create") if call.what == "chronosjobs"
    ]


async def test_both_ends_belong_to_the_period(minutely: Json, api: httpx.AsyncClient) -> None:
    told = await backfill(api, 200, dryRun=True, **{"from": at(2), "to": at(2)})
    assert statuses(told) == [(at(2), "wouldCreate")]
    fractions = {"from": at(1).replace("00Z", "00.5Z"), "to": at(3).replace("00Z", "00.5Z")}
    told = await backfill(api, 200, dryRun=True, **fractions)
    assert statuses(told) == [(at(2), "wouldCreate"), (at(3), "wouldCreate")]


async def test_a_period_without_a_second_creates_nothing(
    minutely: Json, api: httpx.AsyncClient
) -> None:
    period = {"from": "2026-03-28T09:31:01Z", "to": "2026-03-28T09:31:59Z"}
    told = await backfill(api, 200, **period)
    assert (told["times"], told["created"]) == ([], 0)


async def test_before_the_job_was_stored(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    period = {"from": "2025-12-31T23:59:00Z", "to": "2026-01-01T00:01:00Z"}
    told = await backfill(api, **period)
    assert [it[0] for it in statuses(told)] == [
        "2025-12-31T23:59:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z",
    ]  # fmt: skip
    assert told["created"] == 3
    again = await backfill(api, 200, **period)
    assert Counter(it[1] for it in statuses(again)) == {"alreadyRan": 3}


async def test_intervals_and_h_are_those_of_the_job(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    body = job_body(schedule={"everySeconds": 7 * 60})
    await api.put("/api/v1/jobs/hello", json=body)
    # Counted from the job's creation, in which nothing was due.
    for first in (0, 1):
        told = await backfill(api, 200, dryRun=True, **{"from": at(first), "to": at(30)})
        assert [it[0] for it in statuses(told)] == [at(7), at(14), at(21), at(28)]
    body = job_body(schedule={"cron": ["H * * * *"]})
    await api.put("/api/v1/jobs/hello", json=body)
    day = {"from": "2026-03-20T00:00:00Z", "to": "2026-03-20T23:59:59Z"}
    told = await backfill(api, 200, dryRun=True, **day)
    question = {"schedule": body["schedule"], "job": "hello", "count": 1}
    shown = (await api.post("/api/v1/schedules/preview", json=question)).json()
    minute = parse_time(shown["times"][0]["utc"]).minute
    assert {parse_time(it[0]).minute for it in statuses(told)} == {minute}
    assert len(told["times"]) == 24


# What never runs twice


@pytest.mark.parametrize(
    ("fate", "status"),
    [
        pytest.param("Started", "alreadyRan", id="what was started"),
        pytest.param("Queued", "alreadyRan", id="what waits for its turn"),
        pytest.param("Skipped", "wouldCreate", id="what was skipped"),
        pytest.param("Missed", "wouldCreate", id="what was missed"),
        pytest.param("Suspended", "wouldCreate", id="what passed in a pause"),
        pytest.param("Excluded", "wouldCreate", id="what a calendar of then excluded"),
    ],
)
@pytest.mark.parametrize("where", ["status", "archive"])
async def test_the_ledger_decides(
    world: World, minutely: Json, api: httpx.AsyncClient, fate: str, status: str, where: str
) -> None:
    lines = [{"time": at(2), "count": 1, "fate": fate}]
    if where == "archive":
        archive(world, minutely, lines, since=-1, until=40)
        await set_status(world, ledger=[], ledgerFrom=at(40))
    else:
        await set_status(world, ledger=lines)
    told = await backfill(api, 200, dryRun=True)
    expected = ["wouldCreate", status, "wouldCreate"]
    assert [it[1] for it in statuses(told)] == expected


def archive(world: World, job: Json, lines: list[Json], *, since: int, until: int) -> None:
    where = {"prefix": "", "tenant": "default", "job_uid": job["uid"]}
    span = {"since": parse_time(at(since)), "until": parse_time(at(until))}
    world.objects.objects[ledger_key(**where, **span)] = orjson.dumps(
        {
            "job": "hello",
            "uid": job["uid"],
            "tenant": "default",
            "from": at(since),
            "until": at(until),
            "lines": lines,
        }
    )


async def test_a_second_with_an_execution_has_run(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    world.seed_execution(minutely, at=at(2), status={"state": "Failed"})
    assert [it[1] for it in statuses(await backfill(api))] == ["created", "alreadyRan", "created"]


async def test_a_backfilled_second_whose_execution_is_gone_has_run(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    for minute in (2, -100):
        key = backfill_key(
            prefix="", tenant="default", job_uid=minutely["uid"], second=parse_time(at(minute))
        )
        world.objects.objects[key] = b"{}"
    told = await backfill(api, 200, dryRun=True)
    assert [it[1] for it in statuses(told)] == ["wouldCreate", "alreadyRan", "wouldCreate"]
    told = await backfill(api, 200, dryRun=True, **{"from": at(-100), "to": at(-100)})
    assert [it[1] for it in statuses(told)] == ["alreadyRan"]


async def test_a_second_time_creates_nothing(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await backfill(api)
    again = await backfill(api, 200)
    assert Counter(it[1] for it in statuses(again)) == {"alreadyRan": 3}
    assert again["created"] == 0
    assert len(stored(world)) == 3


async def test_of_five_at_once_each_second_is_created_once(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    body = {"from": at(1), "to": at(10)}
    answers = await asyncio.gather(*(api.post(URL, json=body) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert sum(answer.json()["created"] for answer in answers) == 10
    assert len(stored(world)) == 10


async def test_one_that_came_between_is_not_doubled(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("create", AlreadyExists("taken"))
    told = await backfill(api)
    assert [it[1] for it in statuses(told)] == ["alreadyRan", "created", "created"]


async def test_what_the_ledger_does_not_tell_is_left_alone(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await set_status(world, ledger=[], ledgerFrom=at(2))
    told = await backfill(api)
    assert [it[1] for it in statuses(told)] == ["unknown", "unknown", "created"]
    assert told["times"][0]["reason"] == "no segment of the archive covers it"


async def test_an_object_store_that_is_away_stops_a_backfill(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    world.objects.fail_next("list_keys", Unreachable("refused"), times=5)
    answer = await api.post(URL, json={"from": at(1), "to": at(3)})
    problem_of(answer, 503, "object_store_unavailable")
    assert stored(world) == []


async def test_an_excluded_second_stays_excluded(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    spec = {"weekly": [{"days": ["SAT"], "from": "09:32", "to": "09:33"}]}
    world.kubernetes.seed(CALENDARS, "default", {"metadata": {"name": "freeze"}, "spec": spec})
    schedule = {"cron": ["* * * * *"], "excludeCalendars": ["freeze"]}
    await api.put("/api/v1/jobs/hello", json=job_body(schedule=schedule))
    told = await backfill(api)
    assert [it[1] for it in statuses(told)] == ["created", "excluded", "created"]
    assert told["times"][1]["reason"] == "freeze"


# What is refused


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        pytest.param({"to": "2026-03-28T10:30:01Z"}, "/to", "ahead", id="an end ahead"),
        pytest.param({"to": at(0)}, "/to", "before from", id="backwards"),
        pytest.param({"from": "2026-03-28"}, "/from", "RFC 3339", id="a date"),
        pytest.param(
            {"from": "0001-01-01T00:00:00Z"}, "/from", "out of reach", id="before all calendars"
        ),
        pytest.param({"order": "Random"}, "/order", "known values", id="an unknown order"),
        pytest.param({"parallel": 0}, "/parallel", "too small", id="none at a time"),
        pytest.param({"parallel": 101}, "/parallel", "too large", id="too many at a time"),
        pytest.param({"limit": 1001}, "/limit", "too large", id="a limit beyond the bound"),
        pytest.param({"limit": 2}, "/to", "more than 2 scheduled", id="beyond the caller's limit"),
        pytest.param(
            {"from": "2020-01-01T00:00:00Z"}, "/to", "more than 1000 scheduled", id="beyond ours"
        ),
        pytest.param({"dryRun": "yes"}, "/dryRun", "true or false", id="no truth value"),
        pytest.param({"image": "x"}, "/image", "not a known field", id="an unknown field"),
    ],
)
async def test_a_wrong_question_is_named(
    world: World, minutely: Json, api: httpx.AsyncClient, body: Json, pointer: str, words: str
) -> None:
    answer = await api.post(URL, json={"from": at(1), "to": at(3), **body})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == pointer
    assert words in error["message"]
    assert error["remedy"]
    assert stored(world) == []


async def test_a_thousand_are_taken(world: World, minutely: Json, api: httpx.AsyncClient) -> None:
    period = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T16:39:00Z"}
    assert (await backfill(api, **period))["created"] == 1000


async def test_seconds_that_are_not_accounted_for_are_refused(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await set_status(world, ledger=[], cursorTime=at(2))
    answer = await api.post(URL, json={"from": at(1), "to": at(3)})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == "/to"
    assert at(2) in error["message"]


async def test_a_job_that_nobody_has_seen_has_only_the_time_before_it(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await world.kubernetes.delete(JOBS, "default", "hello")
    await api.post("/api/v1/jobs", json=job_body(schedule={"cron": ["* * * * *"]}))
    world.clock.advance(120)
    told = await backfill(api, 200, dryRun=True)
    assert Counter(it[1] for it in statuses(told)) == {"wouldCreate": 3}
    answer = await api.post(URL, json={"from": at(59), "to": at(61)})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == "/to"


async def test_an_invalid_job_is_not_backfilled(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    body = {"spec": {"schedule": {"excludeCalendars": ["gone"]}}}
    await world.kubernetes.patch(JOBS, "default", "hello", body)
    answer = await api.post(URL, json={"from": at(1), "to": at(3)})
    assert "gone" in problem_of(answer, 409, "job_invalid")["detail"]


async def test_a_job_that_is_not_there(api: httpx.AsyncClient) -> None:
    answer = await api.post(URL, json={"from": at(1), "to": at(1)})
    problem_of(answer, 422, "invalid")
    answer = await api.post(URL, json={"from": at(-9), "to": at(-1)})
    problem_of(answer, 404, "job_not_found")


# What goes wrong underway


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(Denied("quota"), 403, "forbidden", id="a quota"),
        pytest.param(Unreachable("refused"), 503, "cluster_unavailable", id="a cluster away"),
    ],
)
async def test_what_stops_the_first_is_told(
    world: World, minutely: Json, api: httpx.AsyncClient, error: Any, status: int, code: str
) -> None:
    world.kubernetes.fail_next("create", error, times=9)
    answer = await api.post(URL, json={"from": at(1), "to": at(3)})
    problem_of(answer, status, code)
    assert len(world.kubernetes.calls_of("create")) == 2, "one of the job, one that was refused"


async def test_what_stops_a_later_one_leaves_the_rest_for_the_next_time(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    original = world.kubernetes.create

    async def create(*args: Any, **more: Any) -> Any:
        if len(world.kubernetes.calls_of("create")) == 2:
            raise Denied("quota")
        return await original(*args, **more)

    world.kubernetes.create = create  # type: ignore[method-assign]
    told = await backfill(api)
    assert [it[1] for it in statuses(told)] == ["created", "notCreated", "notCreated"]
    assert (told["created"], told["incomplete"]) == (1, "quota")
    world.kubernetes.create = original  # type: ignore[method-assign]
    told = await backfill(api)
    assert [it[1] for it in statuses(told)] == ["alreadyRan", "created", "created"]


async def test_creating_ends_in_time(world: World, minutely: Json, api: httpx.AsyncClient) -> None:
    original = world.kubernetes.create

    async def slow(*args: Any, **more: Any) -> Any:
        world.clock.advance(backfills.CREATE_SECONDS / 2 + 1)
        return await original(*args, **more)

    world.kubernetes.create = slow  # type: ignore[method-assign]
    told = await backfill(api)
    assert [it[1] for it in statuses(told)] == ["created", "created", "notCreated"]
    assert "could not all be created" in told["incomplete"]
