"""Our own folder in every cgroup hierarchy: made before the kubelet starts, removed after."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from chronos_cluster.clock import wait_until
from chronos_cluster.node.components import CGROUP

INIT_LEAF = "init"
V2_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")
V1_INHERITED = ("cpuset.cpus", "cpuset.mems")


def list_hierarchies(mounts: str) -> list[tuple[str, Path]]:
    """(cgroup|cgroup2, mount point) out of /proc/mounts."""
    found = []
    for line in mounts.splitlines():
        words = line.split()
        if len(words) > 2 and words[2] in ("cgroup", "cgroup2"):
            found.append((words[2], Path(words[1])))
    return found


def list_ours() -> list[Path]:
    """Our folders that exist now."""
    folders = [mount / CGROUP for _, mount in list_hierarchies(Path("/proc/mounts").read_text())]
    return [folder for folder in folders if folder.exists()]


def create_cgroups() -> None:
    """Our folder in every hierarchy, with the controllers the kubelet asks for."""
    hierarchies = list_hierarchies(Path("/proc/mounts").read_text())
    hybrid = any(kind == "cgroup" for kind, _ in hierarchies)
    for kind, mount in hierarchies:
        folder = mount / CGROUP
        folder.mkdir(exist_ok=True)
        if kind == "cgroup":
            _inherit_cpus(folder)
        elif not hybrid:
            _delegate(mount)
            _delegate(folder)


def _inherit_cpus(folder: Path) -> None:
    """In version 1 a new cpuset is empty, and nothing may run in an empty one."""
    for name in V1_INHERITED:
        file = folder / name
        if file.exists() and not file.read_text().strip():
            file.write_text((folder.parent / name).read_text())


def _delegate(folder: Path) -> None:
    available = (folder / "cgroup.controllers").read_text().split()
    for controller in V2_CONTROLLERS:
        if controller in available:
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def join_cgroups(pid: int) -> None:
    """Put the cluster's init, and with it all it will start, into a leaf of our folders.

    So its processes can be told from others even if every record of them is lost.
    """
    for folder in list_ours():
        leaf = folder / INIT_LEAF
        leaf.mkdir(exist_ok=True)
        _inherit_cpus(leaf)
        (leaf / "cgroup.procs").write_text(str(pid))


def list_members() -> set[int]:
    """Every process in our folders and below."""
    pids: set[int] = set()
    for folder in list_ours():
        for file in folder.rglob("cgroup.procs"):
            try:
                pids.update(int(line) for line in file.read_text().split())
            except OSError:
                continue  # The folder went away while we looked.
    return pids


def kill_members(*, timeout: float = 30.0) -> None:
    """SIGKILL to each process in our folders until there is none, or the time is over."""

    def is_empty() -> bool:
        members = list_members()
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not members

    wait_until(is_empty, timeout=timeout)


def remove_cgroups(*, timeout: float = 20.0) -> list[str]:
    """Remove our folders, deepest first; gives those that are still in use after the wait."""

    def is_gone() -> bool:
        for folder in list_ours():
            _remove_tree(folder)
        return not list_ours()

    wait_until(is_gone, timeout=timeout, pause=0.2)
    return [str(folder) for folder in list_ours()]


def _remove_tree(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            Path(path).rmdir()
        except OSError:
            continue  # Still holds a dying process; the caller asks again.
