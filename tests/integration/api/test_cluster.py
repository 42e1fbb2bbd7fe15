"""``chronos-api`` against a real API server and a real object store."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from chronos_clients.kubernetes import connect
from chronos_clients.objectstore import S3ObjectStore, StoreAddress
from chronos_clients.resources import EXECUTIONS, NAMESPACES
from chronos_crds.naming import LABEL_JOB, LABEL_JOB_UID, execution_name, log_key

from .conftest import Process, free_port, run_api, wait_for

pytestmark = pytest.mark.cluster

Json = dict[str, Any]
LOG = b"".join(b"line %07d\n" % number for number in range(400_000))


def run_apart(work: Any) -> Any:
    """Runs a coroutine in a loop of its own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result(timeout=60)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a versitygw of these tests' own."""
    binary = os.environ.get("CHRONOS_VERSITYGW") or shutil.which("versitygw")
    if not binary:
        pytest.skip("no versitygw: put it on the PATH or name it by CHRONOS_VERSITYGW")
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [binary, "--port", address, "posix", str(tmp_path_factory.mktemp("store"))],
        env={"ROOT_ACCESS_KEY": "integration", "ROOT_SECRET_KEY": "integration-secret"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://{address}"
    process.kill()
    process.wait(timeout=10)


@pytest.fixture(scope="module")
def namespace(kubeconfig: str) -> Iterator[str]:
    name = f"chronos-api-{uuid.uuid4().hex[:8]}"

    async def create() -> None:
        async with connect(kubeconfig) as kubernetes:
            await kubernetes.create(NAMESPACES, None, {"metadata": {"name": name}})

    async def delete() -> None:
        async with connect(kubeconfig) as kubernetes:
            await kubernetes.delete(NAMESPACES, None, name)

    run_apart(create())
    yield name
    run_apart(delete())


@pytest.fixture(scope="module")
def process(
    tmp_path_factory: pytest.TempPathFactory, kubeconfig: str, namespace: str, store: str
) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("api")
    settings = {"CHRONOS_DEFAULT_TENANT": namespace, "CHRONOS_S3_ENDPOINT": store}
    with run_api(folder, kubeconfig, **settings) as running:
        yield running


@pytest.fixture
def client(process: Process) -> Iterator[httpx.Client]:
    with process.client() as opened:
        yield opened


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


async def ship(kubeconfig: str, store: str, job: Json, data: bytes) -> str:
    """An ended execution of the job with its log in the store; its id."""
    id = execution_name(job["name"], datetime(2026, 3, 28, 9, 30, tzinfo=UTC))
    key = log_key(prefix="", tenant=job["tenant"], job_uid=job["uid"], execution=id, attempt=1)
    objects = S3ObjectStore(StoreAddress(bucket="chronos", endpoint=store))
    await objects.ensure_bucket()
    upload = objects.open_upload(key)
    await upload.write(data)
    await upload.complete()
    log = {"key": key, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
           "complete": True}  # fmt: skip
    attempts = [{"number": 1, "name": f"{id}-1", "outcome": "Succeeded", "exitCode": 0, "log": log}]
    stored = {
        "apiVersion": EXECUTIONS.api_version,
        "kind": EXECUTIONS.kind,
        "metadata": {
            "name": id,
            "labels": {LABEL_JOB: job["name"], LABEL_JOB_UID: job["uid"]},
            "ownerReferences": [
                {"apiVersion": "chronos.dev/v1alpha1", "kind": "ChronosJob",
                 "name": job["name"], "uid": job["uid"]}
            ],
        },
        "spec": {
            "jobRef": {"name": job["name"], "uid": job["uid"]},
            "scheduledTime": "2026-03-28T09:30:00Z",
            "trigger": "Schedule",
            "workload": job["workload"],
        },
    }  # fmt: skip
    async with connect(kubeconfig) as kubernetes:
        await kubernetes.create(EXECUTIONS, job["tenant"], stored)
        status = {"status": {"state": "Succeeded", "attempts": attempts, "attemptCount": 1}}
        await kubernetes.patch(EXECUTIONS, job["tenant"], id, status, subresource="status")
    return id


def test_a_log_and_its_link_give_the_exact_bytes(
    client: httpx.Client, process: Process, kubeconfig: str, store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # boto3's own session keeps the credentials it has found first.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "integration")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "integration-secret")
    job = client.post("/api/v1/jobs", json=body("logged")).json()
    id = run_apart(ship(kubeconfig, store, job, LOG))
    (told,) = client.get("/api/v1/jobs/logged/executions").json()["items"]
    assert (told["id"], told["state"]) == (id, "Succeeded")
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
