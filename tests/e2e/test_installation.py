"""The installed release itself: its own test, its weight, and what survives a restart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from e2e.conftest import Api, Kubectl, job, wait_for
from e2e.operator_process import SYSTEM, find_pods, find_processes

IDLE_BYTES_AT_MOST = 150_000_000


def test_the_charts_own_test_passes(cluster: Kubectl) -> None:
    done = subprocess.run(
        ["helm", "test", "chronos", "-n", SYSTEM, "--kubeconfig", str(cluster.kubeconfig)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout


@pytest.mark.parametrize("component", ["operator", "api"])
def test_a_process_is_light(component: str, cluster: Kubectl) -> None:
    weights = [_resident_bytes(pid) for pid in find_processes(cluster, component)]
    assert weights, f"no process of {component} is visible on this machine"
    print(f"{component}: {max(weights) / 1e6:.0f} MB resident")
    assert max(weights) <= IDLE_BYTES_AT_MOST


def test_logs_survive_a_restart_of_the_store(api: Api, cluster: Kubectl, image: str) -> None:
    api.submit(job("kept", {"immediate": True}, "echo", "kept", image=image))
    execution = api.wait_for_end("kept")
    before = find_pods(cluster, "objectstore")[0]["metadata"]["uid"]
    cluster("delete", "pod", "-n", SYSTEM, "-l", "app.kubernetes.io/component=objectstore")

    def is_back() -> bool:
        pods = find_pods(cluster, "objectstore")
        ready = [
            it
            for it in pods
            if it["metadata"]["uid"] != before
            and all(c["ready"] for c in it["status"].get("containerStatuses", [{"ready": False}]))
        ]
        return bool(ready)

    wait_for(is_back, seconds=90, what="the store's return")
    log = wait_for(
        lambda: api.request("GET", f"/executions/{execution['id']}/logs").content == b"kept\n",
        seconds=30,
        what="the log from the restarted store",
    )
    assert log


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
