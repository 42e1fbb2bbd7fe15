"""``chronos-api`` against a real API server and a real object store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from chronos_clients.kubernetes import connect
from chronos_clients.objectstore import S3ObjectStore, StoreAddress
from chronos_clients.resources import EXECUTIONS
from chronos_crds.naming import log_key

from .conftest import Process, run_apart, wait_for

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
LOG = b"".join(b"line %07d\n" % number for number in range(400_000))


def body(name: str, **changes: Any) -> Json:
    """A job that never starts anything: it is suspended."""
    return {
        "name": name,
        "suspend": True,
        "schedule": {"cron": ["0 0 1 1 *"]},
        "workload": {"container": {"image": "docker.io/library/busybox:1.35"}},
        **changes,
    }


def test_it_is_ready_once_both_answer(client: httpx.Client) -> None:
    wait_for(
        lambda: client.get("/api/v1/health/ready").status_code == 200,
        seconds=20,
        what="readiness",
    )


def test_a_job_lives_from_post_to_delete(client: httpx.Client, namespace: str) -> None:
    created = client.post("/api/v1/jobs", json=body("life"))
    assert created.status_code == 201, created.text
    assert created.json()["tenant"] == namespace
    assert client.post("/api/v1/jobs", json=body("life")).json()["code"] == "name_taken"
    url = created.headers["location"]
    changed = client.put(url, json=body("life", description="changed"))
    assert changed.json()["description"] == "changed"
    stale = client.put(url, json=body("life"), headers={"If-Match": created.headers["etag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert "life" in [item["name"] for item in client.get("/api/v1/jobs").json()["items"]]
    assert client.get(f"{url}/executions").json() == {"items": [], "continue": ""}
    assert client.delete(url).status_code == 204
    assert client.delete(url).status_code == 404


def test_pages_hold_each_job_once(client: httpx.Client) -> None:
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        assert client.post("/api/v1/jobs", json=body(name)).status_code == 201
    seen, token = [], ""
    while True:
        params = {"limit": "2", **({"continue": token} if token else {})}
        page = client.get("/api/v1/jobs", params=params).json()
        seen += [item["name"] for item in page["items"] if item["name"].startswith("page-")]
        token = page["continue"]
        if not token:
            break
    assert seen == names


@pytest.mark.parametrize("token", ["made-up", "%", "e30", "x" * 4000])
def test_a_made_up_token_is_the_callers_mistake(client: httpx.Client, token: str) -> None:
    answer = client.get("/api/v1/jobs", params={"continue": token})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("tenant", ["kube-system", "chronos-no-such-tenant"])
def test_what_is_no_tenant_takes_nothing(client: httpx.Client, tenant: str) -> None:
    answer = client.post("/api/v1/jobs", params={"tenant": tenant}, json=body("x"))
    assert (answer.status_code, answer.json()["code"]) == (404, "tenant_not_found")


def test_ten_clients_at_once_create_a_job_once(process: Process) -> None:
    def post(_: int) -> int:
        with process.client() as client:
            return client.post("/api/v1/jobs", json=body("contested")).status_code

    with ThreadPoolExecutor(max_workers=10) as pool:
        assert sorted(pool.map(post, range(10))) == [201] + [409] * 9


async def ship(kubeconfig: str, store: str, execution: Json, data: bytes) -> None:
    """Lets the execution have ended with its log in the store."""
    id, tenant = execution["id"], execution["tenant"]
    key = log_key(prefix="", tenant=tenant, job_uid=execution["jobUid"], execution=id, attempt=1)
    objects = S3ObjectStore(StoreAddress(bucket="chronos", endpoint=store))
    await objects.ensure_bucket()
    upload = objects.open_upload(key)
    await upload.write(data)
    await upload.complete()
    log = {"key": key, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
           "complete": True}  # fmt: skip
    attempts = [{"number": 1, "name": f"{id}-1", "outcome": "Succeeded", "exitCode": 0, "log": log}]
    status = {"status": {"state": "Succeeded", "attempts": attempts, "attemptCount": 1}}
    async with connect(kubeconfig) as kubernetes:
        await kubernetes.patch(EXECUTIONS, tenant, id, status, subresource="status")


def test_a_log_and_its_link_give_the_exact_bytes(
    client: httpx.Client, process: Process, kubeconfig: str, store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # boto3's own session keeps the credentials it has found first.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "integration")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "integration-secret")
    client.post("/api/v1/jobs", json=body("logged"))
    # An operator in this cluster would start one that is due.
    trigger = client.post("/api/v1/jobs/logged/trigger", json={"at": "2099-01-01T00:00:00Z"})
    assert trigger.status_code == 201, trigger.text
    id = trigger.json()["id"]

    def has_ended() -> bool:
        # It fills the execution in first, and may write a status of its own until then.
        run_apart(ship(kubeconfig, store, trigger.json(), LOG))
        (told,) = client.get("/api/v1/jobs/logged/executions").json()["items"]
        assert told["id"] == id
        return bool(told["state"] == "Succeeded")

    wait_for(has_ended, seconds=20, what="an execution that has ended")
    before = process.resident_bytes()
    answer = client.get(f"/api/v1/executions/{id}/logs")
    assert answer.content == LOG
    assert answer.headers["x-chronos-log-sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert process.resident_bytes() - before < 16 * 1024 * 1024, "a log is streamed, not held"
    link = client.get(f"/api/v1/executions/{id}/log-url", params={"expires": "1"}).json()
    with httpx.Client(timeout=30, trust_env=False) as anybody:
        assert anybody.get(link["url"]).content == LOG
        wait_for(
            lambda: anybody.get(link["url"]).status_code == 403, seconds=10, what="the link's end"
        )
    assert link["url"] not in process.log.read_text()


def test_idle_with_everything_connected_it_takes_little_memory(
    client: httpx.Client, process: Process, record_testsuite_property: Callable[[str, object], None]
) -> None:
    client.get("/api/v1/jobs")
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 6, seconds=10, what="a look at readiness")
    resident = process.resident_bytes()
    record_testsuite_property("api_idle_mib", resident / 1024 / 1024)
    assert resident < 150 * 1024 * 1024


def test_nothing_of_all_this_was_a_failure_of_ours(process: Process) -> None:
    text = process.log.read_text()
    assert "Traceback" not in text
    assert not [line for line in process.lines() if line["level"] in ("ERROR", "CRITICAL")]
    assert Path(f"/proc/{process.popen.pid}").exists()
