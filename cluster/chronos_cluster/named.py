"""A cluster the user named: nothing is started there but the chart; ports are forwarded to it."""

import hashlib
import socket
import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path

from chronos_cluster.clock import wait_until
from chronos_cluster.command import CommandFailed, run_command
from chronos_cluster.kubectl import Kubectl
from chronos_cluster.refusal import Refusal, StepFailed
from chronos_cluster.supervision import Supervisor, build_supervisor_configuration

API_PORTS = range(30080, 30180)
STORE_PORTS = range(30270, 30370)
FORWARD_TIMEOUT = 60.0


def split_image(name: str | None) -> tuple[str, str]:
    """`registry:5000/a/b:tag` into repository and tag; anything else is refused."""
    repository, colon, tag = (name or "").rpartition(":")
    if not colon or not repository or not tag or "/" in tag:
        raise Refusal(
            f"a named cluster needs CHRONOS_IMAGE=repository:tag, got {name or 'nothing'}",
            remedy="`make image` builds it; push it where that cluster can pull from, and name it",
        )
    return repository, tag


def is_port_free(port: int) -> bool:
    """Whether nobody listens on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(candidates: range) -> int:
    """The first free one."""
    for port in candidates:
        if is_port_free(port):
            return port
    raise Refusal(
        f"no port is free on 127.0.0.1 from {candidates[0]} to {candidates[-1]}",
        remedy="end a program that holds one",
    )


@dataclass(frozen=True)
class Forwards:
    """Ports on 127.0.0.1 that lead to Chronos' API and to its object store."""

    api_port: int
    store_port: int


class PortForwards:
    """Two `kubectl port-forward`, kept alive by a supervisord of their own."""

    def __init__(self, kubectl: Kubectl, *, folder: Path, namespace: str) -> None:
        key = hashlib.sha256(str(kubectl.kubeconfig).encode()).hexdigest()[:10]
        self.folder = folder / key
        self._kubectl = kubectl
        self._namespace = namespace
        self._supervisor = Supervisor(self.folder / "supervisor.sock")

    def is_up(self) -> bool:
        return self._supervisor.is_up()

    def read_ports(self) -> Forwards | None:
        """The ports chosen earlier, None where none were."""
        try:
            api_port, store_port = (self.folder / "ports").read_text().split()
        except (OSError, ValueError):
            return None
        return Forwards(int(api_port), int(store_port))

    def choose_ports(self) -> Forwards:
        """Those of a running forward, else free ones; remembered."""
        known = self.read_ports()
        if known is not None and (self.is_up() or is_port_free(known.api_port)):
            return known
        chosen = Forwards(choose_port(API_PORTS), choose_port(STORE_PORTS))
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "ports").write_text(f"{chosen.api_port} {chosen.store_port}")
        return chosen

    def start(self, forwards: Forwards) -> None:
        """Start them anew, or leave them as they are where they run."""
        if self.is_up():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "supervisord.conf"
        configuration.write_text(
            build_supervisor_configuration(
                [
                    ("forward-api", self._build_argv("chronos-api", forwards.api_port, 8000)),
                    (
                        "forward-store",
                        self._build_argv("chronos-objectstore", forwards.store_port, 7070),
                    ),
                ],
                socket_path=self.folder / "supervisor.sock",
                pid_file=self.folder / "supervisord.pid",
                logs=self.folder,
                path="/usr/bin:/bin",
                autostart=True,
            )
        )
        supervisord = Path(sys.executable).with_name("supervisord")
        run_command([str(supervisord), "-c", str(configuration)], timeout=30)
        if not wait_until(lambda: not is_port_free(forwards.api_port), timeout=FORWARD_TIMEOUT):
            raise StepFailed(
                "the API's port could not be forwarded",
                remedy="read the log; is the pod running?",
                log=self.folder / "forward-api.log",
            )

    def stop(self) -> None:
        """End both; nothing happens where none run."""
        if not self.is_up():
            return
        try:
            self._supervisor.shut_down()
        except (OSError, xmlrpc.client.Error) as error:
            raise StepFailed(
                f"the port forwards do not end: {error}",
                remedy=f"end the process in {self.folder / 'supervisord.pid'}",
            ) from error
        wait_until(lambda: not self.is_up(), timeout=20)

    def _build_argv(self, service: str, port: int, target: int) -> list[str]:
        return [
            str(self._kubectl.binaries / "kubectl"),
            f"--kubeconfig={self._kubectl.kubeconfig}",
            f"--namespace={self._namespace}",
            "port-forward",
            "--address=127.0.0.1",
            f"service/{service}",
            f"{port}:{target}",
        ]


def answers(kubectl: Kubectl) -> bool:
    """Whether the cluster can be reached with its kubeconfig."""
    try:
        kubectl.run("get", "--raw", "/readyz", timeout=20)
    except (CommandFailed, subprocess.SubprocessError):
        return False
    return True
