"""What all floors of tests share: which cluster they may touch, and the marker for those that do.

A cluster is never guessed: it is named by ``--k8s-kubeconfig-override`` (or the environment's
CHRONOS_TEST_KUBECONFIG) and must say of itself that it is made for tests.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from chronos_clients.errors import NotFound
from chronos_clients.kubernetes import connect
from chronos_clients.resources import Resource

T = TypeVar("T")

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
TEST_CLUSTER_MARK = ("kube-system", "chronos-test-cluster")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cluster: needs a Kubernetes cluster made for tests")


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in a loop and thread of its own, wherever the caller is."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result(timeout=60)


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> str:
    """The path of the test cluster's kubeconfig; skips where none is named."""
    named = request.config.getoption("k8s_kubeconfig_override") or os.environ.get(
        "CHRONOS_TEST_KUBECONFIG"
    )
    if not named:
        pytest.skip("no cluster: name one by --k8s-kubeconfig-override")
    run_apart(_check_made_for_tests(named))
    return str(named)


async def _check_made_for_tests(path: str) -> None:
    async with connect(path) as kubernetes:
        try:
            await kubernetes.get(CONFIG_MAPS, *TEST_CLUSTER_MARK)
        except NotFound:
            pytest.exit(
                f"refusing the cluster of {path}: it has no ConfigMap "
                f"{'/'.join(TEST_CLUSTER_MARK)}, so it is not made for tests",
                returncode=3,
            )
