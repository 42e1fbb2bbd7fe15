"""Whether this machine can carry the own cluster, and what must be installed first."""

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chronos_cluster.archive import ARCHITECTURES
from chronos_cluster.command import CommandFailed, run_command
from chronos_cluster.refusal import Refusal, StepFailed

# Debian package by the program it brings. By program and not by package: Docker's own packages
# bring containerd and runc too, and Debian's would push them out.
PROGRAMS: Mapping[str, str] = {
    "containerd": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ethtool": "ethtool",
    "socat": "socat",
    "unshare": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
}
FILES: Mapping[str, str] = {
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
# Measured: the Go caches of one build 4.6 GB, programs 0.9, base system and images 1.2.
CACHE_BYTES_COLD = 8 * 10**9
CACHE_BYTES_WARM = 1 * 10**9
# Measured: images unpacked 0.6 GB; the rest is room for etcd, logs and volumes.
STATE_BYTES = 3 * 10**9
APT_TIMEOUT = 1200.0
SYSTEM_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Machine:
    """What the refusals look at."""

    is_root: bool
    is_linux: bool
    machine: str
    has_apt: bool
    missing_packages: tuple[str, ...]
    free_cache_bytes: int
    free_state_bytes: int
    same_disk: bool


def find_refusal(machine: Machine, *, cold: bool) -> Refusal | None:
    """The first reason why this machine cannot carry the cluster; None where it can."""
    if not machine.is_linux or machine.machine not in ARCHITECTURES:
        return Refusal(
            f"the own cluster needs Linux on {' or '.join(ARCHITECTURES)}, not {machine.machine}",
            remedy="start Docker (kind is used then) or name a cluster: CHRONOS_KUBECONFIG=FILE",
        )
    if not machine.is_root:
        return Refusal(
            "no Docker engine answers, and the own cluster needs root",
            remedy="run it as root, start Docker, or name a cluster: CHRONOS_KUBECONFIG=FILE",
        )
    if machine.missing_packages and not machine.has_apt:
        return Refusal(
            "not a Debian-like machine, and it lacks: " + ", ".join(machine.missing_packages),
            remedy="install these by your own means, start Docker, or name a cluster",
        )
    return _find_lack_of_space(machine, cold=cold)


def _find_lack_of_space(machine: Machine, *, cold: bool) -> Refusal | None:
    cache = CACHE_BYTES_COLD if cold else CACHE_BYTES_WARM
    needs = (
        [("cache and state", machine.free_cache_bytes, cache + STATE_BYTES)]
        if machine.same_disk
        else [
            ("cache", machine.free_cache_bytes, cache),
            ("state", machine.free_state_bytes, STATE_BYTES),
        ]
    )
    for what, free, needed in needs:
        if free < needed:
            return Refusal(
                f"no space: {what} need {needed / 1e9:.0f} GB, free are {free / 1e9:.1f} GB",
                remedy="free some, or choose other disks: CHRONOS_CACHE_DIR, CHRONOS_STATE_DIR",
            )
    return None


def list_missing_packages() -> tuple[str, ...]:
    """Debian packages to install, in the order of the table above."""
    return tuple(
        package
        for program, package in PROGRAMS.items()
        if shutil.which(program, path=SYSTEM_PATHS) is None
    ) + tuple(package for file, package in FILES.items() if not Path(file).exists())


def look_at_machine(*, cache_dir: Path, state_dir: Path) -> Machine:
    """The facts of this machine."""
    cache, state = _existing_parent(cache_dir), _existing_parent(state_dir)
    return Machine(
        is_root=os.geteuid() == 0,
        is_linux=platform.system() == "Linux",
        machine=platform.machine(),
        has_apt=shutil.which("apt-get") is not None,
        missing_packages=list_missing_packages(),
        free_cache_bytes=shutil.disk_usage(cache).free,
        free_state_bytes=shutil.disk_usage(state).free,
        same_disk=cache.stat().st_dev == state.stat().st_dev,
    )


def _existing_parent(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def install_packages(packages: Sequence[str], *, log: Path) -> str | None:
    """apt-get install, without asking; nothing at all where nothing is missing."""
    if not packages:
        return "all there"
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    wait = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    # --no-remove: what is on this machine stays, even where our packages would replace it.
    install = [*wait, "install", "-y", "--no-remove", "--no-install-recommends", *packages]
    try:
        run_command([*wait, "update"], timeout=APT_TIMEOUT, log=log, env=env)
        run_command(install, timeout=APT_TIMEOUT, log=log, env=env)
    except CommandFailed as error:
        raise StepFailed(
            f"Debian packages could not be installed: {error}",
            remedy="run the failed command by hand, mend what it says, repeat",
            log=log,
        ) from error
    return None


def choose_snapshotter(mounts: str, folder: Path) -> str:
    """overlayfs, except where the state itself lies on an overlay, which cannot be stacked."""
    kind, depth = "", -1
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3:
            continue
        point = Path(words[1].replace("\\040", " "))
        if folder.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = words[2], len(point.parts)
    return "native" if kind in ("overlay", "aufs") else "overlayfs"
