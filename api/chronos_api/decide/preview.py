"""When a schedule fires next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chronos_api.decide.exclusion import NamedCalendar, find_excluding
from chronos_crds.meta import format_time
from chronos_crds.timetable import Timetable

# So many seconds are looked at: a calendar may exclude any number of them.
MAX_LOOKED_AT = 20_000
# Timetables end before.
_FAR = datetime(2101, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Preview:
    """The next scheduled seconds, how many between them calendars exclude, and why there are no
    more where there are fewer than asked for."""

    times: Sequence[datetime]
    excluded: int
    note: str | None


def compute_preview(
    timetable: Timetable,
    calendars: Sequence[NamedCalendar],
    *,
    after: datetime,
    count: int,
    is_spent: Callable[[], bool],
) -> Preview:
    """The next ``count`` seconds strictly after ``after`` that no calendar excludes.

    The search ends after MAX_LOOKED_AT seconds, or when ``is_spent`` says so.
    """
    times: list[datetime] = []
    excluded = 0
    if count <= 0:
        return Preview(times, excluded, None)
    for second in timetable.between(after, _FAR):
        if find_excluding(calendars, second) is None:
            times.append(second)
            if len(times) >= count:
                return Preview(times, excluded, None)
        else:
            excluded += 1
        if len(times) + excluded >= MAX_LOOKED_AT or is_spent():
            note = (
                f"not looked further than {format_time(second)}: {excluded} scheduled seconds up "
                "to then lie in excluded calendars"
            )
            return Preview(times, excluded, note)
    return Preview(times, excluded, "there are no more: the schedule ends")
