"""A folder is only ours to empty once it carries our mark, and it gets the mark only if empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from chronos_cluster.claim import claim_folder, is_claimed
from chronos_cluster.refusal import Refusal


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(None, id="a folder that does not exist"),
        pytest.param((), id="an empty folder"),
        pytest.param(("python", "uv-1.2"), id="a folder with what the bootstrap made"),
    ],
)
def test_claimed(tmp_path: Path, entries: tuple[str, ...] | None) -> None:
    folder = tmp_path / "state"
    for name in entries or ():
        (folder / name).mkdir(parents=True)
    claim_folder(folder, variable="X", harmless=("python", "uv-*"))
    assert is_claimed(folder)


def test_users_folder_is_refused_and_stays_unmarked(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(Refusal, match=r"thesis\.tex"):
        claim_folder(tmp_path, variable="CHRONOS_STATE_DIR")
    assert not is_claimed(tmp_path)


def test_claimed_folder_may_fill_up(tmp_path: Path) -> None:
    claim_folder(tmp_path / "x", variable="X")
    (tmp_path / "x" / "etcd").mkdir()
    claim_folder(tmp_path / "x", variable="X")
    assert is_claimed(tmp_path / "x")
