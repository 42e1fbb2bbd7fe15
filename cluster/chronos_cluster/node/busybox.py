"""Debian's static busybox: the example image and the helper pods are made of it.

It is unpacked into the cache and not installed: its package would push out the dynamic busybox
that most Debian machines boot with.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from chronos_cluster.command import run_command

IMAGE = "docker.io/library/busybox"
DEFAULT_TAG = "1.35"
INSTALLED = Path("/bin/busybox")
PT_INTERP = 3
TIMEOUT = 300.0


def is_static(program: bytes) -> bool:
    """Whether an ELF64 program asks for no loader (has no PT_INTERP header)."""
    offset = int.from_bytes(program[32:40], "little")
    size, count = (int.from_bytes(program[at : at + 2], "little") for at in (54, 56))
    kinds = (
        int.from_bytes(program[at : at + 4], "little")
        for at in range(offset, offset + size * count, size or 1)
    )
    return program[:4] == b"\x7fELF" and PT_INTERP not in kinds


def read_tag(banner: str) -> str:
    """`1.35` out of `BusyBox v1.35.0 (Debian ...) multi-call binary.`."""
    found = re.search(r"BusyBox v(\d+\.\d+)", banner)
    if found is None:
        raise ValueError(f"not a busybox banner: {banner[:60]!r}")
    return found.group(1)


class Busybox:
    """The program in the cache, or the machine's own where that is static."""

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / "busybox"

    @property
    def path(self) -> Path | None:
        """Where it lies; None before it was fetched."""
        cached = self._folder / "bin" / "busybox"
        if cached.exists():
            return cached
        if INSTALLED.exists() and is_static(INSTALLED.read_bytes()):
            return INSTALLED
        return None

    @property
    def image(self) -> str:
        """The full name of the image made of it; its tag is the program's true version."""
        if self.path is None:
            return f"{IMAGE}:{DEFAULT_TAG}"
        told = subprocess.run(
            [str(self.path), "--help"], capture_output=True, text=True, timeout=30, check=False
        )
        return f"{IMAGE}:{read_tag(told.stdout + told.stderr)}"

    def fetch(self, *, log: Path) -> None:
        """Unpack Debian's package into the cache unless there is one to use."""
        if self.path is not None:
            return
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder.parent, prefix="busybox-") as name:
            # apt gives up its rights for downloads; the folder must let it write.
            Path(name).chmod(0o777)
            for argv in (["apt-get", "-q", "update"], ["apt-get", "download", "busybox-static"]):
                run_command(argv, timeout=TIMEOUT, log=log, cwd=Path(name))
            (package,) = Path(name).glob("busybox-static_*.deb")
            tree = Path(name) / "tree"
            run_command(["dpkg-deb", "-x", str(package), str(tree)], timeout=TIMEOUT, log=log)
            shutil.rmtree(self._folder, ignore_errors=True)
            tree.rename(self._folder)

    def list_applets(self) -> list[str]:
        """The names under which it can be called, but its own."""
        if self.path is None:
            raise FileNotFoundError("busybox was not fetched")
        names = run_command([str(self.path), "--list"], timeout=30).split()
        return [name for name in names if name != "busybox"]

    def read(self) -> bytes:
        """The program itself."""
        if self.path is None:
            raise FileNotFoundError("busybox was not fetched")
        return self.path.read_bytes()
