"""The scheduled seconds of a schedule as if its job had been there before it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from chronos_crds.schedule import Schedule
from chronos_crds.timetable import Timetable, build_timetable

_SECOND = timedelta(seconds=1)


def build_past_timetable(
    schedule: Schedule, *, since: datetime, created_at: datetime, uid: str
) -> Timetable:
    """The timetable from ``since`` on, however long before the job's creation that is.

    Intervals are counted from where the job counts them. What runs as soon as a job is stored is
    not among them: that has been.
    """
    anchor = schedule.anchor_at or schedule.start_at or created_at
    asked = schedule.model_copy(update={"anchor_at": anchor, "immediate": False})
    return build_timetable(asked, created_at=min(created_at, since - _SECOND), uid=uid)
