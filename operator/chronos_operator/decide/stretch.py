"""Long stretches of one fate: a job of every second that was paused for a month has 2.6 million
seconds to account for, which no rule needs to look at one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.timetable import Timetable

# Below this many it is not worth it, and so many are counted in one pass (about 0.1 s).
FEWEST_SECONDS = 200
MOST_SECONDS = 200_000

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Stretch:
    """Up to ``until`` every second has this fate for this reason."""

    until: datetime
    fate: Fate
    reason: str


def untouched_until(after: datetime, until: datetime, touched: Iterable[datetime]) -> datetime:
    """Up to when no second beyond ``after`` is ``touched``: has an execution or a kube job."""
    first = min((second for second in touched if second > after), default=None)
    return until if first is None else min(until, first - _SECOND)


def tell_stretch(
    timetable: Timetable, stretch: Stretch, *, after: datetime, now: datetime
) -> LedgerLine | None:
    """One line for all seconds of a stretch, or for its first MOST_SECONDS; None for a few."""
    first = last = None
    count = 0
    for second in timetable.between(after, stretch.until):
        first, last, count = first or second, second, count + 1
        if count == MOST_SECONDS:
            break
    if first is None or last is None or count < FEWEST_SECONDS:
        return None
    waited = now - first - timetable.delay_of(first)
    late = waited // timedelta(milliseconds=1) if stretch.fate is Fate.MISSED else None
    return LedgerLine(
        time=first,
        until=last,
        count=count,
        fate=stretch.fate,
        reason=stretch.reason,
        lateness_ms=late,
    )
