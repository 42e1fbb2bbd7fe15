"""The top floor: a real cluster with Chronos installed in it, and nothing faked.

`make e2e` names the cluster. Each test has a namespace of its own; a cluster that was not made for
tests is refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

T = TypeVar("T")
Json = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples"


def wait_for(ask: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """The first answer that is not None or False; fails with ``what`` when time runs out."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Kubectl:
    """kubectl against the cluster under test."""

    kubeconfig: Path
    namespace: str = "default"

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs it; never raises for its exit code."""
        return subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Its standard output; fails the test where kubectl fails."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Json:
        """Its answer read as JSON."""
        answer: Json = json.loads(self(*arguments, "-o", "json"))
        return answer

    def apply(self, *manifests: Json) -> None:
        """Applies objects, all in one call."""
        bundle = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self("apply", "-f", "-", stdin=json.dumps(bundle))

    def change(self, job: str, **spec: Any) -> None:
        """Merges fields into a job's spec."""
        self("patch", "chronosjob", job, "--type=merge", "-p", json.dumps({"spec": spec}))

    def rows(self, kind: str, *arguments: str) -> list[dict[str, str]]:
        """What ``kubectl get`` shows, each row by its columns' names."""
        lines = self("get", kind, *arguments).splitlines()
        columns = lines[0].split() if lines else []
        starts = [lines[0].index(column) for column in columns]
        spans = list(zip(starts, [*starts[1:], None], strict=True))
        return [
            dict(zip(columns, (line[a:b].strip() for a, b in spans), strict=True))
            for line in lines[1:]
        ]


@dataclass(frozen=True)
class Api:
    """The REST API for one tenant."""

    client: httpx.Client
    tenant: str

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request."""
        params = {"tenant": self.tenant, **more.pop("params", {})}
        return self.client.request(method, f"/api/v1{path}", params=params, **more)

    def get(self, path: str, **params: Any) -> Json:
        """A GET's JSON; fails the test for any other status than 200."""
        answer = self.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        document: Json = answer.json()
        return document

    def submit(self, job: Json) -> Json:
        """POST /jobs; fails the test unless it is created."""
        answer = self.request("POST", "/jobs", json=job)
        assert answer.status_code == 201, answer.text
        document: Json = answer.json()
        return document

    def post(self, path: str, body: Json, *, status: int = 200) -> Json:
        """A POST's JSON; fails the test for any other status."""
        answer = self.request("POST", path, json=body)
        assert answer.status_code == status, answer.text
        document: Json = answer.json()
        return document

    def status(self, job: str) -> Json:
        """A job's status."""
        status: Json = self.get(f"/jobs/{job}")["status"]
        return status

    def ledger(self, job: str, **period: str) -> Json:
        """A job's ledger over all pages: lines, what is unknown, totals."""
        whole: Json = {}
        token = ""
        while True:
            page = self.get(
                f"/jobs/{job}/ledger", **period, **({"continue": token} if token else {})
            )
            whole = {**page, "lines": whole.get("lines", []) + page["lines"]}
            token = page.get("continue") or ""
            if not token:
                return whole

    def fates(self, job: str, *, every: int, **period: str) -> dict[datetime, Json]:
        """The ledger's line of each scheduled second of a job with that interval."""
        return dict(expand_lines(self.ledger(job, **period)["lines"], every=every))

    def executions(self, job: str) -> list[Json]:
        """All executions of a job, newest first, over all pages."""
        items: list[Json] = []
        token = ""
        while True:
            page = self.get(f"/jobs/{job}/executions", **({"continue": token} if token else {}))
            items += page["items"]
            token = page.get("continue") or ""
            if not token:
                return items

    def wait_for_end(self, job: str, *, seconds: float = 60) -> Json:
        """The job's newest execution once it has ended."""

        def ended() -> Json | None:
            items = self.executions(job)
            is_over = bool(items) and items[0]["state"] in ("Succeeded", "Failed", "Cancelled")
            return items[0] if is_over else None

        return wait_for(ended, seconds=seconds, what=f"an end of {job}")

    def log(self, execution: str, **params: Any) -> bytes:
        """An execution's log."""
        answer = self.request("GET", f"/executions/{execution}/logs", params=params)
        assert answer.status_code == 200, answer.text
        return answer.content


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.fail(f'{name} is not set: run `make e2e`, or eval "$(make -s env)" first')
    return value


@pytest.fixture(scope="session")
def cluster(k8s_manager: Callable[[str], Any]) -> Kubectl:
    """The cluster under test, through pytest-kubernetes; refused unless it is marked for tests."""
    manager = k8s_manager("external")("chronos")
    kubectl = Kubectl(Path(manager.kubeconfig))
    marked = kubectl.run("get", "configmap", "-n", "kube-system", "chronos-test-cluster")
    if marked.returncode != 0:
        pytest.exit(
            "this cluster is not marked for tests; if nothing in it is dear to you: "
            "kubectl create configmap -n kube-system chronos-test-cluster",
            returncode=3,
        )
    return kubectl


@pytest.fixture(scope="session")
def image() -> str:
    """A small image with a shell that the cluster has."""
    return _environment("CHRONOS_EXAMPLE_IMAGE")


@contextmanager
def open_namespace(cluster: Kubectl) -> Iterator[str]:
    """A new namespace; it is deleted at the end."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    cluster("create", "namespace", name)
    try:
        yield name
    finally:
        cluster("delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace(cluster: Kubectl) -> Iterator[str]:
    """A namespace of the test's own."""
    with open_namespace(cluster) as name:
        yield name


@pytest.fixture
def kubectl(cluster: Kubectl, namespace: str) -> Kubectl:
    """kubectl in the test's namespace."""
    return Kubectl(cluster.kubeconfig, namespace)


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    """The API with the key that the chart made."""
    with httpx.Client(
        base_url=_environment("CHRONOS_URL"),
        headers={"Authorization": f"Bearer {_environment('CHRONOS_API_KEY')}"},
        timeout=30,
    ) as client:
        yield client


@pytest.fixture
def api(client: httpx.Client, namespace: str) -> Api:
    """The API for the test's namespace."""
    return Api(client, namespace)


@dataclass(frozen=True)
class Tenant:
    """One namespace, by kubectl and by REST."""

    kubectl: Kubectl
    api: Api


@pytest.fixture(scope="module")
def tenant(cluster: Kubectl, client: httpx.Client) -> Iterator[Tenant]:
    """A namespace that the tests of one module share: they look at one story together."""
    with open_namespace(cluster) as name:
        yield Tenant(Kubectl(cluster.kubeconfig, name), Api(client, name))


@dataclass(frozen=True)
class Aging:
    """A job of every second, whose ledger grows while other tests run."""

    tenant: Tenant
    created_at: datetime
    name: str = "busy"


@pytest.fixture(scope="session")
def aging(cluster: Kubectl, client: httpx.Client, image: str) -> Iterator[Aging]:
    """Begun as soon as a test asks for it; a quota denies its kube jobs, so that no pod is made."""
    with open_namespace(cluster) as name:
        tenant = Tenant(Kubectl(cluster.kubeconfig, name), Api(client, name))
        tenant.kubectl("create", "quota", "none", "--hard=count/jobs.batch=0")
        stored = tenant.api.submit(job(Aging.name, {"everySeconds": 1}, "true", image=image))
        yield Aging(tenant, parse_time(stored["createdTime"]))


def expand_lines(lines: list[Json], *, every: int) -> Iterator[tuple[datetime, Json]]:
    """Each scheduled second that the ledger's lines speak of, with its line."""
    for line in lines:
        second = parse_time(line["time"])
        last = parse_time(line.get("until") or line["time"])
        count = 0
        while second <= last:
            yield second, line
            second += timedelta(seconds=every)
            count += 1
        assert count == line["count"], f"{line} speaks of {count} seconds"


def job(name: str, schedule: Json, *command: str, image: str, **spec: Any) -> Json:
    """A job as POST /jobs takes it."""
    container = {"image": image, "command": list(command)}
    return {
        "name": name,
        "schedule": schedule,
        "workload": {"type": "container", "container": container},
        **spec,
    }


def manifest(body: Json) -> Json:
    """The same job as kubectl takes it."""
    return {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosJob",
        "metadata": {"name": body["name"]},
        "spec": {name: value for name, value in body.items() if name != "name"},
    }


def parse_time(text: str) -> datetime:
    """An aware time from what Kubernetes or the API wrote."""
    return datetime.fromisoformat(text)
