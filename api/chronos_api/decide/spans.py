"""Stretches of time, whole seconds: which parts of one are known, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Span:
    """The seconds from ``first`` to ``last``, both included; ``why`` it is not known, if so."""

    first: datetime
    last: datetime
    why: str = ""

    def has(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.first <= moment <= self.last


def find_unknown(
    asked: Span, known: Sequence[Span], reasons: Sequence[Span], *, default: str
) -> list[Span]:
    """The parts of ``asked`` that no span of ``known`` covers, oldest first, each with the reason
    of the first of ``reasons`` that covers it, or else the default."""
    edges = {asked.first, asked.last + _SECOND}
    for span in (*known, *reasons):
        edges |= {
            edge for edge in (span.first, span.last + _SECOND) if asked.first < edge <= asked.last
        }
    ordered = sorted(edges)
    unknown: list[Span] = []
    for first, after in pairwise(ordered):
        if any(span.has(first) for span in known):
            continue
        why = next((span.why for span in reasons if span.has(first)), default)
        last = after - _SECOND
        if unknown and unknown[-1].why == why and unknown[-1].last + _SECOND == first:
            unknown[-1] = Span(unknown[-1].first, last, why)
        else:
            unknown.append(Span(first, last, why))
    return unknown
