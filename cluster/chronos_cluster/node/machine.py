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

# Debian package by the file it brings, the cheapest question there is.
PACKAGES: Mapping[str, str] = {
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/bin/buildah": "buildah",
    "/usr/sbin/debootstrap": "debootstrap",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/sbin/ethtool": "ethtool",
    "/usr/bin/socat": "socat",
    "/bin/busybox": "busybox-static",
    "/usr/bin/unshare": "util-linux",
    "/bin/mount": "mount",
    "/sbin/ip": "iproute2",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
BUSYBOX = Path("/bin/busybox")
PT_INTERP = 3
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
    missing = [package for file, package in PACKAGES.items() if not Path(file).exists()]
    if BUSYBOX.exists() and not is_static(BUSYBOX.read_bytes()):
        missing.append("busybox-static")  # The dynamic one cannot run alone in an image.
    return tuple(missing)


def is_static(program: bytes) -> bool:
    """Whether an ELF64 program asks for no loader (has no PT_INTERP header)."""
    offset = int.from_bytes(program[32:40], "little")
    size, count = (int.from_bytes(program[at : at + 2], "little") for at in (54, 56))
    kinds = (
        int.from_bytes(program[at : at + 4], "little")
        for at in range(offset, offset + size * count, size or 1)
    )
    return program[:4] == b"\x7fELF" and PT_INTERP not in kinds


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
    install = [*wait, "install", "-y", "--no-install-recommends", *packages]
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
