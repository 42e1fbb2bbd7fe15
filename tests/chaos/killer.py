"""Ends the operator again and again, in each way a cluster has."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chaos.cluster import OPERATOR, SYSTEM, Cluster

DEPLOYMENT = "deployment/chronos-operator"
# Long enough for seconds to be missed (10 s), short enough to see many.
AWAY_SECONDS = (14, 24)
PAUSE_SECONDS = (6, 22)


class Killer:
    """Each way of ending the operator, chosen by a seed."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._system = Cluster(SYSTEM)
        self.kills: list[str] = []

    def run_until(self, moment: datetime) -> None:
        """Kills, with pauses between, until then or a little longer."""
        ways: list[Callable[[], None]] = [self._kill_process, self._delete_pod, self._send_away]
        while datetime.now(UTC) < moment:
            way = self._random.choice(ways)
            self.kills.append(f"{datetime.now(UTC):%T} {way.__name__.strip('_')}")
            way()
            time.sleep(self._random.uniform(*PAUSE_SECONDS))

    def bring_back(self) -> None:
        """Afterwards the operator is there, in a new pod: a container that was killed often is
        restarted ever more slowly."""
        self._scale(1)
        self._delete_pod()
        self._system.kubectl("rollout", "status", DEPLOYMENT, "--timeout=50s")

    def _kill_process(self) -> None:
        """SIGKILL, as by a kernel out of memory; a deletion where it is on another machine."""
        processes = self._find_processes()
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        if not processes:
            self._delete_pod()

    def _delete_pod(self) -> None:
        """Deleted at once, so that its successor may begin while it has not quite ended."""
        now = ("--grace-period=0", "--force", "--wait=false")
        self._system.kubectl("delete", "pods", "-l", OPERATOR, *now)

    def _send_away(self) -> None:
        """No operator at all, for longer than a restart takes."""
        self._scale(0)
        time.sleep(self._random.uniform(*AWAY_SECONDS))
        self._scale(1)

    def _scale(self, replicas: int) -> None:
        self._system.kubectl("scale", DEPLOYMENT, f"--replicas={replicas}")

    def _find_processes(self) -> list[int]:
        """The operator's processes, where its node is this machine."""
        uids = [pod["metadata"]["uid"] for pod in self._system.read("Pod", "-l", OPERATOR)]
        folders = [it for it in Path("/proc").iterdir() if it.name.isdigit()]
        return [int(it.name) for it in folders if _is_operator(it, uids)]


def _is_operator(folder: Path, uids: list[str]) -> bool:
    try:
        # cgroup drivers write a UID with dashes or with underscores.
        groups = (folder / "cgroup").read_text().replace("_", "-")
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return False
    return b"python" in command and any(uid in groups for uid in uids)
