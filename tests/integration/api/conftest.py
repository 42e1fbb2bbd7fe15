"""``chronos-api`` as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from chronos_clients.kubernetes import connect
from chronos_clients.resources import NAMESPACES

KEY = "integration-" + "0123456789abcdef" * 2
START_SECONDS = 30.0


@dataclass(frozen=True)
class Process:
    """A running API."""

    popen: subprocess.Popen[bytes]
    port: int
    log: Path

    def client(self, key: str | None = KEY) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30, trust_env=False
        )

    def lines(self) -> list[dict[str, Any]]:
        """What it logged; fails where a line is not JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after that signal."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=30)

    def resident_bytes(self) -> int:
        """Its resident memory."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def environment(tmp_path: Path, kubeconfig: str, **changes: str) -> dict[str, str]:
    key_file = tmp_path / "api-key"
    if not key_file.exists():
        key_file.write_text(KEY)
    return {
        "PATH": os.environ["PATH"],
        "CHRONOS_KUBECONFIG": kubeconfig,
        "CHRONOS_API_KEY_FILE": str(key_file),
        "CHRONOS_BIND": "127.0.0.1",
        "CHRONOS_PORT": str(free_port()),
        "CHRONOS_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "integration",
        "AWS_SECRET_ACCESS_KEY": "integration-secret",
        **changes,
    }


@contextmanager
def run_api(tmp_path: Path, kubeconfig: str, **changes: str) -> Iterator[Process]:
    """The API, answering; ended with the block."""
    settings = environment(tmp_path, kubeconfig, **changes)
    log = tmp_path / "api.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            [sys.executable, "-m", "chronos_api"],
            env=settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    process = Process(popen, int(settings["CHRONOS_PORT"]), log)
    try:
        _wait_until_live(process)
        yield process
    finally:
        popen.kill()
        popen.wait(timeout=10)


def _wait_until_live(process: Process) -> None:
    deadline = time.monotonic() + START_SECONDS
    with process.client(key=None) as client:
        while True:
            try:
                assert client.get("/api/v1/health/live").status_code == 200
                return
            except httpx.TransportError:
                assert process.popen.poll() is None, process.log.read_text()
                assert time.monotonic() < deadline, process.log.read_text()
                time.sleep(0.05)


def wait_for(ask: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Returns once the answer is True; fails with ``what`` when time runs out."""
    deadline = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def write_nowhere(folder: Path) -> str:
    """A kubeconfig that leads to a port where nobody listens."""
    cluster = {"server": f"http://127.0.0.1:{free_port()}"}
    path = folder / "nowhere.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "clusters": [{"name": "x", "cluster": cluster}],
                "users": [{"name": "x", "user": {"token": "integration-cluster-token"}}],
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            }
        )
    )
    return str(path)


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """A kubeconfig that leads to a port where nobody listens."""
    return write_nowhere(tmp_path)


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
