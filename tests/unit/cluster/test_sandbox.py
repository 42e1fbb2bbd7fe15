"""A process is known again by more than its number."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chronos_cluster.node.sandbox import (
    find_init,
    kill_init,
    mark_process,
    read_inside_pid,
    read_stat_field,
)

STAT = "4021 (a) odd (name) S 77 4021 4021 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param(3, "S", id="the state, though the name holds blanks and brackets"),
        pytest.param(4, "77", id="the parent"),
        pytest.param(22, "987654", id="the start time"),
    ],
)
def test_stat_field(field: int, expected: str) -> None:
    assert read_stat_field(STAT, field) == expected


def test_the_number_inside_is_the_last_of_the_line() -> None:
    assert read_inside_pid("Name:\tsh\nPid:\t4021\nNSpid:\t4021\t15\n") == 15


def record(path: Path, **changes: object) -> Path:
    mark = mark_process(os.getpid())
    assert mark is not None
    path.write_text(json.dumps({**vars(mark), **changes}))
    return path


def test_a_live_process_is_found_by_its_record(tmp_path: Path) -> None:
    assert find_init(record(tmp_path / "init")) == os.getpid()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"start_ticks": 1}, id="a later process got its number"),
        pytest.param({"boot_id": "earlier"}, id="the machine was started anew"),
        pytest.param({"pid": 2**22 + 1}, id="no process has that number"),
        pytest.param({"color": "red"}, id="the record has a field we do not know"),
    ],
)
def test_a_stale_record_names_nobody_and_nobody_is_killed(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    stale = record(tmp_path / "init", **changes)
    assert find_init(stale) is None
    assert kill_init(stale) is False


@pytest.mark.parametrize(
    "text", [pytest.param("", id="an empty record"), pytest.param("{", id="half a record")]
)
def test_an_unreadable_record_names_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "init"
    path.write_text(text)
    assert find_init(path) is None
