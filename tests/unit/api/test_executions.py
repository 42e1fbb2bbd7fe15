"""Executions and their logs over REST."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chronos_api.logs import LogBroken
from chronos_api.schemas.executions import Execution, ExecutionList, LogLink
from chronos_clients.errors import Denied, ServerTrouble, Throttled, Unreachable
from chronos_clients.resources import EXECUTIONS, JOBS
from chronos_clients.testing import FakeObjectStore
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

TIMES = [f"2026-03-28T09:0{minute}:00Z" for minute in range(5)]


def attempt(number: int, job: str = "hello-1774688400", **more: Any) -> Json:
    return {"number": number, "name": f"{job}-{number}", **more}


async def read_all(api: httpx.AsyncClient, limit: int) -> list[list[str]]:
    """The scheduled times of all pages."""
    pages, token = [], ""
    while True:
        params = {"limit": str(limit), **({"continue": token} if token else {})}
        answer = await api.get("/api/v1/jobs/hello/executions", params=params)
        page = answer.json()
        parse_model(ExecutionList, page)
        pages.append([item["scheduledTime"] for item in page["items"]])
        token = page["continue"]
        if not token:
            return pages


# Lists


async def test_executions_come_newest_first_and_in_pages(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    for at in (TIMES[2], TIMES[0], TIMES[4], TIMES[1], TIMES[3]):
        world.seed_execution(job, at=at)
    assert await read_all(api, 2) == [
        [TIMES[4], TIMES[3]],
        [TIMES[2], TIMES[1]],
        [TIMES[0]],
    ]


async def test_a_page_that_holds_exactly_all_is_the_last(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    for at in TIMES:
        world.seed_execution(job, at=at)
    assert [len(page) for page in await read_all(api, 5)] == [5]


async def test_one_that_starts_between_two_pages_repeats_none(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    for at in TIMES[:4]:
        world.seed_execution(job, at=at)
    url = "/api/v1/jobs/hello/executions"
    first = (await api.get(url, params={"limit": "2"})).json()
    world.seed_execution(job, at=TIMES[4])
    second = (await api.get(url, params={"limit": "9", "continue": first["continue"]})).json()
    assert [it["scheduledTime"] for it in second["items"]] == [TIMES[1], TIMES[0]]


async def test_times_beyond_ten_digits_are_sorted_by_time_not_by_name(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    old, new = "2001-09-09T01:46:39Z", "2001-09-09T01:46:40Z"  # 999999999 and 1000000000
    for at in (new, old):
        world.seed_execution(job, at=at)
    assert await read_all(api, 9) == [[new, old]]


async def test_executions_of_an_earlier_job_of_that_name_are_left_out(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.seed_execution({**job, "uid": "00000000-0000-4000-8000-000000000000"}, at=TIMES[0])
    world.seed_execution(job, at=TIMES[1])
    assert await read_all(api, 9) == [[TIMES[1]]]


async def test_executions_of_no_job_are_not_found(api: httpx.AsyncClient) -> None:
    problem_of(await api.get("/api/v1/jobs/none/executions"), 404, "job_not_found")


@pytest.mark.parametrize("token", ["x", "W10=", "WzEsMl0=", "bnVsbA==", "WyIyMDI2IiwiYSJd", "é"])
async def test_a_made_up_token_is_refused(job: Json, api: httpx.AsyncClient, token: str) -> None:
    answer = await api.get("/api/v1/jobs/hello/executions", params={"continue": token})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["parameter"] == "continue"


# One


async def test_an_execution_tells_all_of_its_attempts(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    log = {"key": "k", "bytes": 3, "sha256": "5" * 64, "complete": False, "message": "lost some"}
    ended = attempt(
        1, outcome="Failed", exitCode=3, durationMs=17, startTime=TIMES[1], log=log,
        completionTime=TIMES[2], pod="p", reason="Error", message="said",
    )  # fmt: skip
    status = {"state": "Running", "attempts": [ended, attempt(2)], "reason": "Retrying"}
    id = world.seed_execution(job, at=TIMES[0], status=status)
    told = (await api.get(f"/api/v1/executions/{id}")).json()
    parse_model(Execution, told)
    assert told["attempts"] == [ended, attempt(2)]
    assert (told["id"], told["job"], told["tenant"], told["jobUid"]) == (
        id,
        "hello",
        "default",
        job["uid"],
    )
    assert (told["state"], told["reason"], told["trigger"]) == ("Running", "Retrying", "Schedule")


async def test_an_execution_nobody_has_looked_at_is_pending(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    id = world.seed_execution(job)
    told = (await api.get(f"/api/v1/executions/{id}")).json()
    assert (told["state"], told["attempts"]) == ("Pending", [])


@pytest.mark.parametrize("id", ["none-1", "%00", "%2e%2e", "A-1", "n" * 64, "%C3%BC"])
@pytest.mark.parametrize("rest", ["", "/logs", "/log-url"])
async def test_an_execution_that_is_none_is_not_found(
    api: httpx.AsyncClient, id: str, rest: str
) -> None:
    answer = await api.get(f"/api/v1/executions/{id}{rest}")
    problem_of(answer, 404, "execution_not_found")


async def test_an_execution_of_another_tenant_is_not_found(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    id = world.seed_execution(job)
    answer = await api.get(f"/api/v1/executions/{id}", params={"tenant": "team-a"})
    problem_of(answer, 404, "execution_not_found")


# Logs


def seed_logs(world: World, job: Json, *logs: bytes | None, complete: bool = True) -> str:
    """An execution with one attempt per log; None: not shipped yet."""
    id = world.seed_execution(job)
    attempts = []
    for number, data in enumerate(logs, start=1):
        told = attempt(number, id)
        if data is not None:
            told["log"] = {**world.ship_log(job, id, number, data), "complete": complete}
        attempts.append(told)
    world.seed_execution(job, status={"state": "Running", "attempts": attempts})
    return id


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello\n", id="a line"),
        pytest.param(b"\x00\xff\xfe\r\n<script>", id="bytes that are no text"),
        pytest.param(bytes(range(256)) * 4000, id="a megabyte"),
    ],
)
async def test_a_log_comes_byte_for_byte(
    world: World, job: Json, api: httpx.AsyncClient, data: bytes
) -> None:
    id = seed_logs(world, job, data)
    answer = await api.get(f"/api/v1/executions/{id}/logs")
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(data).digest()
    assert answer.headers["content-length"] == str(len(data))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-chronos-log-complete"] == "true"
    assert answer.headers["x-chronos-log-sha256"] == "5" * 64
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("logs", "asked", "expected"),
    [
        pytest.param([b"1", b"2"], None, b"2", id="the newest by default"),
        pytest.param([b"1", None], None, b"1", id="the newest that has one"),
        pytest.param([b"1", b"2"], 1, b"1", id="the one that is asked for"),
    ],
)
async def test_which_log_is_given(
    world: World, job: Json, api: httpx.AsyncClient,
    logs: list[bytes | None], asked: int | None, expected: bytes,
) -> None:  # fmt: skip
    id = seed_logs(world, job, *logs)
    params = {} if asked is None else {"attempt": str(asked)}
    answer = await api.get(f"/api/v1/executions/{id}/logs", params=params)
    assert answer.content == expected
    assert answer.headers["x-chronos-log-attempt"] == expected.decode()


@pytest.mark.parametrize("rest", ["logs", "log-url"])
@pytest.mark.parametrize(
    ("logs", "params", "code"),
    [
        pytest.param([], {}, "log_not_ready", id="no attempt yet"),
        pytest.param([None], {}, "log_not_ready", id="not shipped yet"),
        pytest.param([b"1", None], {"attempt": "2"}, "log_not_ready", id="that one not yet"),
        pytest.param([b"1"], {"attempt": "2"}, "attempt_not_found", id="no such attempt"),
    ],
)
async def test_a_log_that_is_not_there_is_told_so(
    world: World, job: Json, api: httpx.AsyncClient,
    rest: str, logs: list[bytes | None], params: dict[str, str], code: str,
) -> None:  # fmt: skip
    id = seed_logs(world, job, *logs)
    answer = await api.get(f"/api/v1/executions/{id}/{rest}", params=params)
    problem_of(answer, 404, code)
    assert ("retry-after" in answer.headers) == (code == "log_not_ready")


async def test_an_incomplete_log_says_so(world: World, job: Json, api: httpx.AsyncClient) -> None:
    id = seed_logs(world, job, b"some", complete=False)
    answer = await api.get(f"/api/v1/executions/{id}/logs")
    assert answer.headers["x-chronos-log-complete"] == "false"


async def test_a_log_gone_from_the_store_is_told_so(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    id = seed_logs(world, job, b"gone")
    world.objects.objects.clear()
    problem_of(await api.get(f"/api/v1/executions/{id}/logs"), 404, "log_missing")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Unreachable("refused"), id="no answer"),
        pytest.param(Denied("wrong keys AKIA123"), id="wrong credentials"),
        pytest.param(ServerTrouble("500"), id="a failing store"),
        pytest.param(Throttled("slow", 9), id="a busy store"),
    ],
)
@pytest.mark.parametrize(
    ("rest", "verb"), [("logs", "read"), ("logs", "chunk"), ("log-url", "link")]
)
async def test_a_store_that_is_away_is_told_so(
    world: World, job: Json, api: httpx.AsyncClient, error: Any, rest: str, verb: str
) -> None:
    id = seed_logs(world, job, b"x" * 5000)
    world.objects.fail_next(verb, error)
    answer = await api.get(f"/api/v1/executions/{id}/{rest}")
    problem_of(answer, 503, "object_store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "AKIA123" not in answer.text


class BreakingStore(FakeObjectStore):
    """Breaks off behind the first chunk."""

    async def read(self, key: str) -> AsyncIterator[bytes]:
        yield self.objects[key][:1000]
        raise Unreachable("reset")


async def test_a_store_that_breaks_off_underway_breaks_the_answer(world: World, job: Json) -> None:
    world.objects = BreakingStore()
    id = seed_logs(world, job, b"x" * 5000)
    async with world.client() as client:
        # Half an answer must not look like a whole one: the server closes the connection.
        with pytest.raises(LogBroken):
            await client.get(f"/api/v1/executions/{id}/logs")


async def test_a_foreign_key_in_a_status_opens_nothing(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    """A tenant who may write status must not read another tenant's logs by it."""
    other = (await api.post("/api/v1/jobs", params={"tenant": "team-a"}, json=job_body())).json()
    secret = world.ship_log(other, "hello-1", 1, b"another tenant's")
    id = world.seed_execution(job)
    for key in (secret["key"], "../" + secret["key"], "/" + secret["key"]):
        told = attempt(1, id, log={**secret, "key": key})
        world.seed_execution(job, status={"attempts": [told]})
        for rest in ("logs", "log-url"):
            problem_of(await api.get(f"/api/v1/executions/{id}/{rest}"), 404, "log_missing")
    assert world.objects.calls == []


async def test_a_uid_that_is_a_path_opens_nothing(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    uid = "../team-a/x"
    forged = {**job, "uid": uid}
    id = world.seed_execution(forged)
    log = world.ship_log(forged, id, 1, b"another tenant's")
    world.seed_execution(forged, status={"attempts": [attempt(1, id, log=log)]})
    problem_of(await api.get(f"/api/v1/executions/{id}/logs"), 404, "log_missing")


# Links


async def test_a_link_tells_what_it_opens_and_until_when(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.settings["s3_prefix"] = "chronos/"
    async with world.client() as client:
        id = seed_logs(world, job, b"hello\n")
        link = (
            await client.get(f"/api/v1/executions/{id}/log-url", params={"expires": "60"})
        ).json()
    parse_model(LogLink, link)
    assert f"/chronos/default/{job['uid']}/{id}/1.log?" in link["url"]
    assert "X-Amz-Expires=60" in link["url"]
    assert link["expiresTime"] == "2026-03-28T09:31:00Z"
    assert (link["bytes"], link["complete"], link["attempt"]) == (6, True, 1)


async def test_a_link_lives_five_minutes_unless_told(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    id = seed_logs(world, job, b"hello\n")
    link = (await api.get(f"/api/v1/executions/{id}/log-url")).json()
    assert "X-Amz-Expires=300" in link["url"]
    assert link["expiresTime"] == "2026-03-28T09:35:00Z"


@pytest.mark.parametrize(
    "expires", ["0", "-1", "301", "1e2", "60.0", " 60", "+60", "6_0", "٦٠", ""]
)
async def test_a_link_of_another_length_is_refused(api: httpx.AsyncClient, expires: str) -> None:
    answer = await api.get("/api/v1/executions/hello-1/log-url", params={"expires": expires})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["parameter"] == "expires"
    assert "1 to 300" in error["remedy"]


async def test_reading_changes_nothing(world: World, job: Json, api: httpx.AsyncClient) -> None:
    id = seed_logs(world, job, b"hello\n")
    before = (world.kubernetes.objects(JOBS), world.kubernetes.objects(EXECUTIONS))
    for path in ("jobs", "jobs/hello", "jobs/hello/executions", f"executions/{id}/logs"):
        assert (await api.get(f"/api/v1/{path}")).status_code == 200
    assert (world.kubernetes.objects(JOBS), world.kubernetes.objects(EXECUTIONS)) == before
