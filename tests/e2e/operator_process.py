"""The processes of Chronos' own pods, as this machine sees them: to kill one, or to weigh it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.conftest import Json, Kubectl, wait_for

SYSTEM = "chronos-system"
DEPLOYMENT = "deployment/chronos-operator"


def kill_operator(cluster: Kubectl) -> None:
    """SIGKILL, as by a kernel out of memory; returns once Kubernetes has noticed."""
    before = _restarts(cluster)
    processes = list(find_processes(cluster, "operator"))
    assert processes, "the operator's process is not visible on this machine"
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: _restarts(cluster) > before or not _is_running(cluster),
        seconds=30,
        what="the operator's end",
    )


@contextmanager
def operator_away(cluster: Kubectl) -> Iterator[None]:
    """No operator in the cluster; afterwards it is there again, and ready."""
    _scale(cluster, 0)
    wait_for(lambda: not find_pods(cluster, "operator"), seconds=60, what="the operator's end")
    try:
        yield
    finally:
        bring_operator_back(cluster)


def bring_operator_back(cluster: Kubectl) -> None:
    """Returns once it is there and ready, whatever was done to it."""
    _scale(cluster, 1)
    cluster("rollout", "status", "-n", SYSTEM, DEPLOYMENT, "--timeout=90s")


def _scale(cluster: Kubectl, replicas: int) -> None:
    cluster("scale", "-n", SYSTEM, DEPLOYMENT, f"--replicas={replicas}")


def find_processes(cluster: Kubectl, component: str) -> Iterator[int]:
    """The processes of a component's pods, found by their cgroup."""
    uids = [pod["metadata"]["uid"] for pod in find_pods(cluster, component)]
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _is_in_pod(folder, uids):
            yield int(folder.name)


def find_pods(cluster: Kubectl, component: str) -> list[Json]:
    """The pods of a component of the installed release."""
    selector = f"app.kubernetes.io/component={component}"
    pods: list[Json] = cluster.json("get", "pods", "-n", SYSTEM, "-l", selector)["items"]
    return pods


def _restarts(cluster: Kubectl) -> int:
    return sum(it["restartCount"] for it in _container_statuses(cluster))


def _is_running(cluster: Kubectl) -> bool:
    return any("running" in it["state"] for it in _container_statuses(cluster))


def _container_statuses(cluster: Kubectl) -> Iterator[Json]:
    for pod in find_pods(cluster, "operator"):
        yield from pod["status"].get("containerStatuses", ())


def _is_in_pod(folder: Path, uids: list[str]) -> bool:
    try:
        # cgroup drivers write a UID with dashes or with underscores.
        groups = (folder / "cgroup").read_text().replace("_", "-")
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return False
    return b"python" in command and any(uid in groups for uid in uids)
