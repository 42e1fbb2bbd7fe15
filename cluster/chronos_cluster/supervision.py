"""supervisord: its configuration as text, and questions to it over its Unix socket."""

import http.client
import shlex
import socket
import xmlrpc.client
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 30.0


@dataclass(frozen=True)
class ProgramState:
    """What supervisord knows of a program; `pid` is its number inside, 0 where it has none."""

    name: str
    state: str
    pid: int
    seconds: int


def build_supervisor_configuration(
    programs: Iterable[tuple[str, Sequence[str]]],
    *,
    socket_path: Path,
    pid_file: Path,
    logs: Path,
    path: str,
    autostart: bool,
) -> str:
    """supervisord's INI for (name, command line) pairs; each program is kept alive for ever."""
    sections = [
        "[supervisord]",
        "loglevel=warn",
        f"logfile={logs / 'supervisord.log'}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        f"pidfile={pid_file}",
        f"childlogdir={logs}",
        f'environment=PATH="{path}"',
        "[unix_http_server]",
        f"file={socket_path}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for name, argv in programs:
        sections += [
            f"[program:{name}]",
            # A per cent sign would be taken for supervisord's own expansion.
            "command=" + shlex.join(argv).replace("%", "%%"),
            f"autostart={str(autostart).lower()}",
            "autorestart=true",
            "startsecs=1",
            "startretries=1000",
            "stopwaitsecs=10",
            "redirect_stderr=true",
            f"stdout_logfile={logs / name}.log",
            "stdout_logfile_maxbytes=20MB",
            "stdout_logfile_backups=1",
        ]
    return "\n".join([*sections, ""])


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(
        self,
        host: Any,  # noqa: ARG002 - the socket's path says it all
    ) -> http.client.HTTPConnection:
        return _Connection(self._path)


class Supervisor:
    """The few calls we need; all raise OSError or xmlrpc.client.Error."""

    def __init__(self, path: Path) -> None:
        self._proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(path))

    def is_up(self) -> bool:
        try:
            return bool(self._call("getState")["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error, http.client.HTTPException):
            return False

    def list_programs(self) -> list[ProgramState]:
        return [
            ProgramState(
                name=entry["name"],
                state=entry["statename"],
                pid=entry["pid"],
                seconds=entry["now"] - entry["start"] if entry["statename"] == "RUNNING" else 0,
            )
            for entry in self._call("getAllProcessInfo")
        ]

    def start_program(self, name: str) -> None:
        """Start it and do not wait; one that already runs is left alone."""
        states = {program.name: program.state for program in self.list_programs()}
        if states.get(name) not in ("STARTING", "RUNNING", "BACKOFF"):
            self._call("startProcess", name, False)

    def shut_down(self) -> None:
        """Stop every program, then supervisord itself."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._proxy.supervisor, method)(*arguments)
