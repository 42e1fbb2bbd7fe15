"""Which parts of a period are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chronos_api.decide.spans import Span, find_unknown

START = datetime(2026, 3, 28, tzinfo=UTC)


def span(first: int, last: int, why: str = "") -> Span:
    return Span(START + timedelta(seconds=first), START + timedelta(seconds=last), why)


@pytest.mark.parametrize(
    ("known", "reasons", "expected"),
    [
        pytest.param([], [], [(10, 20, "?")], id="nothing is known"),
        pytest.param([(10, 20)], [], [], id="all is known"),
        pytest.param([(0, 99)], [], [], id="more is known"),
        pytest.param([(0, 9), (21, 30)], [], [(10, 20, "?")], id="what lies around helps nothing"),
        pytest.param([(10, 14), (15, 20)], [], [], id="two that meet leave nothing open"),
        pytest.param([(10, 14), (16, 20)], [], [(15, 15, "?")], id="a single second"),
        pytest.param([(12, 18)], [], [(10, 11, "?"), (19, 20, "?")], id="the middle is known"),
        pytest.param([(10, 16), (13, 20)], [], [], id="two that overlap"),
        pytest.param([], [(0, 12, "a")], [(10, 12, "a"), (13, 20, "?")], id="a reason for a part"),
        pytest.param(
            [(14, 15)],
            [(10, 17, "a"), (16, 30, "b")],
            [(10, 13, "a"), (16, 17, "a"), (18, 20, "b")],
            id="the first reason counts",
        ),
        pytest.param(
            [], [(10, 12, "a"), (13, 20, "a")], [(10, 20, "a")], id="one reason is one part"
        ),
        pytest.param([(10, 20)], [(10, 20, "a")], [], id="what is known needs no reason"),
    ],
)
def test_what_is_not_known(
    known: list[tuple[int, int]],
    reasons: list[tuple[int, int, str]],
    expected: list[tuple[int, int, str]],
) -> None:
    found = find_unknown(
        span(10, 20), [span(*it) for it in known], [span(*it) for it in reasons], default="?"
    )
    assert found == [span(*it) for it in expected]
