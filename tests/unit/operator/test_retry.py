"""Whether an execution gets another attempt, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import NOON, build_attempt
from chronos_crds.execution import Outcome
from chronos_crds.job import Retry
from chronos_operator.decide.retry import compute_delay, next_attempt_at

DELAYS: list[tuple[str, dict[str, Any], int, float]] = [
    ("ten seconds unless said otherwise", {}, 1, 10),
    ("the same each time", {"initial_seconds": 7}, 5, 7),
    ("twice the one before, first", {"initial_seconds": 3, "factor": 2.0}, 1, 3),
    ("twice the one before, second", {"initial_seconds": 3, "factor": 2.0}, 2, 6),
    ("twice the one before, fourth", {"initial_seconds": 3, "factor": 2.0}, 4, 24),
    ("half as much again", {"initial_seconds": 10, "factor": 1.5}, 3, 22.5),
    ("never more than the most", {"initial_seconds": 10, "factor": 10.0, "max_seconds": 60}, 3, 60),
    ("the first one, too", {"initial_seconds": 100, "max_seconds": 60}, 1, 60),
    ("at once", {"initial_seconds": 0, "factor": 2.0}, 9, 0),
    ("a number beyond all numbers", {"factor": 10.0, "max_seconds": 86400}, 400, 86400),
]


@pytest.mark.parametrize(
    ("retry", "failed", "seconds"), [row[1:] for row in DELAYS], ids=[row[0] for row in DELAYS]
)
def test_the_delay_is(retry: dict[str, Any], failed: int, seconds: float) -> None:
    assert compute_delay(Retry(**retry), failed_attempts=failed) == timedelta(seconds=seconds)


ENDED = {"completed_at": NOON, "outcome": Outcome.FAILED}

NEXT: list[tuple[str, int, list[dict[str, Any]], float | None]] = [
    ("nothing was tried yet", 3, [], None),
    ("the first runs", 3, [{}], None),
    ("the first succeeded", 3, [{**ENDED, "outcome": Outcome.SUCCEEDED}], None),
    ("the first failed, two are left", 3, [ENDED], 10),
    ("the second failed, one is left", 3, [ENDED, ENDED], 20),
    ("the third failed, none is left", 3, [ENDED, ENDED, ENDED], None),
    ("the only one failed", 1, [ENDED], None),
    ("the second runs", 3, [ENDED, {}], None),
    ("the second succeeded", 3, [ENDED, {**ENDED, "outcome": Outcome.SUCCEEDED}], None),
    ("refused by the API server", 2, [{**ENDED, "outcome": Outcome.DENIED}], 10),
    ("deleted by somebody", 2, [{**ENDED, "outcome": Outcome.DELETED}], 10),
    ("its end has no time", 2, [{"outcome": Outcome.FAILED}], None),
]


@pytest.mark.parametrize(
    ("most", "attempts", "seconds"), [row[1:] for row in NEXT], ids=[row[0] for row in NEXT]
)
def test_the_next_attempt(most: int, attempts: list[dict[str, Any]], seconds: float | None) -> None:
    retry = Retry(max_attempts=most, factor=2.0)
    known = tuple(build_attempt(number, **fields) for number, fields in enumerate(attempts, 1))
    wanted = None if seconds is None else NOON + timedelta(seconds=seconds)
    assert next_attempt_at(retry, known) == wanted
