"""Jobs over REST: what is stored, what comes back, and who wins when two change one job."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from chronos_api.schemas.jobs import Job, JobList
from chronos_clients.errors import (
    Cause,
    Conflict,
    Denied,
    Invalid,
    ServerTrouble,
    TemporaryError,
    Throttled,
    Unreachable,
)
from chronos_clients.resources import JOBS
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

JOBS_URL = "/api/v1/jobs"


async def set_status(world: World, name: str, **status: Any) -> None:
    """What the operator does."""
    await world.kubernetes.patch(JOBS, "default", name, {"status": status}, subresource="status")


# Create


async def test_a_job_is_stored_as_it_was_handed_in(world: World, api: httpx.AsyncClient) -> None:
    body = job_body(
        schedule={"at": ["2026-03-28T11:00:00+01:00"], "timeZone": "Europe/Berlin"},
        retry={"maxAttempts": 3},
    )
    answer = await api.post(JOBS_URL, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == "/api/v1/jobs/hello"
    (stored,) = world.kubernetes.objects(JOBS, "default")
    assert stored["metadata"]["name"] == "hello"
    schedule = stored["spec"]["schedule"]
    assert schedule["at"] == ["2026-03-28T10:00:00Z"]
    assert schedule["immediate"] is False
    assert schedule["timeZone"] == "Europe/Berlin"
    assert "cron" not in schedule
    assert stored["spec"]["retry"]["maxAttempts"] == 3
    assert answer.headers["etag"] == f'"{stored["metadata"]["resourceVersion"]}"'


async def test_the_answer_is_a_job_as_the_document_describes_it(job: Json) -> None:
    parse_model(Job, job)
    assert job["name"] == "hello"
    assert job["tenant"] == "default"
    assert job["createdTime"] == "2026-03-28T09:30:00Z"
    assert job["status"].keys() & {"cursorTime", "scheduleDigest"} == set()


async def test_a_named_tenant_is_where_the_job_goes(world: World, api: httpx.AsyncClient) -> None:
    answer = await api.post(JOBS_URL, params={"tenant": "team-a"}, json=job_body())
    assert answer.headers["location"] == "/api/v1/jobs/hello?tenant=team-a"
    assert [it["metadata"]["name"] for it in world.kubernetes.objects(JOBS, "team-a")] == ["hello"]
    assert world.kubernetes.objects(JOBS, "default") == []
    followed = await api.get(answer.headers["location"])
    assert followed.json()["tenant"] == "team-a"


async def test_a_name_is_taken_once(job: Json, api: httpx.AsyncClient) -> None:
    problem_of(await api.post(JOBS_URL, json=job_body()), 409, "name_taken")


async def test_the_same_name_in_another_tenant_is_another_job(
    job: Json, api: httpx.AsyncClient
) -> None:
    answer = await api.post(JOBS_URL, params={"tenant": "team-a"}, json=job_body())
    assert answer.status_code == 201
    assert answer.json()["uid"] != job["uid"]


async def test_of_ten_at_once_one_is_created(api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(api.post(JOBS_URL, json=job_body()) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


# Read


async def test_a_job_shows_what_the_operator_wrote(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    await set_status(
        world, "hello", state="Scheduled", nextTime="2026-03-29T02:30:00Z", started=2,
        scheduleDigest="d", cursorTime="2026-03-28T09:30:00Z",
    )  # fmt: skip
    status = (await api.get(f"{JOBS_URL}/hello")).json()["status"]
    assert (status["state"], status["nextTime"], status["started"]) == (
        "Scheduled",
        "2026-03-29T02:30:00Z",
        2,
    )
    assert "scheduleDigest" not in status
    assert "cursorTime" not in status


async def test_a_job_that_came_past_the_api_is_readable_however_odd(
    world: World, api: httpx.AsyncClient
) -> None:
    spec = {**job_body(), "schedule": {"at": ["2026-03-28T09:30:00.5Z"], "timeZone": "Mars/Base"}}
    del spec["name"]
    world.kubernetes.seed(JOBS, "default", {"metadata": {"name": "odd"}, "spec": spec})
    answer = await api.get(f"{JOBS_URL}/odd")
    assert answer.status_code == 200
    assert answer.json()["schedule"]["timeZone"] == "Mars/Base"
    repaired = await api.put(f"{JOBS_URL}/odd", json=job_body("odd"))
    assert repaired.status_code == 200, repaired.text


async def test_jobs_come_in_name_order_and_in_pages(api: httpx.AsyncClient) -> None:
    for name in ("c", "a", "e", "b", "d"):
        await api.post(JOBS_URL, json=job_body(name))
    pages, token = [], ""
    while True:
        params = {"limit": "2", **({"continue": token} if token else {})}
        page = (await api.get(JOBS_URL, params=params)).json()
        parse_model(JobList, page)
        pages.append([item["name"] for item in page["items"]])
        token = page["continue"]
        if not token:
            break
    assert pages == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_list_shows_one_tenant_only(job: Json, api: httpx.AsyncClient) -> None:
    answer = await api.get(JOBS_URL, params={"tenant": "team-a"})
    assert answer.json() == {"items": [], "continue": ""}


async def test_a_token_that_is_none_is_told_so(api: httpx.AsyncClient) -> None:
    answer = await api.get(JOBS_URL, params={"continue": "made-up"})
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["parameter"] == "continue"


async def test_a_token_that_is_too_old_is_told_so(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    await api.post(JOBS_URL, json=job_body("second"))
    token = (await api.get(JOBS_URL, params={"limit": "1"})).json()["continue"]
    world.kubernetes.expire_tokens()
    answer = await api.get(JOBS_URL, params={"continue": token})
    problem_of(answer, 410, "continue_expired")


# Replace


async def test_a_replaced_job_has_defaults_where_nothing_is_said(api: httpx.AsyncClient) -> None:
    await api.post(JOBS_URL, json=job_body(suspend=True, description="before"))
    body = job_body(schedule={"cron": ["0 0 3 * * *"]})
    del body["name"]
    answer = await api.put(f"{JOBS_URL}/hello", json=body)
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["suspend"] is False
    assert changed["description"] == ""
    assert changed["schedule"]["cron"] == ["0 0 3 * * *"]


async def test_a_replace_keeps_labels_status_and_identity(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    await world.kubernetes.patch(JOBS, "default", "hello", {"metadata": {"labels": {"a": "b"}}})
    await set_status(world, "hello", state="Scheduled")
    await api.put(f"{JOBS_URL}/hello", json=job_body(suspend=True))
    (stored,) = world.kubernetes.objects(JOBS, "default")
    assert stored["metadata"]["labels"] == {"a": "b"}
    assert stored["metadata"]["uid"] == job["uid"]
    assert stored["status"]["state"] == "Scheduled"


async def test_the_operator_writing_meanwhile_does_not_fail_a_replace(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("replace", Conflict("modified"), times=3)
    answer = await api.put(f"{JOBS_URL}/hello", json=job_body(suspend=True))
    assert answer.status_code == 200
    assert len(world.kubernetes.calls_of("replace")) == 4


async def test_a_job_that_never_holds_still_is_a_conflict(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("replace", Conflict("modified"), times=100)
    answer = await api.put(f"{JOBS_URL}/hello", json=job_body(suspend=True))
    problem_of(answer, 409, "conflict")


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        pytest.param("{etag}", 200, id="the version of now"),
        pytest.param('"1", {etag}', 200, id="the version of now among others"),
        pytest.param("*", 200, id="any version"),
        pytest.param('"1"', 412, id="another version"),
        pytest.param("W/{etag}", 412, id="a weak tag, which never matches"),
        pytest.param("", 412, id="an empty list"),
        pytest.param("17", 412, id="a tag without quotes"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_if_match_decides_whether_a_job_changes(
    job: Json, api: httpx.AsyncClient, method: str, if_match: str, status: int
) -> None:
    etag = (await api.get(f"{JOBS_URL}/hello")).headers["etag"]
    headers = {"If-Match": if_match.format(etag=etag)}
    body = {"json": job_body(suspend=True)} if method == "PUT" else {}
    answer = await api.request(method, f"{JOBS_URL}/hello", headers=headers, **body)
    if status == 412:
        problem_of(answer, 412, "precondition_failed")
        assert (await api.get(f"{JOBS_URL}/hello")).headers["etag"] == etag
    else:
        assert answer.is_success, answer.text


async def test_of_two_with_the_same_etag_one_wins(job: Json, api: httpx.AsyncClient) -> None:
    etag = (await api.get(f"{JOBS_URL}/hello")).headers["etag"]
    answers = await asyncio.gather(
        *(
            api.put(
                f"{JOBS_URL}/hello", headers={"If-Match": etag}, json=job_body(description=text)
            )
            for text in ("one", "two")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_passed_time_may_stay_and_none_may_come(
    world: World, api: httpx.AsyncClient
) -> None:
    first, second = "2026-03-28T10:00:00Z", "2026-03-28T10:30:00Z"
    await api.post(JOBS_URL, json=job_body(schedule={"at": [first]}))
    world.clock.advance(3600)
    kept = await api.put(
        f"{JOBS_URL}/hello", json=job_body(schedule={"at": [first, "2026-03-28T12:00:00Z"]})
    )
    assert kept.status_code == 200, kept.text
    world.clock.advance(0.5)
    added = await api.put(
        f"{JOBS_URL}/hello", json=job_body(schedule={"at": [first, "2026-03-28T10:15:00Z"]})
    )
    (error,) = problem_of(added, 422, "invalid")["errors"]
    assert error["pointer"] == "/schedule/at/1"
    assert second not in error["message"]


async def test_a_replace_never_renames(job: Json, api: httpx.AsyncClient) -> None:
    answer = await api.put(f"{JOBS_URL}/hello", json=job_body("other"))
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == "/name"


async def test_a_replace_of_nothing_is_not_found(api: httpx.AsyncClient) -> None:
    problem_of(await api.put(f"{JOBS_URL}/none", json=job_body("none")), 404, "job_not_found")


# Delete


async def test_a_deleted_job_is_gone(world: World, job: Json, api: httpx.AsyncClient) -> None:
    answer = await api.delete(f"{JOBS_URL}/hello")
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.kubernetes.objects(JOBS, "default") == []
    problem_of(await api.delete(f"{JOBS_URL}/hello"), 404, "job_not_found")


@pytest.mark.parametrize(
    "name",
    ["none", "Capital", "n" * 47, "%00", "%2e%2e", "..%5c..", "%F0%9F%9A%80", "a%0Ab", "a%20b"],
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_a_name_that_is_no_jobs_is_not_found(
    world: World, api: httpx.AsyncClient, method: str, name: str
) -> None:
    body = {"json": job_body("x")} if method == "PUT" else {}
    answer = await api.request(method, f"{JOBS_URL}/{name}", **body)
    assert answer.status_code == 404, answer.text
    asked = [call.name for call in world.kubernetes.calls if call.what == "chronosjobs"]
    assert asked in ([], ["none"])


# The cluster's refusals


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(Denied("exceeded quota: jobs"), 403, "forbidden", id="a quota"),
        pytest.param(Unreachable("refused 10.0.0.1"), 503, "cluster_unavailable", id="no answer"),
        pytest.param(ServerTrouble("HTTP 500"), 503, "cluster_unavailable", id="a failing server"),
        pytest.param(Throttled("slow", 7), 503, "cluster_unavailable", id="too many requests"),
    ],
)
@pytest.mark.parametrize(
    ("verb", "method", "path"),
    [
        ("create", "POST", "/jobs"),
        ("get", "GET", "/jobs/hello"),
        ("list", "GET", "/jobs"),
        ("replace", "PUT", "/jobs/hello"),
        ("delete", "DELETE", "/jobs/hello"),
        ("list", "GET", "/jobs/hello/executions"),
        ("get", "GET", "/executions/hello-1"),
    ],
)
async def test_what_the_cluster_answers_is_passed_on(
    world: World, job: Json, api: httpx.AsyncClient,
    error: Any, status: int, code: str, verb: str, method: str, path: str,
) -> None:  # fmt: skip
    # The job fixture has made the tenant known, so the first call of the verb is the one meant.
    world.kubernetes.fail_next(verb, error)
    body = {"json": job_body()} if method in ("POST", "PUT") else {}
    answer = await api.request(method, f"/api/v1{path}", **body)
    problem = problem_of(answer, status, code)
    if isinstance(error, TemporaryError):
        assert int(answer.headers["retry-after"]) >= 1
        assert "10.0.0.1" not in answer.text
    else:
        assert "exceeded quota" in problem["detail"]


async def test_retry_after_is_the_servers_own(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("list", Throttled("slow", 7))
    assert (await api.get(JOBS_URL)).headers["retry-after"] == "7"


async def test_what_only_the_cluster_refuses_names_the_field(
    world: World, api: httpx.AsyncClient
) -> None:
    cause = Cause("spec.schedule.cron[1]", "too odd")
    world.kubernetes.fail_next("create", Invalid("ChronosJob is invalid", [cause]))
    answer = await api.post(JOBS_URL, json=job_body())
    (error,) = problem_of(answer, 422, "invalid")["errors"]
    assert error["pointer"] == "/schedule/cron/1"
    assert error["message"] == "too odd"
