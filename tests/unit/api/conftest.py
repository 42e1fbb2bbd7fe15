"""The whole application over both fakes, and a clock that only tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from chronos_api.auth.apikey import ApiKeyAuthenticator, KeyFile
from chronos_api.config import Config
from chronos_api.deps import Parts
from chronos_api.main import build_parts, create_app
from chronos_clients.resources import EXECUTIONS
from chronos_clients.testing import FakeKubernetes, FakeObjectStore
from chronos_crds.naming import LABEL_JOB, LABEL_JOB_UID, execution_name, log_key

KEY = "k" * 16 + "0123456789abcdef" * 2
BEARER = {"Authorization": f"Bearer {KEY}"}
Json = dict[str, Any]


class FakeClock:
    """2026-03-28 09:30:00 UTC until told otherwise."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)
        self._elapsed = 1000.0

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return self._elapsed

    def cpu(self) -> float:
        return 0.0

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds


def job_body(name: str = "hello", **changes: Any) -> Json:
    """A body for POST /jobs that is right in all but what is changed."""
    return {
        "name": name,
        "schedule": {"cron": ["0 30 2 * * *"]},
        "workload": {"container": {"image": "docker.io/library/busybox:1.35"}},
        **changes,
    }


@dataclass
class World:
    """Everything a test may look at or turn."""

    clock: FakeClock
    kubernetes: FakeKubernetes
    objects: FakeObjectStore
    key_file: Path
    settings: Json = field(default_factory=dict)

    def config(self) -> Config:
        return Config(api_key_file=self.key_file, **self.settings)

    def parts(self) -> Parts:
        return build_parts(
            self.config(), kubernetes=self.kubernetes, objects=self.objects, clock=self.clock
        )

    def app(self, *, max_requests: int = 64) -> FastAPI:
        authenticator = ApiKeyAuthenticator(KeyFile(self.key_file))
        return create_app(self.parts(), authenticator=authenticator, max_requests=max_requests)

    def client(self, **more: Any) -> httpx.AsyncClient:
        """A client with the right key."""
        transport = httpx.ASGITransport(self.app(**more))
        return httpx.AsyncClient(
            transport=transport, base_url="http://chronos.test", headers=BEARER, timeout=10
        )

    def seed_execution(
        self,
        job: Json,
        *,
        at: str = "2026-03-28T09:00:00Z",
        status: Json | None = None,
        **spec: Any,
    ) -> str:
        """Places an execution of a job that the API answered with; its id."""
        name = execution_name(job["name"], datetime.fromisoformat(at))
        body = {
            "metadata": {
                "name": name,
                "labels": {LABEL_JOB: job["name"], LABEL_JOB_UID: job["uid"]},
            },
            "spec": {
                "jobRef": {"name": job["name"], "uid": job["uid"]},
                "scheduledTime": at,
                "trigger": "Schedule",
                "workload": job["workload"],
                **spec,
            },
        }
        if status is not None:
            body["status"] = status
        self.kubernetes.seed(EXECUTIONS, job["tenant"], body)
        return name

    def ship_log(self, job: Json, execution: str, number: int, data: bytes) -> Json:
        """Puts an attempt's log into the object store; what its status says of it."""
        key = log_key(
            prefix=self.settings.get("s3_prefix", ""),
            tenant=job["tenant"],
            job_uid=job["uid"],
            execution=execution,
            attempt=number,
        )
        self.objects.objects[key] = data
        return {"key": key, "bytes": len(data), "sha256": "5" * 64, "complete": True}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Tenants default and team-a; kube-system and chronos-system exist and are none."""
    key_file = tmp_path / "api-key"
    key_file.write_text(KEY)
    clock = FakeClock()
    namespaces = ("default", "team-a", "kube-system", "chronos-system")
    kubernetes = FakeKubernetes(clock.now, namespaces=namespaces)
    return World(clock, kubernetes, FakeObjectStore(), key_file)


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client() as client:
        yield client


@pytest.fixture
async def job(api: httpx.AsyncClient) -> Json:
    """A stored job, as the API answered with it."""
    answer = await api.post("/api/v1/jobs", json=job_body())
    assert answer.status_code == 201, answer.text
    stored: Json = answer.json()
    return stored


def problem_of(answer: httpx.Response, status: int, code: str) -> Json:
    """The problem document in an answer, checked for what every one of them has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: Json = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:chronos:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["remedy"]
    assert problem["instance"] == answer.request.url.path
    return problem
