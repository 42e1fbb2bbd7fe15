"""Kills the operator the hard way: SIGKILL to its process, as the kernel would when out of memory."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from e2e.conftest import Kubectl, wait_for

SYSTEM = "chronos-system"
SELECTOR = "app.kubernetes.io/component=operator"


def kill_operator(cluster: Kubectl) -> None:
    """Kills the operator's process and waits until Kubernetes has noticed."""
    before = restarts(cluster)
    pids = _pids(_pod_uid(cluster))
    assert pids, "the operator's process is not visible on this machine"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(
        lambda: restarts(cluster) > before or not _is_running(cluster),
        seconds=30,
        what="the operator's end",
    )


def restarts(cluster: Kubectl) -> int:
    """How often the operator's container was started again."""
    pods = cluster.json("get", "pods", "-n", SYSTEM, "-l", SELECTOR)["items"]
    return sum(
        status["restartCount"]
        for pod in pods
        for status in pod["status"].get("containerStatuses", ())
    )


def _is_running(cluster: Kubectl) -> bool:
    pods = cluster.json("get", "pods", "-n", SYSTEM, "-l", SELECTOR)["items"]
    return any(
        "running" in status["state"]
        for pod in pods
        for status in pod["status"].get("containerStatuses", ())
    )


def _pod_uid(cluster: Kubectl) -> str:
    pods = cluster.json("get", "pods", "-n", SYSTEM, "-l", SELECTOR)["items"]
    assert len(pods) == 1, f"{len(pods)} operator pods"
    uid: str = pods[0]["metadata"]["uid"]
    return uid


def _pids(pod_uid: str) -> list[int]:
    """The processes of this machine that run kopf in that pod, found by their cgroup."""
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _is_operator(folder, pod_uid)
    ]


def _is_operator(folder: Path, pod_uid: str) -> bool:
    try:
        groups = (folder / "cgroup").read_text().replace("_", "-")
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return False
    return pod_uid in groups and b"chronos_operator" in command
