"""The operator as a process of this machine, with a clock that tests may move.

It runs as the installed operator's service account, so that it has its rights and no others.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.conftest import Json, Kubectl
from e2e.operator_process import SYSTEM

LIBRARIES = Path("/usr/lib")


@dataclass
class LocalOperator:
    """One process; ``folder`` holds its log and the offset of its clock."""

    process: subprocess.Popen[bytes]
    folder: Path

    def move_clock(self, seconds: float) -> None:
        """From now on its wall clock is so far off; its monotonic one goes on."""
        write_offset(self.folder, seconds)

    def check_alive(self) -> None:
        """Fails the test with its last words where it has ended."""
        if self.process.poll() is not None:
            tail = (self.folder / "operator.log").read_text(errors="replace")[-3000:]
            pytest.fail(f"the operator ended with {self.process.returncode}: {tail}")


def write_offset(folder: Path, seconds: float) -> None:
    """Replaced as a whole: libfaketime reads it at each look at the clock."""
    new = folder / "offset.new"
    new.write_text(f"{seconds:+.3f}\n")
    new.replace(folder / "offset")


@contextmanager
def run_operator(cluster: Kubectl, namespace: str, folder: Path) -> Iterator[LocalOperator]:
    """An operator that serves that namespace alone."""
    write_offset(folder, 0)
    environment = {
        **os.environ,
        **_store_settings(cluster),
        "CHRONOS_KUBECONFIG": str(_write_kubeconfig(cluster, folder)),
        "CHRONOS_WATCH_NAMESPACES": namespace,
        "CHRONOS_PROBE_PORT": str(_free_port()),
        "LD_PRELOAD": _find_faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "offset"),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with (folder / "operator.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "chronos_operator"], env=environment, stdout=log, stderr=log
        )
    try:
        yield LocalOperator(process, folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)


def _find_faketime() -> str:
    found = sorted(LIBRARIES.glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("no libfaketime: on Debian, apt-get install libfaketime")
    return str(found[0])


def _write_kubeconfig(cluster: Kubectl, folder: Path) -> Path:
    account = ("create", "token", "chronos-operator", "-n", SYSTEM, "--duration=1h")
    config: Json = json.loads(cluster("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"] = [{"name": "operator", "user": {"token": cluster(*account).strip()}}]
    config["contexts"][0]["context"]["user"] = "operator"
    file = folder / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))
    return file


def _store_settings(cluster: Kubectl) -> dict[str, str]:
    """Where the installed release keeps its logs, as reached from this machine."""
    api = cluster.json("get", "deployment", "-n", SYSTEM, "chronos-api")
    (container,) = api["spec"]["template"]["spec"]["containers"]
    plain = {it["name"]: it.get("value", "") for it in container["env"] if "valueFrom" not in it}
    secret = cluster.json("get", "secret", "-n", SYSTEM, "chronos-objectstore")["data"]
    decoded = {name: base64.b64decode(value).decode() for name, value in secret.items()}
    return {
        "CHRONOS_S3_ENDPOINT": plain["CHRONOS_S3_PUBLIC_ENDPOINT"] or plain["CHRONOS_S3_ENDPOINT"],
        "CHRONOS_S3_BUCKET": plain["CHRONOS_S3_BUCKET"],
        "CHRONOS_S3_REGION": plain["CHRONOS_S3_REGION"],
        "CHRONOS_S3_PREFIX": plain["CHRONOS_S3_PREFIX"],
        "AWS_ACCESS_KEY_ID": decoded["access-key-id"],
        "AWS_SECRET_ACCESS_KEY": decoded["secret-access-key"],
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
