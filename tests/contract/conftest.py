"""Both ports, each once as the fake and once as the real thing."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from chronos_clients.errors import ClientError, NotFound
from chronos_clients.kubernetes import HttpKubernetes, Kubernetes, connect
from chronos_clients.objectstore import ObjectStore, S3ObjectStore, StoreAddress
from chronos_clients.resources import NAMESPACES, Resource
from chronos_clients.testing import FakeKubernetes, FakeObjectStore

MANIFESTS = Path(__file__).parents[2] / "crds" / "manifests"
CRDS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)
REAL = pytest.param("real", marks=pytest.mark.cluster)


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes with a namespace of the test's own."""

    port: Kubernetes
    namespace: str

    @property
    def fake(self) -> FakeKubernetes | None:
        return self.port if isinstance(self.port, FakeKubernetes) else None


@pytest.fixture(params=["fake", REAL])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    namespace = f"chronos-contract-{secrets.token_hex(3)}"
    if request.param == "fake":
        fake = FakeKubernetes(lambda: datetime.now(UTC), namespaces=(namespace,))
        yield Cluster(fake, namespace)
        return
    async with connect(request.getfixturevalue("kubeconfig")) as port:
        installed = await _install_missing_crds(port)
        await port.create(NAMESPACES, None, {"metadata": {"name": namespace}})
        try:
            yield Cluster(port, namespace)
        finally:
            await port.delete(NAMESPACES, None, namespace)
            for name in installed:
                await port.delete(CRDS, None, name)


async def _install_missing_crds(port: HttpKubernetes) -> list[str]:
    """The names of those that were missing; they go again with the test."""
    missing = []
    for path in sorted(MANIFESTS.glob("*.yaml")):
        manifest: dict[str, Any] = yaml.safe_load(path.read_text())
        name = manifest["metadata"]["name"]
        try:
            await port.get(CRDS, None, name)
        except NotFound:
            await port.create(CRDS, None, manifest)
            missing.append(name)
    for name in missing:
        await _wait_until_served(port, name)
    return missing


async def _wait_until_served(port: HttpKubernetes, name: str) -> None:
    async with asyncio.timeout(30):
        while True:
            stored = await port.get(CRDS, None, name)
            conditions = stored.get("status", {}).get("conditions", [])
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return
            await asyncio.sleep(0.1)


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAddress]:
    """A versitygw of the test's own on a free loopback port, ended with the test."""
    binary = os.environ.get("CHRONOS_VERSITYGW") or shutil.which("versitygw")
    if not binary:
        pytest.skip("no versitygw: put it on the PATH or name it by CHRONOS_VERSITYGW")
    # boto3's own session keeps the credentials it has found first.
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "contract")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "contract-secret")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = tmp_path / "store"
    data.mkdir()
    process = subprocess.Popen(
        [binary, "--port", f"127.0.0.1:{port}", "posix", str(data)],
        env={**os.environ, "ROOT_ACCESS_KEY": "contract", "ROOT_SECRET_KEY": "contract-secret"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield StoreAddress(bucket="chronos", endpoint=f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait(timeout=10)


@pytest.fixture(params=["fake", "real"])
async def store(request: pytest.FixtureRequest) -> ObjectStore:
    """An object store whose bucket does not exist yet."""
    if request.param == "fake":
        return FakeObjectStore(has_bucket=False)
    port = S3ObjectStore(request.getfixturevalue("gateway"))
    async with asyncio.timeout(20):
        while True:
            try:
                await port.size("anything")
            except NotFound:
                return port
            except ClientError:
                await asyncio.sleep(0.1)
