"""Logs: every byte that was printed lies in the store."""

from __future__ import annotations

import hashlib

import pytest

from e2e.conftest import Api, job

LINES = 320_000
PRINT = f'BEGIN {{for (i = 1; i <= {LINES}; i++) printf "%099d\\n", i}}'


@pytest.mark.timeout(240)
def test_a_log_of_30_mb_arrives_whole(api: Api, image: str) -> None:
    api.submit(job("big", {"immediate": True}, "awk", PRINT, image=image))
    execution = api.wait_for_end("big", seconds=180)
    assert execution["state"] == "Succeeded"
    expected = b"".join(b"%099d\n" % number for number in range(1, LINES + 1))
    content = api.log(execution["id"])
    log = execution["attempts"][0]["log"]
    # Compared by their digests first: a difference in 32 MB is not to be printed.
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256(expected).hexdigest()
    assert log["bytes"] == len(expected) > 30_000_000
    assert log["sha256"] == hashlib.sha256(expected).hexdigest()
    assert log["complete"] is True


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(["true"], b"", id="nothing at all"),
        pytest.param(["printf", "no newline"], b"no newline", id="no newline at the end"),
        pytest.param(["printf", r"\n\n a \n"], b"\n\n a \n", id="empty lines and spaces"),
        pytest.param(["printf", r"a\000b\377\n"], b"a\x00b\xff\n", id="NUL and invalid UTF-8"),
        pytest.param(
            ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo"],
            b"x" * 100_000 + b"\n",
            id="a line of 100,000 characters",
        ),
    ],
)
def test_the_log_is_exactly_what_was_printed(
    command: list[str], expected: bytes, api: Api, image: str
) -> None:
    api.submit(job("exact", {"immediate": True}, *command, image=image))
    execution = api.wait_for_end("exact")
    assert api.log(execution["id"]) == expected
    assert execution["attempts"][0]["log"]["complete"] is True
