"""Runs asked for by hand."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from chronos_api.schemas.executions import Execution
from chronos_clients.errors import AlreadyExists, Denied, Unreachable
from chronos_clients.resources import EXECUTIONS, JOBS
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

URL = "/api/v1/jobs/hello/trigger"


async def set_condition(world: World, *, generation: int, status: str = "False") -> None:
    """What the operator says about the job."""
    condition = {
        "type": "Valid",
        "status": status,
        "reason": "Invalid",
        "message": "there is no calendar holidays",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-03-28T09:30:00Z",
    }
    body = {"status": {"conditions": [condition]}}
    await world.kubernetes.patch(JOBS, "default", "hello", body, subresource="status")


async def test_a_run_by_hand_is_an_execution_of_this_job_now(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.clock.advance(1.75)
    answer = await api.post(URL, json={})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    parse_model(Execution, told)
    assert re.fullmatch(r"hello-manual-[b-df-hj-np-tv-z2-9]{5}", told["id"])
    assert answer.headers["location"] == f"/api/v1/executions/{told['id']}"
    (stored,) = world.kubernetes.objects(EXECUTIONS, "default")
    assert stored["spec"] == {
        "jobRef": {"name": "hello", "uid": job["uid"]},
        "scheduledTime": "2026-03-28T09:30:01Z",
        "trigger": "Manual",
        "parameters": {"env": []},
        "concurrency": "Policy",
        "queued": False,
    }
    (owner,) = stored["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ChronosJob", job["uid"], True)
    followed = await api.get(answer.headers["location"])
    assert followed.json() == told
    listed = await api.get("/api/v1/jobs/hello/executions")
    assert [it["id"] for it in listed.json()["items"]] == [told["id"]]


async def test_what_is_asked_for_is_passed_on(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    body = {
        "at": "2026-03-28T11:00:00+01:00",
        "args": ["--day", "2026-03-27"],
        "env": [{"name": "A", "value": "1"}],
        "concurrency": "Ignore",
    }
    told = (await api.post(URL, json=body)).json()
    assert told["scheduledTime"] == "2026-03-28T10:00:00Z"
    assert told["parameters"] == {"args": body["args"], "env": body["env"]}
    assert told["concurrency"] == "Ignore"
    assert told["state"] == "Pending"


async def test_the_second_that_has_begun_is_not_past(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.clock.advance(0.9)
    answer = await api.post(URL, json={"at": "2026-03-28T09:30:00Z"})
    assert answer.status_code == 201, answer.text


async def test_a_named_tenant_is_where_it_runs(world: World, api: httpx.AsyncClient) -> None:
    await api.post("/api/v1/jobs", params={"tenant": "team-a"}, json=job_body())
    answer = await api.post(URL, params={"tenant": "team-a"}, json={})
    assert answer.status_code == 201
    assert (await api.get(answer.headers["location"])).json()["tenant"] == "team-a"
    problem_of(await api.post(URL, json={}), 404, "job_not_found")


async def test_each_call_is_a_run_of_its_own(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    ids = {(await api.post(URL, json={})).json()["id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({"at": "2026-03-28T09:29:59Z"}, "/at", id="a past time"),
        pytest.param({"at": "2026-03-28T09:30:00.5Z"}, "/at", id="a fraction of a second"),
        pytest.param({"at": "2026-03-29T09:30:00"}, "/at", id="a time without an offset"),
        pytest.param({"args": []}, "/args", id="no arguments at all"),
        pytest.param({"args": ["a", 5]}, "/args/1", id="a number as an argument"),
        pytest.param({"args": ["x" * 32769]}, "/args/0", id="a long argument"),
        pytest.param({"env": [{"name": "1=2"}]}, "/env/0/name", id="a bad variable name"),
        pytest.param({"env": [{"name": "A"}, {"name": "A"}]}, "", id="a variable twice"),
        pytest.param({"env": {"A": "1"}}, "/env", id="variables as an object"),
        pytest.param({"concurrency": "Never"}, "/concurrency", id="an unknown word"),
        pytest.param({"workload": {}}, "/workload", id="another workload"),
        pytest.param({"image": "busybox"}, "/image", id="an image"),
    ],
)
async def test_a_wrong_field_is_named(
    world: World, job: Json, api: httpx.AsyncClient, body: Json, pointer: str
) -> None:
    errors = problem_of(await api.post(URL, json=body), 422, "invalid")["errors"]
    assert [it["pointer"] for it in errors] == [pointer]
    assert all(it["remedy"] for it in errors)
    assert world.kubernetes.objects(EXECUTIONS) == []


async def test_a_job_that_is_invalid_says_why(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    await set_condition(world, generation=1)
    problem = problem_of(await api.post(URL, json={}), 409, "job_invalid")
    assert "there is no calendar holidays" in problem["detail"]
    assert world.kubernetes.objects(EXECUTIONS) == []


@pytest.mark.parametrize(
    ("generation", "status"),
    [
        pytest.param(1, "True", id="a job that is valid"),
        pytest.param(0, "False", id="a word about an earlier version"),
    ],
)
async def test_only_a_word_about_this_version_counts(
    world: World, job: Json, api: httpx.AsyncClient, generation: int, status: str
) -> None:
    await set_condition(world, generation=generation, status=status)
    assert (await api.post(URL, json={})).status_code == 201


async def test_a_job_nobody_has_judged_yet_is_judged_by_the_same_rules(
    world: World, api: httpx.AsyncClient
) -> None:
    spec = {**job_body(), "schedule": {"cron": ["59 23 31 2 *"]}}
    del spec["name"]
    world.kubernetes.seed(JOBS, "default", {"metadata": {"name": "hello"}, "spec": spec})
    problem = problem_of(await api.post(URL, json={}), 409, "job_invalid")
    assert "spec.schedule.cron.0" in problem["detail"]


async def test_a_paused_job_runs_by_hand(world: World, job: Json, api: httpx.AsyncClient) -> None:
    await api.post("/api/v1/jobs/hello/pause", json={})
    assert (await api.post(URL, json={})).status_code == 201


async def test_a_name_that_is_taken_is_chosen_anew(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("create", AlreadyExists("taken"), times=4)
    assert (await api.post(URL, json={})).status_code == 201
    world.kubernetes.fail_next("create", AlreadyExists("taken"), times=5)
    problem_of(await api.post(URL, json={}), 409, "conflict")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        pytest.param(Denied("quota"), 403, "forbidden", id="a quota"),
        pytest.param(Unreachable("refused"), 503, "cluster_unavailable", id="a cluster away"),
    ],
)
async def test_what_the_cluster_refuses_is_told(
    world: World, job: Json, api: httpx.AsyncClient, error: Any, status: int, code: str
) -> None:
    world.kubernetes.fail_next("create", error)
    problem_of(await api.post(URL, json={}), status, code)


async def test_an_execution_that_nobody_has_seen_yet_is_readable(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    body = {"metadata": {"name": "by-kubectl"}, "spec": {"jobRef": {"name": "hello"}}}
    world.kubernetes.seed(EXECUTIONS, "default", body)
    answer = await api.get("/api/v1/executions/by-kubectl")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    parse_model(Execution, told)
    assert (told["trigger"], told["state"]) == ("Manual", "Pending")
    assert told.keys().isdisjoint({"jobUid", "scheduledTime"})
    logs = await api.get("/api/v1/executions/by-kubectl/logs")
    problem_of(logs, 404, "log_not_ready")
