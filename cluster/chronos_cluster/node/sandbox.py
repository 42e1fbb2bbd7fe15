"""Starts and ends the one process on which the whole cluster hangs, and knows it again."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from chronos_cluster.clock import wait_until
from chronos_cluster.record import read_record, write_record

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START_TIME_FIELD = 22
PARENT_FIELD = 4
NAMESPACES = ("--pid", "--mount", "--net", "--uts", "--ipc")


@dataclass(frozen=True)
class ProcessMark:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    start_ticks: int
    boot_id: str


def read_stat_field(stat: str, number: int) -> str:
    """Field `number` (as in proc(5), from 1) of /proc/PID/stat; the name may hold blanks."""
    after_name = stat.rpartition(")")[2].split()
    return after_name[number - 3]


def mark_process(pid: int) -> ProcessMark | None:
    """The mark of a live process, None where there is none (a zombie is none)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    if read_stat_field(stat, 3) in ("Z", "X"):
        return None
    return ProcessMark(
        pid, int(read_stat_field(stat, START_TIME_FIELD)), BOOT_ID.read_text().strip()
    )


def read_mark(record: Path) -> ProcessMark | None:
    """The recorded init, None where no readable record is."""
    try:
        return ProcessMark(**(read_record(record) or {}))
    except TypeError:
        return None


def find_init(record: Path) -> int | None:
    """The pid of the recorded init if that very process still lives."""
    mark = read_mark(record)
    return mark.pid if mark is not None and mark_process(mark.pid) == mark else None


class Sandbox:
    """A process in new namespaces that waits for `release` before it becomes the init.

    Its standard input is a pipe from us: if we die first it reads the end of file and goes.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", init_pid: int) -> None:
        self._process = process
        self.init_pid = init_pid

    def release(self) -> None:
        """Let it go on: network and files are in place."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"go\n")
            self._process.stdin.close()


def open_sandbox(script: str, *, record: Path, log: Path) -> Sandbox:
    """Run a shell script as process 1 of new namespaces and record which process that is."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            ["unshare", *NAMESPACES, "--mount-proc", "--fork", "--kill-child", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            cwd="/",
        )
    found: list[int] = []

    def has_child() -> bool:
        found[:] = find_children(process.pid)
        return bool(found) or process.poll() is not None

    wait_until(has_child, timeout=10.0, pause=0.02)
    mark = mark_process(found[0]) if found else None
    if mark is None:
        process.kill()
        raise OSError(f"the namespaces could not be made: see {log}")
    write_record(record, vars(mark))
    return Sandbox(process, mark.pid)


def find_children(pid: int) -> list[int]:
    """The pids whose parent is `pid`."""
    children = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            stat = Path(entry.path, "stat").read_text()
        except OSError:
            continue
        if int(read_stat_field(stat, PARENT_FIELD)) == pid:
            children.append(int(entry.name))
    return children


def list_host_pids(init_pid: int) -> dict[int, int]:
    """Number inside to number on this machine, for each process of the init's namespace."""
    numbers = {}
    namespace = os.readlink(f"/proc/{init_pid}/ns/pid")
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(f"{entry.path}/ns/pid") != namespace:
                continue
            status = Path(entry.path, "status").read_text()
        except OSError:
            continue
        numbers[read_inside_pid(status)] = int(entry.name)
    return numbers


def read_inside_pid(status: str) -> int:
    """The last number of the line `NSpid:` in /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise ValueError("no NSpid line: the kernel has no PID namespaces")


def kill_init(record: Path, *, timeout: float = 60.0) -> bool:
    """SIGKILL to the recorded init and wait for its end; False where it was not alive.

    The kernel kills what else lives in the PID namespace before the init's own exit is done.
    """
    pid = find_init(record)
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    if not wait_until(lambda: find_init(record) is None, timeout=timeout):
        raise TimeoutError(f"process {pid} does not end although it was killed")
    return True
