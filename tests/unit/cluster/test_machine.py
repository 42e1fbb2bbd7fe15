"""Refusals come before anything is touched, and name the remedy."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from chronos_cluster.node.busybox import is_static
from chronos_cluster.node.machine import Machine, choose_snapshotter, find_refusal

GB = 10**9
FIT = Machine(
    is_root=True,
    is_linux=True,
    machine="x86_64",
    has_apt=True,
    missing_packages=("containerd", "runc"),
    free_cache_bytes=50 * GB,
    free_state_bytes=50 * GB,
    same_disk=True,
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"is_root": False}, "needs root", id="not root"),
        pytest.param({"is_linux": False}, "needs Linux", id="not Linux"),
        pytest.param({"machine": "riscv64"}, "riscv64", id="a processor we have no image for"),
        pytest.param({"has_apt": False}, "containerd, runc", id="not Debian-like: the list"),
        pytest.param({"free_cache_bytes": 2 * GB}, "free are 2.0 GB", id="one disk, too full"),
        pytest.param(
            {"free_state_bytes": GB, "same_disk": False},
            "state need 3 GB",
            id="a disk of its own for the state, too full",
        ),
    ],
)
def test_refused(changes: dict[str, object], words: str) -> None:
    refusal = find_refusal(replace(FIT, **changes), cold=True)
    assert refusal is not None
    assert words in str(refusal)
    assert refusal.remedy


@pytest.mark.parametrize(
    ("machine", "cold"),
    [
        pytest.param(FIT, True, id="Debian where packages are missing: they will be installed"),
        pytest.param(
            replace(FIT, has_apt=False, missing_packages=()),
            True,
            id="another Linux that has everything already",
        ),
        pytest.param(
            replace(FIT, free_cache_bytes=5 * GB), False, id="little space, but nothing to build"
        ),
    ],
)
def test_accepted(machine: Machine, cold: bool) -> None:
    assert find_refusal(machine, cold=cold) is None


MOUNTS = """\
/dev/vda / ext4 rw 0 0
overlay /var/lib overlay rw 0 0
tmpfs /var/lib/chronos\\040x tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        pytest.param("/srv/state", "overlayfs", id="on a real disk"),
        pytest.param("/var/lib/chronos", "native", id="inside a container's overlay"),
        pytest.param("/var/lib/chronos x/y", "overlayfs", id="the innermost mount decides"),
    ],
)
def test_snapshotter(folder: str, expected: str) -> None:
    assert choose_snapshotter(MOUNTS, Path(folder)) == expected


def build_elf(*kinds: int) -> bytes:
    """An ELF64 file of nothing but program headers of these kinds."""
    header = bytearray(64)
    header[:4] = b"\x7fELF"
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<HH", header, 54, 56, len(kinds))
    return bytes(header) + b"".join(struct.pack("<I", kind) + bytes(52) for kind in kinds)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param(build_elf(1, 2), True, id="loads itself"),
        pytest.param(build_elf(1, 3, 2), False, id="asks for a loader"),
        pytest.param(b"#!/bin/sh\n" + bytes(100), False, id="a script is not a program"),
    ],
)
def test_static(program: bytes, expected: bool) -> None:
    assert is_static(program) is expected
