"""The scheduled seconds of a job, found by looking at each second: slow, and plain to see through.

Knows the schedules of the fleet and no others: intervals, ``@every``, times, cron with ``*``,
``*/n`` and lists of numbers in the second and the minute, and ``*`` in what follows.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

SECOND = timedelta(seconds=1)


def list_ticks(spec: Json, *, created_at: datetime, until: datetime) -> list[datetime]:
    """All scheduled seconds from the creation to ``until``, oldest first, however many may run."""
    schedule = spec["schedule"]
    ticks = []
    second = created_at
    while second <= until:
        if _is_tick(schedule, second, created_at):
            ticks.append(second)
        second += SECOND
    return ticks


def _is_tick(schedule: Json, second: datetime, created_at: datetime) -> bool:
    if second == created_at:
        return bool(schedule.get("immediate"))
    if not _is_in_window(schedule, second):
        return False
    if second in [read_time(text) for text in schedule.get("at") or ()]:
        return True
    if _is_of_interval(schedule, schedule.get("everySeconds"), second, created_at):
        return True
    return any(
        _is_of_cron(schedule, text, second, created_at) for text in schedule.get("cron") or ()
    )


def _is_in_window(schedule: Json, second: datetime) -> bool:
    begins, ends = schedule.get("startTime"), schedule.get("endTime")
    is_after = begins is None or read_time(begins) <= second
    return is_after and (ends is None or second <= read_time(ends))


def _is_of_interval(
    schedule: Json, every: int | None, second: datetime, created_at: datetime
) -> bool:
    if every is None:
        return False
    anchor = schedule.get("anchorTime") or schedule.get("startTime")
    counted = int((second - (read_time(anchor) if anchor else created_at)).total_seconds())
    return counted >= 0 and counted % every == 0


def _is_of_cron(schedule: Json, text: str, second: datetime, created_at: datetime) -> bool:
    interval = re.fullmatch(r"@every (\d+)s", text)
    if interval:
        return _is_of_interval(schedule, int(interval[1]), second, created_at)
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if fields[2:] != ["*"] * 4:
        raise ValueError(f"the audit does not know {text!r}")
    local = second.astimezone(ZoneInfo(schedule.get("timeZone", "Etc/UTC")))
    return _is_of_field(fields[0], local.second) and _is_of_field(fields[1], local.minute)


def _is_of_field(field: str, value: int) -> bool:
    if field == "*":
        return True
    if field.startswith("*/"):
        return value % int(field[2:]) == 0
    return value in [int(part) for part in field.split(",")]


def is_excluded(calendar: Json, second: datetime) -> bool:
    """Whether a calendar of daily windows in UTC that do not pass midnight holds the second."""
    clock = second.strftime("%H:%M")
    return any(window["from"] <= clock < window["to"] for window in calendar["spec"]["weekly"])


def read_time(text: str) -> datetime:
    """An aware time from what Kubernetes or the API wrote."""
    return datetime.fromisoformat(text)
