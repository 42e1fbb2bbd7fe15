"""Mistakes get an answer that names the field and the remedy, by REST and by kubectl."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from e2e.conftest import Api, Json, Kubectl, job, manifest, wait_for

GOOD: Json = job("good", {"immediate": True}, "true", image="docker.io/library/busybox:1.35")
PAST = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _with(**changes: Any) -> Json:
    return {**GOOD, **changes}


BODIES = [
    pytest.param(
        _with(schedule={"cron": ["61 * * * * *"]}), 422, "/schedule/cron/0", id="a bad cron"
    ),
    pytest.param(
        _with(schedule={"cron": ["59 23 31 2 *"]}),
        422,
        "/schedule/cron/0",
        id="a cron that can never fire",
    ),
    pytest.param(
        _with(schedule={"cron": ["0 * * * *"], "timeZone": "Europe/Berln"}),
        422,
        "/schedule/timeZone",
        id="an unknown zone",
    ),
    pytest.param(_with(schedule={"at": [PAST]}), 422, "/schedule/at/0", id="a time in the past"),
    pytest.param(_with(schedule={}), 422, "/schedule", id="no time at all"),
    pytest.param(_with(name="Capitals"), 422, "/name", id="a name with capitals"),
    pytest.param(_with(name="n" * 60), 422, "/name", id="a name of 60 characters"),
    pytest.param(_with(colour="red"), 422, "/colour", id="an unknown field"),
    pytest.param(
        _with(retry={"maxAttempts": -1}), 422, "/retry/maxAttempts", id="a negative number"
    ),
    pytest.param(
        _with(retry={"maxAttempts": "3"}), 422, "/retry/maxAttempts", id="a number as a string"
    ),
]


@pytest.mark.parametrize(("body", "status", "pointer"), BODIES)
def test_a_wrong_body_is_refused_with_the_field_and_the_remedy(
    body: Json, status: int, pointer: str, api: Api
) -> None:
    answer = api.request("POST", "/jobs", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    errors = answer.json()["errors"]
    named = [error for error in errors if error["pointer"] == pointer]
    assert named, f"{pointer} is not among {errors}"
    assert named[0]["message"]
    assert named[0]["remedy"]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        pytest.param(
            b'{"name": "twice", ' + json.dumps(GOOD).encode()[1:],
            {"Content-Type": "application/json"},
            400,
            id="a duplicate key",
        ),
        pytest.param(
            json.dumps(GOOD).encode(), {"Content-Type": "text/plain"}, 415, id="a wrong type"
        ),
        pytest.param(
            json.dumps(_with(description="x" * 2_000_000)).encode(),
            {"Content-Type": "application/json"},
            413,
            id="a body of 2 MB",
        ),
        pytest.param(b"{", {"Content-Type": "application/json"}, 400, id="half a body"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    content: bytes, headers: dict[str, str], status: int, api: Api
) -> None:
    answer = api.request("POST", "/jobs", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"]
    assert problem["detail"]


@pytest.mark.parametrize("header", [None, "Bearer nothing", "Bearer", "Basic eDp5"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_told_without_a_right_key(
    method: str, header: str | None, client: httpx.Client
) -> None:
    headers = {} if header is None else {"Authorization": header}
    url = client.base_url.join("/api/v1/jobs")
    answer = httpx.request(method, url, headers=headers, timeout=30)
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_second_job_of_the_same_name_is_refused(api: Api) -> None:
    api.submit(GOOD)
    answer = api.request("POST", "/jobs", json=GOOD)
    assert answer.status_code == 409
    assert answer.json()["code"] == "name_taken"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(_with(name="n" * 60), "at most 46", id="a name of 60 characters"),
        pytest.param(_with(schedule={}), "says no time", id="no time at all"),
        pytest.param(_with(colour="red"), "unknown field", id="an unknown field"),
        pytest.param(_with(retry={"maxAttempts": -1}), "maxAttempts", id="a negative number"),
        pytest.param(_with(retry={"maxAttempts": "3"}), "maxAttempts", id="a number as a string"),
        pytest.param(_with(workload={"type": "container"}), "add container.image", id="no image"),
    ],
)
def test_kubectl_refuses_what_the_schema_can_say(body: Json, said: str, kubectl: Kubectl) -> None:
    done = kubectl.run("create", "-f", "-", stdin=json.dumps(manifest(body)))
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        pytest.param({"cron": ["61 * * * * *"]}, "'61' in the second", id="a bad cron"),
        pytest.param(
            {"cron": ["0 * * * *"], "timeZone": "Mars/Base"}, "Mars/Base", id="an unknown zone"
        ),
        pytest.param({"at": [PAST]}, "future", id="a time in the past"),
    ],
)
def test_a_stored_job_that_cannot_be_scheduled_is_invalid_and_disturbs_no_other(
    schedule: Json, said: str, api: Api, kubectl: Kubectl, image: str
) -> None:
    kubectl.apply(manifest(_with(name="wrong", schedule=schedule)))
    api.submit(job("right", {"immediate": True}, "true", image=image))
    wait_for(
        lambda: api.get("/jobs/wrong")["status"].get("state") == "Invalid",
        seconds=15,
        what="the job as Invalid",
    )
    valid = api.get("/jobs/wrong")["status"]["conditions"][0]
    assert (valid["type"], valid["status"]) == ("Valid", "False")
    assert said in valid["message"]
    assert api.wait_for_end("right")["state"] == "Succeeded"
    repaired = {"spec": {"schedule": {"cron": ["* * * * * *"], "timeZone": "Etc/UTC", "at": None}}}
    kubectl("patch", "chronosjob", "wrong", "--type=merge", f"-p={json.dumps(repaired)}")
    wait_for(lambda: api.executions("wrong"), seconds=15, what="a start once repaired")
