"""Bad input: each gets its 4xx, with the field and the remedy, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronos_api.body import MAX_BYTES, MAX_DEPTH, parse_json
from chronos_api.errors import ApiError
from chronos_clients.resources import JOBS

from .conftest import World, job_body, problem_of

JOBS_URL = "/api/v1/jobs"
JSON = {"Content-Type": "application/json"}


def with_container(**changes: Any) -> dict[str, Any]:
    return job_body(workload={"container": {"image": "busybox", **changes}})


FIELDS = [
    pytest.param(job_body(schedule={"cron": ["61 * * * *"]}), "/schedule/cron/0", id="a bad cron"),
    pytest.param(
        job_body(schedule={"cron": ["* * * * *", "59 23 31 2 *"]}),
        "/schedule/cron/1",
        id="a cron that never fires",
    ),
    pytest.param(
        job_body(schedule={"cron": ["* * * * *"], "timeZone": "Europe/Berln"}),
        "/schedule/timeZone",
        id="an unknown zone",
    ),
    pytest.param(
        job_body(schedule={"at": ["2026-03-28T09:29:59Z"]}), "/schedule/at/0", id="a past time"
    ),
    pytest.param(
        job_body(schedule={"at": ["2026-03-29T09:30:00"]}),
        "/schedule/at/0",
        id="a time without an offset",
    ),
    pytest.param(job_body(schedule={}), "/schedule", id="no time at all"),
    pytest.param(
        job_body(schedule={"cron": ["0 3 * * *"], "excludeCalendars": ["nowhere"]}),
        "/schedule/excludeCalendars/0",
        id="a calendar that is not there",
    ),
    pytest.param(job_body("Capital"), "/name", id="a name with capitals"),
    pytest.param(job_body("n" * 60), "/name", id="a name of 60 characters"),
    pytest.param(job_body(""), "/name", id="an empty name"),
    pytest.param(job_body("../../etc"), "/name", id="a name that is a path"),
    pytest.param(job_body("naïve"), "/name", id="a name with an accent"),
    pytest.param(job_body("a\n"), "/name", id="a name with a newline"),
    pytest.param(job_body("a\0b"), "/name", id="a name with a NUL"),
    pytest.param({**job_body(), "name": 5}, "/name", id="a number as a name"),
    pytest.param({**job_body(), "name": None}, "/name", id="null as a name"),
    pytest.param(job_body(colour="red"), "/colour", id="an unknown field"),
    pytest.param(
        with_container(privileged=True), "/workload/container/privileged", id="a field of a pod"
    ),
    pytest.param(job_body(**{"a/b~c": 1}), "/a~1b~0c", id="an unknown field of odd characters"),
    pytest.param(job_body(retry={"maxAttempts": -1}), "/retry/maxAttempts", id="a negative number"),
    pytest.param(
        job_body(retry={"maxAttempts": "3"}), "/retry/maxAttempts", id="a number as a string"
    ),
    pytest.param(job_body(retry={"maxAttempts": 1.5}), "/retry/maxAttempts", id="a fraction"),
    pytest.param(
        job_body(retry={"maxAttempts": True}), "/retry/maxAttempts", id="a truth value as a number"
    ),
    pytest.param(
        job_body(retry={"maxAttempts": 10**400}), "/retry/maxAttempts", id="a number of 400 digits"
    ),
    pytest.param(job_body(suspend="yes"), "/suspend", id="text as a truth value"),
    pytest.param(job_body(suspend=1), "/suspend", id="a number as a truth value"),
    pytest.param(job_body(schedule=["* * * * *"]), "/schedule", id="a list as an object"),
    pytest.param(with_container(runAsUser=0), "/workload/container/runAsUser", id="root"),
    pytest.param(
        with_container(command=["a\0b"]), "/workload/container/command/0", id="a NUL in a command"
    ),
    pytest.param(
        job_body(metadata={"namespace": "kube-system"}), "/metadata", id="another namespace"
    ),
]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("body", "pointer"), FIELDS)
async def test_a_wrong_field_is_named_with_a_remedy(
    world: World, api: httpx.AsyncClient, method: str, body: dict[str, Any], pointer: str
) -> None:
    if method == "PUT":
        await api.post(JOBS_URL, json=job_body())
    before = world.kubernetes.objects(JOBS)
    url = JOBS_URL if method == "POST" else f"{JOBS_URL}/hello"
    answer = await api.request(method, url, json=body)
    errors = problem_of(answer, 422, "invalid")["errors"]
    named = [error for error in errors if error["pointer"] == pointer]
    assert named, errors
    assert all(error["message"] and error["remedy"] for error in named)
    assert world.kubernetes.objects(JOBS) == before


@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        pytest.param(
            {"everySeconds": 5, "endTime": "2020-01-01T00:00:00Z"},
            "/schedule/endTime",
            id="a window of the past",
        ),
        pytest.param({"cron": ["0 0 0 1 1 ? 2020"]}, "/schedule", id="a year of the past"),
    ],
)
async def test_a_new_job_has_a_time_ahead(
    world: World, api: httpx.AsyncClient, schedule: dict[str, Any], pointer: str
) -> None:
    answer = await api.post(JOBS_URL, json=job_body(schedule=schedule))
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert (error["pointer"], error["remedy"]) == (pointer, "give a time in the future")
    assert world.kubernetes.objects(JOBS) == []


async def test_everything_wrong_is_told_at_once(api: httpx.AsyncClient) -> None:
    body = job_body("Capital", colour="red", retry={"maxAttempts": 0})
    errors = problem_of(await api.post(JOBS_URL, json=body), 422, "invalid")["errors"]
    assert {error["pointer"] for error in errors} == {"/name", "/colour", "/retry/maxAttempts"}


async def test_a_missing_name_is_told(api: httpx.AsyncClient) -> None:
    body = job_body()
    del body["name"]
    (error,) = problem_of(await api.post(JOBS_URL, json=body), 422, "invalid")["errors"]
    assert (error["pointer"], error["message"]) == ("/name", "is required")


async def test_a_body_wrong_in_a_thousand_places_gets_a_short_answer(
    api: httpx.AsyncClient,
) -> None:
    body = job_body(**{f"x{number}{'y' * 600}": 1 for number in range(1000)})
    answer = await api.post(JOBS_URL, json=body)
    assert len(problem_of(answer, 422, "invalid")["errors"]) == 50
    assert len(answer.content) < 64 * 1024


GOOD = json.dumps(job_body()).encode()
BODIES = [
    pytest.param(b"", JSON, 400, "malformed_body", id="nothing"),
    pytest.param(b"{", JSON, 400, "malformed_body", id="half an object"),
    pytest.param(GOOD + b"{}", JSON, 400, "malformed_body", id="two objects"),
    pytest.param(b"[]", JSON, 400, "malformed_body", id="a list"),
    pytest.param(b"null", JSON, 400, "malformed_body", id="null"),
    pytest.param(b'"text"', JSON, 400, "malformed_body", id="text"),
    pytest.param(b'{"a": NaN}', JSON, 400, "malformed_body", id="NaN"),
    pytest.param(b'{"a": -Infinity}', JSON, 400, "malformed_body", id="minus infinity"),
    pytest.param(b'{"a": 1e999}', JSON, 400, "malformed_body", id="infinity in disguise"),
    pytest.param(
        b'{"a": ' + b"9" * 5000 + b"}", JSON, 400, "malformed_body", id="a number of 5,000 digits"
    ),
    pytest.param(b'{"a": "\xff"}', JSON, 400, "malformed_body", id="not UTF-8"),
    pytest.param(json.dumps(job_body()).encode("utf-16"), JSON, 400, "malformed_body", id="UTF-16"),
    pytest.param(b"\xef\xbb\xbf" + GOOD, JSON, 400, "malformed_body", id="a byte order mark"),
    pytest.param(b'{"a": 1,}', JSON, 400, "malformed_body", id="a trailing comma"),
    pytest.param(b'{"a":' * 40 + b"1" + b"}" * 40, JSON, 400, "malformed_body", id="too deep"),
    pytest.param(b"[" * 500_000, JSON, 400, "malformed_body", id="deeper than any parser goes"),
    pytest.param(b'{"a": 1, "a": 1}', JSON, 400, "duplicate_key", id="a duplicate key"),
    pytest.param(b'{"a": "\\ud800"}', JSON, 422, "invalid", id="half a surrogate pair"),
    pytest.param(b'{"\\udfff": 1}', JSON, 422, "invalid", id="half a pair as a key"),
    pytest.param(GOOD, {"Content-Type": "text/plain"}, 415, "unsupported_body", id="plain text"),
    pytest.param(
        GOOD,
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "unsupported_body",
        id="a form, which any web page may send",
    ),
    pytest.param(GOOD, {"Content-Type": ""}, 415, "unsupported_body", id="no type"),
    pytest.param(
        GOOD,
        {"Content-Type": "application/json; charset=latin-1"},
        415,
        "unsupported_body",
        id="another charset",
    ),
    pytest.param(
        GOOD, {**JSON, "Content-Encoding": "gzip"}, 415, "unsupported_body", id="compressed"
    ),
    pytest.param(
        b'{"a": "' + b"x" * MAX_BYTES + b'"}', JSON, 413, "body_too_large", id="1 MiB and a bit"
    ),
    pytest.param(b" " * 2_000_000, JSON, 413, "body_too_large", id="2 MB of nothing"),
]


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("content", "headers", "status", "code"), BODIES)
async def test_a_body_that_cannot_be_read_is_refused(
    world: World, api: httpx.AsyncClient,
    method: str, content: bytes, headers: dict[str, str], status: int, code: str,
) -> None:  # fmt: skip
    url = JOBS_URL if method == "POST" else f"{JOBS_URL}/hello"
    answer = await api.request(method, url, content=content, headers=headers)
    problem_of(answer, status, code)
    assert world.kubernetes.calls_of("create") == []
    assert world.kubernetes.calls_of("replace") == []


async def test_a_large_body_without_a_length_is_not_read_to_its_end(
    world: World, api: httpx.AsyncClient
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 65536
            yield b" " * 65536

    answer = await api.post(JOBS_URL, content=endless(), headers=JSON)
    problem_of(answer, 413, "body_too_large")
    assert sent < 2 * MAX_BYTES


async def test_a_duplicate_key_is_named_where_it_is(api: httpx.AsyncClient) -> None:
    content = b'{"name": "a", "schedule": {"cron": ["* * * * *"], "x/y": 1, "x/y": 2}}'
    answer = await api.post(JOBS_URL, content=content, headers=JSON)
    problem = problem_of(answer, 400, "duplicate_key")
    assert problem["errors"][0]["pointer"] == "/schedule/x~1y"
    assert "'x/y'" in problem["detail"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8",
     'application/json;charset="UTF-8"'],
)  # fmt: skip
async def test_json_in_utf_8_is_taken_however_it_is_written(
    api: httpx.AsyncClient, content_type: str
) -> None:
    answer = await api.post(JOBS_URL, content=GOOD, headers={"Content-Type": content_type})
    assert answer.status_code == 201


async def test_a_description_may_be_in_any_script(api: httpx.AsyncClient) -> None:
    text = "夜のレポート 🚀 ärgerlich"
    answer = await api.post(JOBS_URL, json=job_body(description=text))
    assert answer.json()["description"] == text


def test_the_deepest_document_that_is_taken_is_as_deep_as_said() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)

    assert parse_json(nested(MAX_DEPTH))
    with pytest.raises(ApiError, match="deeper"):
        parse_json(nested(MAX_DEPTH + 1))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), _VALUES))
def test_what_is_taken_is_what_was_sent(document: dict[str, Any]) -> None:
    try:
        taken = parse_json(json.dumps(document).encode())
    except ApiError:
        text = json.dumps(document)
        assert "\\u0000" in text or "\\ud" in text
        return
    assert taken == document


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_document_or_a_refusal(data: bytes) -> None:
    try:
        taken = parse_json(data)
    except ApiError as error:
        status = error.status
    else:
        status = 200 if isinstance(taken, dict) else 500
    assert status in (200, 400, 422)


# Query parameters

QUERIES = [
    pytest.param("limit=0", "limit", id="a limit of none"),
    pytest.param("limit=501", "limit", id="a limit above 500"),
    pytest.param("limit=-1", "limit", id="a negative limit"),
    pytest.param("limit=", "limit", id="an empty limit"),
    pytest.param("limit=1_0", "limit", id="a limit as Python writes it"),
    pytest.param("limit=1e1", "limit", id="a limit in scientific notation"),
    pytest.param("limit=10&limit=20", "limit", id="a limit given twice"),
    pytest.param("Limit=10", "Limit", id="a parameter in capitals"),
    pytest.param("page=2", "page", id="an unknown parameter"),
    pytest.param("next=abc", "next", id="the token by another name"),
    pytest.param("continue=" + "x" * 5000, "continue", id="a token of 5,000 characters"),
    pytest.param("tenant=default&tenant=team-a", "tenant", id="two tenants"),
]


@pytest.mark.parametrize(("query", "parameter"), QUERIES)
async def test_a_wrong_parameter_is_named(
    api: httpx.AsyncClient, query: str, parameter: str
) -> None:
    problem = problem_of(await api.get(f"{JOBS_URL}?{query}"), 422, "invalid")
    assert parameter in [error["parameter"] for error in problem["errors"]]
    assert all(error["message"] and error["remedy"] for error in problem["errors"])


@pytest.mark.parametrize(
    "tenant",
    ["nowhere", "kube-system", "kube-public", "chronos-system", "Default", "", "..", "a/b",
     "default%00", "%F0%9F%9A%80", "x" * 64],
)  # fmt: skip
async def test_an_unknown_tenant_and_a_forbidden_one_look_alike(
    world: World, api: httpx.AsyncClient, tenant: str
) -> None:
    answer = await api.get(f"{JOBS_URL}?tenant={tenant}")
    if len(tenant) > 63:
        problem_of(answer, 404, "tenant_not_found")
        return
    problem = problem_of(answer, 404, "tenant_not_found")
    assert problem["detail"].startswith("there is no tenant")
    assert world.kubernetes.calls_of("list") == []
