"""When an edit of a schedule takes effect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from chronos_crds.timetable import Timetable

_SECOND = timedelta(seconds=1)


def taken_up_at(
    edited_at: datetime,
    *,
    old: Timetable,
    new: Timetable,
    touched: Iterable[datetime],
    now: datetime,
) -> datetime:
    """Up to when the old schedule holds: until the edit, or until the last second that it had
    started before the news of the edit came; ``touched`` are those with a record or a kube job."""
    since = [second for second in touched if edited_at < second <= now]
    started = [second for second in since if _has(old, second) and not _has(new, second)]
    return max(started, default=edited_at)


def _has(timetable: Timetable, second: datetime) -> bool:
    return timetable.next_after(second - _SECOND) == second
