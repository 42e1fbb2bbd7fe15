"""Marks folders as ours, so that a mistyped path never costs the user a folder of his."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from chronos_cluster.refusal import Refusal

MARK = "made-by-chronos-cluster"


def is_claimed(folder: Path) -> bool:
    """Whether the folder carries our mark: only then may it be emptied."""
    return (folder / MARK).is_file()


def claim_folder(folder: Path, *, variable: str, harmless: Sequence[str] = ()) -> None:
    """Make the folder and mark it; refused where it holds anything but names like `harmless`."""
    if is_claimed(folder):
        return
    if folder.exists():
        strange = [
            entry.name
            for entry in folder.iterdir()
            if not any(fnmatch(entry.name, pattern) for pattern in harmless)
        ]
        if strange:
            raise Refusal(
                f"{folder} is not a folder of Chronos: it holds {strange[0]}",
                remedy=f"set {variable} to an empty or a new folder",
            )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
