"""Ledgers over REST: the archive, the status, the executions, and what none of them knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import orjson
import pytest

from chronos_api.schemas.ledgers import Ledger
from chronos_clients.errors import NotFound, Unreachable
from chronos_clients.resources import JOBS
from chronos_crds.meta import format_time, parse_time
from chronos_crds.naming import backfill_key, ledger_key
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

URL = "/api/v1/jobs/hello/ledger"
# The job runs each minute, and was stored at 09:30:00; the clock stands at 10:30:00.
NOW = "2026-03-28T10:30:00Z"


def at(minute: int) -> str:
    """The scheduled second of that minute after 09:30."""
    return format_time(parse_time("2026-03-28T09:30:00Z") + timedelta(minutes=minute))


def line(minute: int, fate: str = "Started", **more: Any) -> Json:
    return {"time": at(minute), "count": 1, "fate": fate, **more}


def run_of(first: int, last: int, fate: str, **more: Any) -> Json:
    return {**line(first, fate, **more), "until": at(last), "count": last - first + 1}


@pytest.fixture
async def minutely(world: World, api: httpx.AsyncClient) -> Json:
    """A job of each minute, an hour after it was stored."""
    answer = await api.post("/api/v1/jobs", json=job_body(schedule={"cron": ["* * * * *"]}))
    assert answer.status_code == 201, answer.text
    world.clock.advance(3600)
    stored: Json = answer.json()
    return stored


async def set_status(
    world: World,
    lines: Sequence[Json] = (),
    *,
    since: int | None = None,
    until: int | None = None,
    **more: Any,
) -> None:
    """What the operator keeps: lines that cover the minutes after ``since`` up to ``until``."""
    status = {"ledger": list(lines), "state": "Scheduled", "observedGeneration": 1, **more}
    if since is not None:
        status["ledgerFrom"] = at(since)
    if until is not None:
        status["cursorTime"] = at(until)
    body = {"status": status}
    await world.kubernetes.patch(JOBS, "default", "hello", body, subresource="status")


def archive(
    world: World,
    job: Json,
    lines: Sequence[Json],
    *,
    since: int,
    until: int,
    lie: Json | None = None,
) -> str:
    """Puts a segment away; its key."""
    key = ledger_key(
        prefix="",
        tenant="default",
        job_uid=job["uid"],
        since=parse_time(at(since)),
        until=parse_time(at(until)),
    )
    segment = {
        "job": "hello",
        "uid": job["uid"],
        "tenant": "default",
        "from": at(since),
        "until": at(until),
        "lines": list(lines),
        **(lie or {}),
    }
    world.objects.objects[key] = orjson.dumps(segment)
    return key


async def read(api: httpx.AsyncClient, **params: Any) -> Json:
    answer = await api.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    parse_model(Ledger, told)
    return told


def spans(told: Json) -> list[tuple[str, str, str]]:
    return [(it["from"], it["to"], it["why"]) for it in told["unknown"]]


def minutes_of(told: Json) -> list[int]:
    begin = parse_time(at(0))
    return [(parse_time(it["time"]) - begin) // timedelta(minutes=1) for it in told["lines"]]


# Where lines come from


async def test_the_status_alone_tells_a_short_ledger(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    lines = [
        line(1, latenessMs=20),
        line(2, latenessMs=1500),
        run_of(3, 9, "Missed", reason="Policy", latenessMs=700000),
        line(10, "Excluded", reason="Calendar", name="freeze"),
        run_of(11, 58, "Suspended", reason="Paused"),
        line(59, "Skipped", reason="Forbid", name="hello-1774693020"),
        line(60, "Queued", reason="Queue"),
    ]
    await set_status(world, lines, until=60)
    told = await read(api)
    assert told["lines"] == lines
    assert told["unknown"] == []
    assert told["backfilled"] == []
    assert told["continue"] == ""
    assert (told["from"], told["to"], told["accountedUntil"]) == (at(0), NOW, NOW)
    assert told["totals"] == {
        "started": 2, "late": 1, "queued": 1, "skipped": 1, "missed": 7, "suspended": 48,
        "excluded": 1,
    }  # fmt: skip


async def test_the_archive_and_the_status_make_one_ledger(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    lines = [line(minute) for minute in range(1, 61)]
    archive(world, minutely, lines[:20], since=-1, until=20)
    archive(world, minutely, lines[20:40], since=20, until=40)
    await set_status(world, lines[40:], since=40, until=60)
    told = await read(api)
    assert told["lines"] == lines
    assert told["unknown"] == []


async def test_only_the_period_asked_for_is_read(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    lines = [line(minute) for minute in range(1, 61)]
    for until in (10, 20, 30, 40):
        archive(world, minutely, lines[until - 10 : until], since=until - 10, until=until)
    await set_status(world, lines[40:], since=40, until=60)
    told = await read(api, **{"from": at(12), "to": at(28)})
    assert minutes_of(told) == list(range(12, 29))
    assert told["unknown"] == []
    assert len(world.objects.calls_of("get")) == 2


async def test_a_line_of_several_seconds_is_given_whole(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    run = run_of(1, 60, "Missed")
    await set_status(world, [run], until=60)
    told = await read(api, **{"from": at(20), "to": at(21)})
    assert told["lines"] == [run]


async def test_what_two_processes_left_is_told_once(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    early = [line(1), line(2, "Queued"), run_of(3, 4, "Missed")]
    late = [line(1), line(2, latenessMs=5), run_of(3, 9, "Missed"), line(10)]
    archive(world, minutely, early, since=-1, until=4)
    archive(world, minutely, late, since=-1, until=10)
    await set_status(world, [line(minute) for minute in range(10, 61)], since=10, until=60)
    told = await read(api)
    assert told["lines"][:3] == late[:3]
    assert minutes_of(told) == [1, 2, 3, *range(10, 61)]
    assert told["unknown"] == []


async def test_an_execution_that_is_there_is_told(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    id = world.seed_execution(minutely, at=at(1), status={"state": "Succeeded"})
    other = world.seed_execution(minutely, at=at(2))
    await set_status(world, [line(1), line(2, "Queued"), line(3)], until=3)
    told = await read(api, to=at(3))
    assert [it.get("execution") for it in told["lines"]] == [
        {"id": id, "state": "Succeeded", "trigger": "Schedule"},
        {"id": other, "state": "Pending", "trigger": "Schedule"},
        None,
    ]


async def test_a_backfilled_second_says_so(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    part = {"trigger": "Backfill", "backfill": {"id": "b", "position": 1, "parallel": 1}}
    id = world.seed_execution(minutely, at=at(2), status={"state": "Running"}, **part)
    before = world.seed_execution(minutely, at="2026-03-27T12:00:00Z", **part)
    key = backfill_key(
        prefix="", tenant="default", job_uid=minutely["uid"], second=parse_time(at(5))
    )
    world.objects.objects[key] = b"{}"
    lines = [line(1), line(2, "Missed"), run_of(3, 60, "Missed")]
    await set_status(world, lines, until=60)
    told = await read(api, **{"from": "2026-03-27T00:00:00Z"})
    assert told["lines"][1]["execution"] == {"id": id, "state": "Running", "trigger": "Backfill"}
    gone = f"hello-{int(parse_time(at(5)).timestamp())}"
    assert told["backfilled"] == [
        {"time": "2026-03-27T12:00:00Z", "execution": before, "state": "Pending"},
        {"time": at(2), "execution": id, "state": "Running"},
        {"time": at(5), "execution": gone},
    ]
    assert (await read(api, **{"from": at(3), "to": at(4)}))["backfilled"] == []


# Pauses, and the time that is not accounted for yet


async def test_a_pause_is_told_before_it_is_recorded(
    world: World, api: httpx.AsyncClient, minutely: Json
) -> None:
    await api.post("/api/v1/jobs/hello/pause", json={})
    await set_status(world, [line(1), line(2)], until=2, state="Paused", observedGeneration=2)
    told = await read(api)
    computed = told["lines"].pop()
    assert computed == {**run_of(3, 60, "Suspended", reason="Paused"), "computed": True}
    assert told["totals"]["suspended"] == 58
    assert told["unknown"] == []
    told = await read(api, **{"from": at(10), "to": at(10)})
    assert told["lines"] == [{**line(10, "Suspended", reason="Paused"), "computed": True}]


async def test_a_pause_of_many_seconds_has_a_bound(
    world: World, api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronos_api.decide.account.MAX_COUNTED", 100)
    body = job_body(schedule={"cron": ["* * * * * *"]}, suspend=True)
    await api.post("/api/v1/jobs", json=body)
    world.clock.advance(3600)
    await set_status(world, until=0, state="Paused")
    (computed,) = (await read(api))["lines"]
    assert (computed["count"], computed["atLeast"], computed["until"]) == (100, True, NOW)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        pytest.param({"until": 2}, "not accounted for yet", id="the operator is late"),
        pytest.param(
            {"until": 2, "state": "Paused"}, "not accounted for yet", id="a pause that has ended"
        ),
        pytest.param(
            {"until": 2, "observedGeneration": 0}, "not accounted for yet", id="a new version"
        ),
        pytest.param({}, "not accounted for yet", id="nobody has seen the job"),
    ],
)
async def test_what_is_not_accounted_for_is_unknown(
    world: World, minutely: Json, api: httpx.AsyncClient, status: Json, why: str
) -> None:
    lines = [line(1), line(2)] if "until" in status else []
    await set_status(world, lines, **status)
    told = await read(api)
    # Unseen the job may have had another schedule; else nothing is scheduled before minute 3.
    unseen = status.get("observedGeneration") == 0
    first = format_time(parse_time(at(2)) + timedelta(seconds=1)) if unseen else at(3)
    assert spans(told) == [(first if lines else at(1), NOW, why)]


async def test_where_nothing_was_scheduled_nothing_is_unknown(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.clock.advance(3600)
    await set_status(world)
    assert spans(await read(api)) == []


async def test_a_job_that_is_not_valid_has_an_unknown_present(
    world: World, api: httpx.AsyncClient
) -> None:
    spec = {**job_body(), "schedule": {"cron": ["61 * * * *"]}}
    del spec["name"]
    world.kubernetes.seed(JOBS, "default", {"metadata": {"name": "hello"}, "spec": spec})
    world.clock.advance(3600)
    assert spans(await read(api)) == [(at(0), NOW, "the job is not valid")]


async def test_before_the_job_and_after_now_is_unknown(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await set_status(world, [run_of(1, 60, "Missed")], until=60)
    period = {"from": "2026-03-28T09:00:00Z", "to": "2026-03-28T11:00:00Z"}
    assert spans(await read(api, **period)) == [
        ("2026-03-28T09:00:00Z", "2026-03-28T09:29:59Z", "before the job was stored"),
        ("2026-03-28T10:30:01Z", "2026-03-28T11:00:00Z", "not past yet"),
    ]


# An archive that is not as it should be


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "is broken", id="empty"),
        pytest.param(b"{", "is broken", id="half a document"),
        pytest.param(b"[]", "is broken", id="a list"),
        pytest.param(b"\xff", "is broken", id="no text"),
        pytest.param(b'{"lines": []}', "is broken", id="without its fields"),
        pytest.param(b" " * (4 * 1024 * 1024 + 1), "is broken", id="too big"),
        pytest.param(None, "no segment of the archive covers it", id="gone"),
    ],
)
async def test_a_bad_segment_is_an_unknown_period(
    world: World, minutely: Json, api: httpx.AsyncClient, data: bytes | None, words: str
) -> None:
    lines = [line(minute) for minute in range(1, 61)]
    archive(world, minutely, lines[:10], since=-1, until=10)
    key = archive(world, minutely, lines[10:20], since=10, until=20)
    archive(world, minutely, lines[20:40], since=20, until=40)
    if data is None:
        del world.objects.objects[key]
    else:
        world.objects.objects[key] = data
    await set_status(world, lines[40:], since=40, until=60)
    told = await read(api)
    assert minutes_of(told) == [*range(1, 11), *range(21, 61)]
    ((first, last, why),) = spans(told)
    assert (first, last) == (format_time(parse_time(at(10)) + timedelta(seconds=1)), at(20))
    assert words in why


@pytest.mark.parametrize("field", ["uid", "from", "until"])
async def test_a_segment_that_is_another_one_is_not_believed(
    world: World, minutely: Json, api: httpx.AsyncClient, field: str
) -> None:
    lie = {"uid": "another", "from": at(-2), "until": at(39)}[field]
    archive(world, minutely, [line(1)], since=-1, until=40, lie={field: lie})
    await set_status(world, since=40, until=60)
    told = await read(api, to=at(40))
    assert told["lines"] == []
    assert "is broken" in spans(told)[0][2]


async def test_other_files_in_the_archive_are_passed_over(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    key = archive(world, minutely, [line(1)], since=-1, until=40)
    folder = key.rpartition("/")[0]
    for name in ("000000000000.json", "1-2.json", "readme", "9" * 12 + "-x.json"):
        world.objects.objects[f"{folder}/{name}"] = b"x"
    await set_status(world, since=40, until=60)
    told = await read(api, to=at(40))
    assert minutes_of(told) == [1]
    assert told["unknown"] == []


async def test_an_object_store_that_is_away_makes_the_archive_unknown(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    archive(world, minutely, [line(1)], since=-1, until=40)
    await set_status(world, [line(41)], since=40, until=60)
    world.objects.fail_next("list_keys", Unreachable("refused"), times=10)
    told = await read(api)
    assert minutes_of(told) == [41]
    assert spans(told) == [
        (at(0), at(40), "the object store, where it is archived, does not answer")
    ]
    assert "backfilled seconds" in told["incomplete"]


async def test_a_segment_that_grows_meanwhile_is_read_again(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    archive(world, minutely, [line(1)], since=-1, until=40)
    await set_status(world, since=40, until=60)
    world.objects.fail_next("get", NotFound("gone"))
    told = await read(api, to=at(40))
    assert (minutes_of(told), told["unknown"]) == ([1], [])
    world.objects.fail_next("get", NotFound("gone"), times=2)
    assert "rewritten" in spans(await read(api, to=at(40)))[0][2]


# Pages


@pytest.mark.parametrize("limit", [1, 7, 20, 59, 60, 500])
async def test_pages_make_one_ledger(
    world: World, minutely: Json, api: httpx.AsyncClient, limit: int
) -> None:
    lines = [line(1), run_of(2, 5, "Missed"), *(line(minute) for minute in range(6, 61))]
    archive(world, minutely, lines[:10], since=-1, until=13)
    archive(world, minutely, lines[20:30], since=23, until=33)
    await set_status(world, lines[30:], since=33, until=60)
    found, unknown, token, pages = [], [], "", 0
    while True:
        page = await read(api, limit=limit, **({"continue": token} if token else {}))
        assert len(page["lines"]) <= limit
        found += page["lines"]
        unknown += spans(page)
        token, pages = page["continue"], pages + 1
        if not token:
            break
    assert found == [*lines[:10], *lines[20:]]
    assert pages <= 62
    # Nothing between the pages is left out: the stretches of what is unknown meet.
    assert unknown[0][0] == format_time(parse_time(at(13)) + timedelta(seconds=1))
    assert unknown[-1][1] == at(23)
    for before, after in pairwise(unknown):
        assert parse_time(before[1]) + timedelta(seconds=1) == parse_time(after[0])


async def test_one_request_reads_a_bounded_part_of_the_archive(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    start = parse_time(minutely["createdTime"])
    world.clock.advance(86400 * 10)
    for number in range(120):
        archive(
            world, minutely, [line(number * 60 + 60)], since=number * 60, until=number * 60 + 60
        )
    await set_status(world, since=7200, until=18000)
    found, token, requests = 0, "", 0
    while True:
        page = await read(api, to=at(7200), **({"continue": token} if token else {}))
        found, token, requests = found + len(page["lines"]), page["continue"], requests + 1
        assert len(world.objects.calls_of("get")) <= 50 * requests
        if requests == 1:
            assert page["to"] == format_time(start + timedelta(hours=50))
        if not token:
            break
    assert (found, requests) == (120, 3)


@pytest.mark.parametrize("token", ["x", "!!", "MjAyNg==", "", "/" * 256])
async def test_a_token_that_is_none_is_told_so(
    minutely: Json, api: httpx.AsyncClient, token: str
) -> None:
    if not token:
        assert (await api.get(URL, params={"continue": ""})).status_code == 200
        return
    (error,) = problem_of(await api.get(URL, params={"continue": token}), 422, "invalid")["errors"]
    assert error["parameter"] == "continue"


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        pytest.param({"from": "yesterday"}, "from", id="no time"),
        pytest.param({"from": "2026-03-28T09:30:00"}, "from", id="no offset"),
        pytest.param({"from": NOW, "to": "2026-03-28T10:29:59Z"}, "to", id="backwards"),
        pytest.param({"from": "1969-12-31T23:59:59Z"}, "from", id="before all calendars"),
        pytest.param({"to": "9999-12-31T23:59:59Z"}, "to", id="beyond all calendars"),
        pytest.param({"limit": "0"}, "limit", id="no lines"),
        pytest.param({"limit": "5001"}, "limit", id="too many lines"),
        pytest.param({"since": NOW}, "since", id="an unknown word"),
        pytest.param({"continue": "x" * 257}, "continue", id="a long token"),
    ],
)
async def test_a_wrong_parameter_is_named(
    minutely: Json, api: httpx.AsyncClient, params: Json, parameter: str
) -> None:
    (error,) = problem_of(await api.get(URL, params=params), 422, "invalid")["errors"]
    assert error["parameter"] == parameter


async def test_a_plus_in_the_address_is_a_plus(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await set_status(world, [run_of(1, 60, "Missed")], until=60)
    answer = await api.get(f"{URL}?from=2026-03-28T10:30:00+01:00&to=2026-03-28T11:00:00%2B01:00")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["from"], answer.json()["to"]) == (at(0), at(30))


async def test_a_status_that_cannot_be_read_is_no_ledger(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    (stored,) = world.kubernetes.objects(JOBS, "default")
    stored["status"] = {"ledger": "all of it"}
    world.kubernetes._objects[JOBS]["default", "hello"] = stored
    assert spans(await read(api)) == [(at(0), NOW, "not accounted for yet")]


async def test_after_the_last_run_nothing_is_unknown(
    world: World, minutely: Json, api: httpx.AsyncClient
) -> None:
    await set_status(world, [line(1), line(2)], until=2, state="Completed")
    assert spans(await read(api)) == []


async def test_a_job_that_is_not_there(api: httpx.AsyncClient) -> None:
    problem_of(await api.get(URL), 404, "job_not_found")


def test_the_hour_is_the_one_the_tests_speak_of() -> None:
    assert datetime.fromisoformat(at(60)) == datetime.fromisoformat(NOW)
