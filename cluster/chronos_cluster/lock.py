"""One `up` or `down` at a time on a machine; the kernel drops the lock when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chronos_cluster.refusal import Refusal


@contextmanager
def hold_lock(path: Path, *, what: str) -> Iterator[None]:
    """Hold the lock for the block; refused, naming the holder, while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Refusal(
                f"another run is at work: {file.read().strip() or 'unknown'}",
                remedy="wait for its end, then repeat",
            ) from error
        file.truncate(0)
        file.write(f"{what}, pid {os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
