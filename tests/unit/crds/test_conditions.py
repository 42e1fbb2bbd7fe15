"""Conditions: one of each type, and a transition time that moves only with the truth."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from builders import NOON
from chronos_crds.conditions import Condition, Truth, merge_condition

LATER = NOON + timedelta(minutes=5)


def valid(before: tuple[Condition, ...], **fields: Any) -> tuple[Condition, ...]:
    known: dict[str, Any] = {
        "type": "Valid",
        "status": Truth.TRUE,
        "reason": "Valid",
        "message": "",
        "generation": 1,
        "now": NOON,
    }
    return merge_condition(before, **{**known, **fields})


def test_the_first_condition_begins_now() -> None:
    (condition,) = valid(())
    assert condition.transition_at == NOON
    assert condition.observed_generation == 1


def test_the_same_truth_keeps_its_time_and_takes_the_news() -> None:
    (condition,) = valid(valid(()), reason="Still", message="so", generation=2, now=LATER)
    assert condition.transition_at == NOON
    assert (condition.reason, condition.message, condition.observed_generation) == (
        "Still",
        "so",
        2,
    )


def test_another_truth_begins_now() -> None:
    (condition,) = valid(valid(()), status=Truth.FALSE, now=LATER)
    assert condition.transition_at == LATER
    assert condition.status is Truth.FALSE


def test_other_types_stay_as_they_are() -> None:
    others = valid((), type="Ready")
    merged = valid((*others, *valid(())), status=Truth.FALSE, now=LATER)
    assert merged[0] == others[0]
    assert [known.type for known in merged] == ["Ready", "Valid"]


def test_a_long_message_is_cut_to_what_the_schema_takes() -> None:
    (condition,) = valid((), message="ü" * 5000)
    assert condition.message == "ü" * 1024


def test_a_condition_is_written_as_kubernetes_writes_it() -> None:
    (condition,) = valid((), message="all is well")
    assert condition.to_manifest() == {
        "type": "Valid",
        "status": "True",
        "reason": "Valid",
        "message": "all is well",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }
