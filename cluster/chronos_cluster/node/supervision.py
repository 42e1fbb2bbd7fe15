"""Asks supervisord about its programs, over its Unix socket."""

import http.client
import socket
import xmlrpc.client
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

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _Connection(self._path)


class Supervisor:
    """The few calls we need; all raise OSError or xmlrpc.client.Error."""

    def __init__(self, path: Path) -> None:
        self._proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(path))

    def is_up(self) -> bool:
        try:
            return self._call("getState")["statename"] == "RUNNING"
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

    def restart_program(self, name: str) -> None:
        """Stop it if it runs, then start it."""
        states = {program.name: program.state for program in self.list_programs()}
        if states.get(name) in ("STARTING", "RUNNING", "BACKOFF"):
            self._call("stopProcess", name, True)
        self._call("startProcess", name, False)

    def _call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._proxy.supervisor, method)(*arguments)
