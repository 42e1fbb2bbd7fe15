"""Pause and resume over REST: what they set, and what they leave alone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chronos_api.schemas.jobs import Job
from chronos_clients.errors import Conflict, Unreachable
from chronos_clients.resources import JOBS
from chronos_crds.validation import parse_model

from .conftest import Json, World, job_body, problem_of

PAUSE = "/api/v1/jobs/hello/pause"
RESUME = "/api/v1/jobs/hello/resume"
WORDS = ("suspend", "pausedUntil", "onResume", "pauseNote")


def pause_of(world: World) -> Json:
    """The fields about a pause as they are stored."""
    (stored,) = world.kubernetes.objects(JOBS, "default")
    return {key: stored["spec"].get(key) for key in WORDS}


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        pytest.param({}, (True, None, "Skip", ""), id="for good"),
        pytest.param(
            {"until": "2026-03-28T11:00:00+01:00", "note": "lunch"},
            (False, "2026-03-28T10:00:00Z", "Skip", "lunch"),
            id="until a time, with a note",
        ),
        pytest.param({"onResume": "CatchUp"}, (True, None, "CatchUp", ""), id="to catch up later"),
    ],
)
async def test_a_pause_is_stored(
    world: World, job: Json, api: httpx.AsyncClient, body: Json, stored: tuple[Any, ...]
) -> None:
    answer = await api.post(PAUSE, json=body)
    assert answer.status_code == 200, answer.text
    assert pause_of(world) == dict(zip(WORDS, stored, strict=True))
    parse_model(Job, answer.json())
    (kept,) = world.kubernetes.objects(JOBS, "default")
    assert answer.headers["etag"] == f'"{kept["metadata"]["resourceVersion"]}"'


async def test_a_pause_says_it_all_and_takes_nothing_from_the_one_before(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    first = {"until": "2026-03-28T10:00:00Z", "note": "first", "onResume": "CatchUp"}
    await api.post(PAUSE, json=first)
    await api.post(PAUSE, json={})
    assert pause_of(world) == dict(zip(WORDS, (True, None, "Skip", ""), strict=True))


async def test_resuming_ends_either_pause_and_keeps_what_on_resume_said(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    for body in ({"onResume": "CatchUp"}, {"until": "2026-03-28T10:00:00Z", "onResume": "CatchUp"}):
        await api.post(PAUSE, json=body)
        answer = await api.post(RESUME, json={"note": "on we go"})
        assert answer.status_code == 200, answer.text
        expected = (False, None, "CatchUp", "on we go")
        assert pause_of(world) == dict(zip(WORDS, expected, strict=True))


async def test_resuming_what_is_not_paused_is_no_mistake(job: Json, api: httpx.AsyncClient) -> None:
    assert (await api.post(RESUME, json={})).status_code == 200


async def test_a_pause_leaves_alone_what_others_change_meanwhile(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    changed = job_body(description="by another", schedule={"cron": ["0 3 * * *"]})
    await api.put("/api/v1/jobs/hello", json=changed)
    await world.kubernetes.patch(JOBS, "default", "hello", {"metadata": {"labels": {"a": "b"}}})
    await api.post(PAUSE, json={})
    (stored,) = world.kubernetes.objects(JOBS, "default")
    assert stored["spec"]["description"] == "by another"
    assert stored["spec"]["schedule"]["cron"] == ["0 3 * * *"]
    assert stored["metadata"]["labels"] == {"a": "b"}
    (patch,) = [call for call in world.kubernetes.calls_of("patch") if "spec" in call.body]
    assert set(patch.body) == {"spec"}
    assert set(patch.body["spec"]) == set(WORDS)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({"until": "2026-03-28T09:29:59Z"}, "/until", id="an end in the past"),
        pytest.param({"until": "2026-03-28T09:30:00Z"}, "/until", id="an end that is now"),
        pytest.param({"until": "2026-03-28T10:00:00"}, "/until", id="an end without an offset"),
        pytest.param({"until": 5}, "/until", id="a number as an end"),
        pytest.param({"note": "n" * 1025}, "/note", id="a note of 1,025 characters"),
        pytest.param({"onResume": "Forget"}, "/onResume", id="an unknown word"),
        pytest.param({"suspend": True}, "/suspend", id="a field of a job"),
    ],
)
async def test_a_pause_that_is_none_is_told_so(
    world: World, job: Json, api: httpx.AsyncClient, body: Json, pointer: str
) -> None:
    before = world.kubernetes.objects(JOBS)
    (error,) = problem_of(await api.post(PAUSE, json=body), 422, "invalid")["errors"]
    assert error["pointer"] == pointer
    assert world.kubernetes.objects(JOBS) == before


async def test_a_resume_takes_a_note_alone(job: Json, api: httpx.AsyncClient) -> None:
    body = {"until": "2026-03-28T10:00:00Z"}
    (error,) = problem_of(await api.post(RESUME, json=body), 422, "invalid")["errors"]
    assert error["pointer"] == "/until"


@pytest.mark.parametrize("url", [PAUSE, RESUME])
async def test_a_job_that_is_not_there(api: httpx.AsyncClient, url: str) -> None:
    problem_of(await api.post(url, json={}), 404, "job_not_found")
    problem_of(await api.post(url.replace("hello", "Bad_Name"), json={}), 404, "job_not_found")


@pytest.mark.parametrize("url", [PAUSE, RESUME])
async def test_if_match_decides(world: World, job: Json, api: httpx.AsyncClient, url: str) -> None:
    stale = await api.post(url, json={}, headers={"If-Match": '"1"'})
    problem_of(stale, 412, "precondition_failed")
    etag = (await api.get("/api/v1/jobs/hello")).headers["etag"]
    assert (await api.post(url, json={}, headers={"If-Match": etag})).status_code == 200


async def test_whoever_comes_between_reading_and_writing_wins(
    world: World, job: Json, api: httpx.AsyncClient
) -> None:
    etag = (await api.get("/api/v1/jobs/hello")).headers["etag"]
    world.kubernetes.fail_next("patch", Conflict("modified"))
    answer = await api.post(PAUSE, json={}, headers={"If-Match": etag})
    problem_of(answer, 412, "precondition_failed")
    world.kubernetes.fail_next("patch", Conflict("the namespace is being deleted"))
    problem_of(await api.post(PAUSE, json={}), 409, "conflict")


async def test_a_cluster_that_is_away(world: World, job: Json, api: httpx.AsyncClient) -> None:
    world.kubernetes.fail_next("patch", Unreachable("refused"))
    problem_of(await api.post(PAUSE, json={}), 503, "cluster_unavailable")
