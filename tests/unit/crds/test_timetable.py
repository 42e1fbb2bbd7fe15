"""From a schedule to its seconds in UTC: zones, daylight saving, and the union of kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from croniter import croniter

from builders import NOON, build_spec, build_times, utc
from chronos_crds.cron import CronError
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import (
    Timetable,
    ZoneError,
    build_timetable,
    describe_schedule,
    load_zone,
)
from chronos_crds.zones import next_change

SECOND = timedelta(seconds=1)

# Each row: what happens, zone, cron, the time after which to look, the next times in UTC.
ZONES = [
    # New York 2026-03-08: 02:00 EST is 03:00 EDT, at 07:00Z.
    ("a wall time in the gap runs at its end", "America/New_York", "30 2 * * *",
     "2026-03-07 07:29", ["03-07 07:30", "03-08 07:00", "03-09 06:30"]),
    ("two wall times in one gap run once", "America/New_York", "0,30 2 * * *",
     "2026-03-07 08:00", ["03-08 07:00", "03-09 06:00", "03-09 06:30"]),
    ("a wall time at the gap's end and one in it run once", "America/New_York", "30 2,3 * * *",
     "2026-03-08 06:59", ["03-08 07:00", "03-08 07:30", "03-09 06:30"]),
    ("the first second of the gap runs at its end", "America/New_York", "0 2 * * *",
     "2026-03-08 06:59", ["03-08 07:00", "03-09 06:00"]),
    ("the last second before the gap runs at its time", "America/New_York", "59 59 1 * * *",
     "2026-03-08 06:59", ["03-08 06:59:59", "03-09 05:59:59"]),
    ("a step of hours loses the hour that does not exist", "America/New_York", "0 */2 * * *",
     "2026-03-08 04:59", ["03-08 05:00", "03-08 08:00", "03-08 10:00"]),
    ("every half hour goes on in real time over the gap", "America/New_York", "*/30 * * * *",
     "2026-03-08 06:15", ["03-08 06:30", "03-08 07:00", "03-08 07:30"]),
    # New York 2026-11-01: 02:00 EDT is 01:00 EST, at 06:00Z; 01:00 to 02:00 comes twice.
    ("a wall time that comes twice runs on the first pass", "America/New_York", "30 1 * * *",
     "2026-10-31 05:30", ["11-01 05:30", "11-02 06:30"]),
    ("looked at from the second pass it has run", "America/New_York", "30 1 * * *",
     "2026-11-01 06:15", ["11-02 06:30"]),
    ("every minute of a repeated hour runs once", "America/New_York", "59 1 * * *",
     "2026-11-01 05:00", ["11-01 05:59", "11-02 06:59"]),
    ("what follows the repeated hour runs after both passes", "America/New_York", "0 2 * * *",
     "2026-11-01 05:59", ["11-01 07:00", "11-02 07:00"]),
    ("every hour goes on in real time through both passes", "America/New_York", "30 * * * *",
     "2026-11-01 05:00", ["11-01 05:30", "11-01 06:30", "11-01 07:30"]),
    ("a step that hits the turn itself runs then", "America/New_York", "0 */1 * * *",
     "2026-11-01 05:30", ["11-01 06:00", "11-01 07:00"]),
    # Lord Howe turns by half an hour: 2026-10-04 02:00 (+10:30) is 02:30 (+11), at 15:30Z.
    ("a gap of half an hour is as good as one of an hour", "Australia/Lord_Howe", "15 2 * * *",
     "2026-10-03 00:00", ["10-03 15:30", "10-04 15:15"]),
    ("the minute behind a half-hour gap runs at its time", "Australia/Lord_Howe", "30 2 * * *",
     "2026-10-03 00:00", ["10-03 15:30", "10-04 15:30"]),
    # And back 2026-04-05 02:00 (+11) is 01:30 (+10:30), at 15:00Z.
    ("half an hour that comes twice runs once", "Australia/Lord_Howe", "45 1 * * *",
     "2026-04-04 00:00", ["04-04 14:45", "04-05 15:15"]),
    ("each quarter goes on in real time through the half hour", "Australia/Lord_Howe",
     "*/15 * * * *", "2026-04-04 14:40", ["04-04 14:45", "04-04 15:00", "04-04 15:15"]),
    # Cairo has its gap at midnight: 2026-04-24 00:00 (+2) is 01:00 (+3), at 22:00Z.
    ("midnight may not exist and runs at one o'clock", "Africa/Cairo", "0 0 * * *",
     "2026-04-22 22:00", ["04-23 22:00", "04-24 21:00"]),
    ("@daily is midnight there too", "Africa/Cairo", "@daily",
     "2026-04-23 21:59", ["04-23 22:00", "04-24 21:00"]),
    ("a day's last minute before that gap runs as ever", "Africa/Cairo", "59 23 * * *",
     "2026-04-23 00:00", ["04-23 21:59", "04-24 20:59"]),
    # Cairo back: 2026-10-30 00:00 (+3) is 2026-10-29 23:00 (+2), at 21:00Z.
    ("a midnight whose evening came twice runs once", "Africa/Cairo", "0 0 * * *",
     "2026-10-28 21:00", ["10-29 22:00", "10-30 22:00"]),
    ("the evening that comes twice runs on its first pass", "Africa/Cairo", "30 23 * * *",
     "2026-10-28 20:30", ["10-29 20:30", "10-30 21:30"]),
    # Santiago, south and behind UTC: gap at midnight of 2026-09-06, at 04:00Z.
    ("in the south spring is in September", "America/Santiago", "30 0 * * *",
     "2026-09-05 04:30", ["09-06 04:00", "09-07 03:30"]),
    ("and autumn in April", "America/Santiago", "30 23 * * *",
     "2026-04-04 00:00", ["04-04 02:30", "04-05 02:30", "04-06 03:30"]),
    # Apia crossed the date line: after 2011-12-29 23:59:59 (-10) came 2011-12-31 (+14), at 10:00Z.
    ("a day that does not exist runs at its end", "Pacific/Apia", "0 12 * * *",
     "2011-12-29 00:00", ["12-29 22:00", "12-30 10:00", "12-30 22:00"]),
    ("every hour does not notice a skipped day", "Pacific/Apia", "0 * * * *",
     "2011-12-30 08:59", ["12-30 09:00", "12-30 10:00", "12-30 11:00"]),
    # St John's is half an hour off: 2026-03-08 02:00 (-3:30) is 03:00 (-2:30), at 05:30Z.
    ("a zone of half an hour has its gap at half past", "America/St_Johns", "15 2 * * *",
     "2026-03-08 00:00", ["03-08 05:30", "03-09 04:45"]),
    # Troll turns by two hours: 2026-03-29 01:00 (+0) is 03:00 (+2).
    ("a gap of two hours runs all in it at its end", "Antarctica/Troll", "30 1,2 * * *",
     "2026-03-28 03:00", ["03-29 01:00", "03-29 23:30"]),
    ("two hours that come twice run once", "Antarctica/Troll", "30 1,2 * * *",
     "2026-10-24 12:00", ["10-24 23:30", "10-25 00:30", "10-26 01:30"]),
    # Casablanca turns back for Ramadan: 2026-02-15 03:00 (+1) is 02:00 (+0).
    ("Ramadan's repeated hour runs once", "Africa/Casablanca", "30 2 * * *",
     "2026-02-15 00:00", ["02-15 01:30", "02-16 02:30"]),
    ("Dublin, whose winter is the exception, has an ordinary gap", "Europe/Dublin", "30 1 * * *",
     "2026-03-28 02:00", ["03-29 01:00", "03-30 00:30"]),
    ("Kathmandu never turns", "Asia/Kathmandu", "0 0 * * *",
     "2026-03-01 00:00", ["03-01 18:15", "03-02 18:15"]),
    ("Honolulu never turns and is behind UTC", "Pacific/Honolulu", "0 18 31 12 *",
     "2026-06-01 00:00", ["2027-01-01 04:00"]),
    ("UTC never turns", "Etc/UTC", "30 2 * * *",
     "2026-03-29 00:00", ["03-29 02:30", "03-30 02:30"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"), [row[1:] for row in ZONES], ids=[row[0] for row in ZONES]
)
def test_daylight_saving(zone: str, cron: str, after: str, expected: list[str]) -> None:
    times = build_times(cron=cron, zone=zone)
    year = after[:5]
    wanted = [utc(text if len(text) > 14 else year + text) for text in expected]
    moment, found = utc(after), []
    while len(found) < len(wanted) and (later := times.next_after(moment)) is not None:
        found.append(moment := later)
    assert found == wanted


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])
def test_every_minute_is_every_minute_all_the_year(zone: str) -> None:
    # Real time: 60 a minute's worth around each turn of 2026, no gap, no repetition.
    times = build_times(cron="* * * * *", zone=zone)
    at, end = utc("2026-01-01"), utc("2027-01-01")
    while (
        found := next_change(load_zone(zone), int(at.timestamp()), int(end.timestamp()))
    ) is not None:
        change = datetime.fromtimestamp(found[0], UTC)
        start = change - timedelta(minutes=90)
        ticks = list(islice(times.between(start, end), 180))
        assert ticks == [start + timedelta(minutes=minute) for minute in range(1, 181)]
        at = change
    assert at > utc("2026-09-01"), "both turns of the year were looked at"


# Each row: what happens, zone, cron, the rule, the time after which to look, the next times in UTC.
RULES: list[tuple[str, str, str, dict[str, str], str, list[str]]] = [
    ("Skip leaves a skipped time out", "Europe/Berlin", "30 2 * * *", {"skipped": "Skip"},
     "2026-03-28 00:00", ["03-28 01:30", "03-30 00:30"]),
    ("Skip keeps the time at the gap's end", "Europe/Berlin", "0 2,3 * * *", {"skipped": "Skip"},
     "2026-03-28 12:00", ["03-29 01:00", "03-30 00:00"]),
    ("Skip leaves out a whole day", "Pacific/Apia", "0 12 * * *", {"skipped": "Skip"},
     "2011-12-29 00:00", ["12-29 22:00", "12-30 22:00"]),
    ("Skip leaves out Kwajalein's day", "Pacific/Kwajalein", "0 12 * * *", {"skipped": "Skip"},
     "1993-08-20 12:00", ["08-21 00:00", "08-22 00:00"]),
    ("Kwajalein's skipped day runs at its end", "Pacific/Kwajalein", "0 12 * * *", {},
     "1993-08-20 12:00", ["08-21 00:00", "08-21 12:00", "08-22 00:00"]),
    ("a skipped midnight of Beirut runs at one", "Asia/Beirut", "0 0 * * *", {},
     "2026-03-27 23:00", ["03-28 22:00", "03-29 21:00"]),
    ("Skip leaves out Beirut's midnight", "Asia/Beirut", "0 0 * * *", {"skipped": "Skip"},
     "2026-03-27 23:00", ["03-29 21:00"]),
    ("a skipped midnight of Havana runs at one", "America/Havana", "0 0 * * *", {},
     "2026-03-07 12:00", ["03-08 05:00", "03-09 04:00"]),
    ("Lord Howe's second half hour", "Australia/Lord_Howe", "45 1 * * *", {"repeated": "Second"},
     "2026-04-04 00:00", ["04-04 15:15", "04-05 15:15"]),
    ("Lord Howe's half hour, both times", "Australia/Lord_Howe", "45 1 * * *", {"repeated": "Both"},
     "2026-04-04 00:00", ["04-04 14:45", "04-04 15:15", "04-05 15:15"]),
    ("Second waits for the second pass", "Europe/Berlin", "30 2 * * *", {"repeated": "Second"},
     "2026-10-24 12:00", ["10-25 01:30", "10-26 01:30"]),
    ("Second asked between the passes", "Europe/Berlin", "30 2 * * *", {"repeated": "Second"},
     "2026-10-25 00:45", ["10-25 01:30", "10-26 01:30"]),
    ("Both runs on each pass", "Europe/Berlin", "30 2 * * *", {"repeated": "Both"},
     "2026-10-24 12:00", ["10-25 00:30", "10-25 01:30", "10-26 01:30"]),
    ("Both runs the last second before the turn, twice", "Europe/Berlin", "59 59 2 * * *",
     {"repeated": "Both"}, "2026-10-24 12:00", ["10-25 00:59:59", "10-25 01:59:59"]),
    ("the hour before the repeated one runs once under Both", "Europe/Berlin", "30 1 * * *",
     {"repeated": "Both"}, "2026-10-24 12:00", ["10-24 23:30", "10-26 00:30"]),
    ("the hour behind the repeated one runs once under Second", "Europe/Berlin", "0 3 * * *",
     {"repeated": "Second"}, "2026-10-24 12:00", ["10-25 02:00", "10-26 02:00"]),
    ("a midnight that comes twice, by its second pass", "America/Santiago", "30 23 * * *",
     {"repeated": "Second"}, "2026-04-04 12:00", ["04-05 03:30", "04-06 03:30"]),
    ("Sydney, south: Second in April", "Australia/Sydney", "30 2 * * *", {"repeated": "Second"},
     "2026-04-04 00:00", ["04-04 16:30", "04-05 16:30"]),
    ("Sydney, south: the gap in October", "Australia/Sydney", "30 2 * * *", {},
     "2026-10-03 00:00", ["10-03 16:00", "10-04 15:30"]),
    ("Dublin's negative winter: Both in October", "Europe/Dublin", "30 1 * * *",
     {"repeated": "Both"}, "2026-10-24 12:00", ["10-25 00:30", "10-25 01:30", "10-26 01:30"]),
    ("Casablanca's Ramadan: Second", "Africa/Casablanca", "30 2 * * *", {"repeated": "Second"},
     "2026-02-15 00:00", ["02-15 02:30", "02-16 02:30"]),
    ("Casablanca after Ramadan: Skip", "Africa/Casablanca", "30 2 * * *", {"skipped": "Skip"},
     "2026-03-21 12:00", ["03-23 01:30"]),
    ("St John's: Second on the half hour", "America/St_Johns", "15 1 * * *",
     {"repeated": "Second"}, "2026-10-31 12:00", ["11-01 04:45", "11-02 04:45"]),
    ("Chatham, 45 minutes off: the gap", "Pacific/Chatham", "0 3 * * *", {},
     "2026-09-26 00:00", ["09-26 14:00", "09-27 13:15"]),
    ("Chatham, 45 minutes off: Both", "Pacific/Chatham", "0 3 * * *", {"repeated": "Both"},
     "2026-04-04 00:00", ["04-04 13:15", "04-04 14:15", "04-05 14:15"]),
    ("Tehran's last gap, at midnight: Skip", "Asia/Tehran", "30 0 * * *", {"skipped": "Skip"},
     "2022-03-20 22:00", ["03-22 20:00"]),
    ("Tehran's last repeated hour: Second", "Asia/Tehran", "30 23 * * *", {"repeated": "Second"},
     "2022-09-21 00:00", ["09-21 20:00", "09-22 20:00"]),
    ("Gaza has a week of winter time around Ramadan", "Asia/Gaza", "30 2 * * *", {},
     "2040-10-18 00:00", ["10-18 00:30", "10-19 00:30", "10-20 00:00", "10-20 23:30"]),
    ("Kathmandu's last change was by a quarter", "Asia/Kathmandu", "5 0 * * *", {},
     "1985-12-30 12:00", ["12-30 18:35", "12-31 18:30", "1986-01-01 18:20"]),
    ("real time does not ask for the rule in the gap", "Europe/Berlin", "30 */2 * * *",
     {"skipped": "RunAfterGap"}, "2026-03-28 23:00", ["03-28 23:30", "03-29 02:30"]),
    ("nor in the repeated hour", "Europe/Berlin", "30 * * * *", {"repeated": "First"},
     "2026-10-25 00:00", ["10-25 00:30", "10-25 01:30", "10-25 02:30"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "cron", "rule", "after", "expected"),
    [row[1:] for row in RULES],
    ids=[row[0] for row in RULES],
)
def test_the_rule_of_daylight_saving_can_be_chosen(
    zone: str, cron: str, rule: dict[str, str], after: str, expected: list[str]
) -> None:
    times = build(cron=[cron], timeZone=zone, daylightSaving=rule, created="1970-01-01")
    wanted = [utc(text if len(text) > 14 else after[:5] + text) for text in expected]
    found = list(islice(times.between(utc(after), utc("2099-01-01")), len(wanted)))
    assert found == wanted
    assert times.newest(wanted[-1], after=utc(after), limit=99) == wanted


def build(*, created: str = "2000-01-01", uid: str = "", **schedule: Any) -> Timetable:
    """The timetable of a schedule that is given in the contract's own words."""
    return build_timetable(Schedule.model_validate(schedule), created_at=utc(created), uid=uid)


# Each row: what it is about, the schedule, when it was stored, after which time, the next times.
INTERVALS: list[tuple[str, dict[str, Any], str, str, list[str]]] = [
    ("counts from the creation and does not fire in it", {"everySeconds": 90},
     "2026-01-01 00:00:07", "2026-01-01", ["00:01:37", "00:03:07", "00:04:37"]),
    # 31,536,000 s are 4,505,142 times 7 s and 6 s.
    ("does not drift over a year", {"everySeconds": 7},
     "2025-01-01 00:00:00", "2026-01-01", ["00:00:01", "00:00:08"]),
    ("an anchor in the past goes on counting", {"everySeconds": 3600,
     "anchorTime": "2020-05-05T05:10:00Z"}, "2026-01-01", "2026-01-01", ["00:10:00", "01:10:00"]),
    ("an anchor in the future is the first", {"everySeconds": 3600,
     "anchorTime": "2026-01-01T12:00:00Z"}, "2026-01-01", "2026-01-01", ["12:00:00", "13:00:00"]),
    ("an anchor at the creation does not fire", {"everySeconds": 60,
     "anchorTime": "2026-01-01T00:00:00Z"}, "2026-01-01", "2026-01-01", ["00:01:00"]),
    ("startTime is the anchor where there is none", {"everySeconds": 3600,
     "startTime": "2026-01-01T06:30:00Z"}, "2026-01-01", "2026-01-01", ["06:30:00", "07:30:00"]),
    ("startTime before the creation is the anchor, too", {"everySeconds": 3600,
     "startTime": "2025-01-01T06:30:00Z"}, "2026-01-01", "2026-01-01", ["00:30:00", "01:30:00"]),
    ("an anchor beside a startTime counts, and startTime bounds", {"everySeconds": 3600,
     "anchorTime": "2026-01-01T00:10:00Z", "startTime": "2026-01-01T03:00:00Z"},
     "2026-01-01", "2026-01-01", ["03:10:00", "04:10:00"]),
    ("@every is the same", {"cron": ["@every 1m30s"]},
     "2026-01-01 00:00:07", "2026-01-01", ["00:01:37", "00:03:07"]),
    ("@every beside everySeconds and cron", {"cron": ["@every 20m", "50 * * * *"],
     "everySeconds": 1800}, "2026-01-01", "2026-01-01",
     ["00:20:00", "00:30:00", "00:40:00", "00:50:00", "01:00:00"]),
    ("no turn of the clock touches it", {"everySeconds": 3600, "timeZone": "Europe/Berlin",
     "anchorTime": "2026-03-29T00:30:00Z"}, "2026-01-01", "2026-03-29",
     ["00:30:00", "01:30:00", "02:30:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "created", "after", "expected"),
    [row[1:] for row in INTERVALS],
    ids=[row[0] for row in INTERVALS],
)
def test_intervals(schedule: dict[str, Any], created: str, after: str, expected: list[str]) -> None:
    times = build(**schedule, created=created)
    wanted = [utc(f"{after} {clock}") for clock in expected]
    assert list(islice(times.between(utc(after), utc("2027-01-01")), len(wanted))) == wanted
    assert times.newest(wanted[-1], after=utc(after), limit=2) == wanted[-2:]
    assert times.count_between(utc(after), wanted[-1]) == len(wanted)


WINDOWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("both ends of the window are in it", {"cron": ["0 12 * * *"],
     "startTime": "2026-03-02T12:00:00Z", "endTime": "2026-03-04T12:00:00Z"},
     ["03-02 12:00", "03-03 12:00", "03-04 12:00"]),
    ("a fraction before startTime counts up", {"cron": ["* * * * * *"],
     "startTime": "2026-03-02T11:59:59.500Z", "endTime": "2026-03-02T12:00:01.500Z"},
     ["03-02 12:00", "03-02 12:00:01"]),
    ("a window of one second", {"cron": ["* * * * * *"],
     "startTime": "2026-03-02T12:00:00Z", "endTime": "2026-03-02T12:00:00Z"}, ["03-02 12:00"]),
    ("it bounds intervals", {"everySeconds": 86400, "startTime": "2026-03-02T00:00:00Z",
     "endTime": "2026-03-03T23:00:00Z"}, ["03-02 00:00", "03-03 00:00"]),
    ("it bounds one-time runs", {"at": ["2026-03-02T00:00:00Z", "2026-03-05T00:00:00Z"],
     "endTime": "2026-03-04T00:00:00Z"}, ["03-02 00:00"]),
    ("it does not bound immediate", {"immediate": True, "cron": ["0 0 * * *"],
     "startTime": "2026-03-02T00:00:00Z", "endTime": "2026-03-02T00:00:00Z"},
     ["03-01 12:00", "03-02 00:00"]),
    ("an end alone", {"cron": ["0 0 * * *"], "endTime": "2026-03-03T00:00:00Z"},
     ["03-02 00:00", "03-03 00:00"]),
    ("an end in the past leaves nothing", {"cron": ["* * * * *"],
     "endTime": "2026-02-01T00:00:00Z"}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "expected"), [row[1:] for row in WINDOWS], ids=[row[0] for row in WINDOWS]
)
def test_a_window_bounds_what_is_scheduled(schedule: dict[str, Any], expected: list[str]) -> None:
    times = build(**schedule, created="2026-03-01 12:00:00")
    wanted = [utc(f"2026-{text}") for text in expected]
    assert list(times.between(utc("2020-01-01"), utc("2090-01-01"))) == wanted
    assert times.newest(utc("2090-01-01"), after=utc("2020-01-01"), limit=9) == wanted
    assert times.next_after(utc("2020-01-01")) == (wanted[0] if wanted else None)
    assert times.next_after(utc("2026-04-01")) is None


def test_the_newest_are_the_end_of_all() -> None:
    times = build(
        cron=["*/7 * * * *", "0 0 1 * *", "@every 11m"],
        at=["2026-10-25T00:30:01Z"],
        timeZone="Europe/Berlin",
        created="2026-10-01",
    )
    after, until = utc("2026-10-24 23:00"), utc("2026-10-25 03:00")
    every = list(times.between(after, until))
    assert len(every) > 50
    for limit in (1, 2, 10, len(every), len(every) + 5):
        assert times.newest(until, after=after, limit=limit) == every[-limit:]
    assert times.newest(until, after=until, limit=5) == []
    assert times.newest(after, after=until, limit=5) == []
    assert times.newest(until, after=after, limit=0) == []


def test_the_newest_reach_far_back_where_there_are_few() -> None:
    times = build(cron=["0 0 29 2 *"], created="1990-01-01")
    years = [
        found.year for found in times.newest(utc("2027-01-01"), after=utc("1990-01-01"), limit=5)
    ]
    assert years == [2008, 2012, 2016, 2020, 2024]


@pytest.mark.parametrize("cron", ["0 * * * *", "59 59 * * * *"])
def test_no_second_is_lost_in_a_long_walk(cron: str) -> None:
    # A walk goes on by half-years: none may end or begin between two ticks without being seen.
    times = build(cron=[cron])
    after = utc("2026-01-01 00:59:58")
    hours = 24 * 1500
    until = after + timedelta(hours=hours)
    assert times.count_between(after, until) == hours
    assert times.count_between(after + SECOND, until + SECOND) == hours
    assert len(times.newest(until, after=after, limit=hours + 1)) == hours
    assert len(times.newest(until + SECOND, after=after + SECOND, limit=hours + 1)) == hours


def test_without_jitter_nothing_is_delayed() -> None:
    assert build(cron=["* * * * *"], uid="a").delay_of(NOON) == timedelta()


def test_jitter_is_less_than_its_bound_and_the_same_each_time() -> None:
    times, again = (build(cron=["0 * * * *"], jitterSeconds=600, uid="a") for _ in range(2))
    ticks = list(times.between(NOON, NOON + timedelta(days=40)))
    delays = [times.delay_of(tick) for tick in ticks]
    assert delays == [again.delay_of(tick) for tick in ticks]
    assert all(timedelta() <= delay < timedelta(minutes=10) for delay in delays)
    assert all(delay.microseconds % 1000 == 0 for delay in delays)
    # 960 draws: each tenth of the ten minutes is hit.
    assert {delay // timedelta(minutes=1) for delay in delays} == set(range(10))


def test_jitter_differs_from_job_to_job() -> None:
    delays = {
        build(cron=["0 * * * *"], jitterSeconds=3600, uid=f"{number}").delay_of(NOON)
        for number in range(100)
    }
    assert len(delays) > 95


def test_jitter_never_reaches_the_next_scheduled_second() -> None:
    times = build(cron=["*/20 * * * * *", "1 0 12 * * *"], jitterSeconds=86_400, uid="a")
    for tick in times.between(NOON - SECOND, NOON + timedelta(minutes=30)):
        following = times.next_after(tick)
        assert following is not None
        assert tick + times.delay_of(tick) < following
    assert times.delay_of(NOON) < SECOND


def test_the_last_scheduled_second_has_the_whole_jitter() -> None:
    delays = {
        build(at=["2026-03-01T12:00:00Z"], jitterSeconds=60, uid=f"{n}").delay_of(NOON)
        for n in range(200)
    }
    assert max(delays) > timedelta(seconds=50)
    assert max(delays) < timedelta(seconds=60)


def test_h_is_read_with_the_jobs_uid() -> None:
    minutes = {
        build(cron=["H * * * *"], uid=f"{number}").next_after(NOON).minute  # type: ignore[union-attr]
        for number in range(500)
    }
    assert len(minutes) > 55


def test_a_dialect_is_heeded() -> None:
    times = build(cron=["0 0 0 * * 1"], cronDialect="Quartz")
    assert times.next_after(utc("2026-03-02")) == utc("2026-03-08")


# croniter's known mistakes, none of which may come back.
TRAPS: list[tuple[str, str, str, str, str | None]] = [
    ("@hourly is on the hour", "@hourly", "Etc/UTC", "2026-03-01 11:30:00", "2026-03-01 12:00:00"),
    ("a fixed time fires once in autumn", "0 30 1 * * *", "America/New_York",
     "2024-11-03 05:30:00", "2024-11-04 06:30:00"),
    ("the last Saturday within given years", "0 0 0 ? * 7L 2026-2027", "Etc/UTC",
     "2026-01-01", "2026-01-31"),
    ("Quartz' 1 is Sunday", "0 0 0 ? * 1", "Etc/UTC", "2026-03-01", "2026-03-08"),
    ("LW is the last weekday", "0 0 LW * *", "Etc/UTC", "2026-05-01", "2026-05-29"),
    ("L-3 is the third day before the last", "0 0 L-3 * *", "Etc/UTC", "2026-02-01", "2026-02-25"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"), [row[1:] for row in TRAPS], ids=[row[0] for row in TRAPS]
)
def test_known_traps(cron: str, zone: str, after: str, expected: str) -> None:
    assert build(cron=[cron], timeZone=zone).next_after(utc(after)) == utc(expected)


CALENDAR_ENDS: list[tuple[str, str, str, list[str]]] = [
    ("leap days, over common years", "0 0 29 2 *", "2026-01-01", ["2028-02-29", "2032-02-29"]),
    ("the last day of February", "0 0 L 2 *", "2026-03-01", ["2027-02-28", "2028-02-29"]),
    ("the last second of a year", "59 59 23 31 12 *", "2026-06-01",
     ["2026-12-31 23:59:59", "2027-12-31 23:59:59"]),
    ("the first second of a year", "0 0 0 1 1 *", "2026-06-01", ["2027-01-01", "2028-01-01"]),
    ("the 31st, over short months", "0 0 31 * *", "2026-03-31", ["2026-05-31", "2026-07-31"]),
    ("the 30th, over February", "0 0 30 * *", "2026-01-30", ["2026-03-30", "2026-04-30"]),
    ("the end of each quarter", "0 0 L */3 *", "2026-01-01", ["2026-01-31", "2026-04-30"]),
    ("a fifth Monday", "0 0 * * MON#5", "2026-01-01", ["2026-03-30", "2026-06-29"]),
    ("the day before a leap day", "0 0 L-1 2 *", "2028-01-01", ["2028-02-28", "2029-02-27"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [row[1:] for row in CALENDAR_ENDS],
    ids=[row[0] for row in CALENDAR_ENDS],
)
def test_the_ends_of_months_and_years(cron: str, after: str, expected: list[str]) -> None:
    wanted = [utc(text) for text in expected]
    times = build(cron=[cron])
    assert list(islice(times.between(utc(after), utc("2090-01-01")), len(wanted))) == wanted


def test_a_second_opinion_agrees_in_what_it_can_do() -> None:
    # croniter, on plain expressions in UTC: five fields, one of the days free.
    for number in range(300):
        cron = f"{number % 60} {number % 24} {number % 28 + 1} {number % 12 + 1}/5 *"
        after = NOON + timedelta(days=number)
        peer = croniter(cron, after, ret_type=datetime)
        times = build(cron=[cron])
        assert [peer.get_next() for _ in range(3)] == list(
            islice(times.between(after, utc("2090-01-01")), 3)
        )


KINDS: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("several expressions are a union", {"cron": ["0 9 * * *", "0 17 * * *"]},
     "2026-03-01 08:00", ["03-01 09:00", "03-01 17:00", "03-02 09:00"]),
    ("a second in two expressions is one", {"cron": ["0 * * * *", "0 12 * * *"]},
     "2026-03-01 11:30", ["03-01 12:00", "03-01 13:00"]),
    ("one-time runs come in order", {"at": ["2026-03-03T00:00:00Z", "2026-03-02T00:00:00Z"]},
     "2026-03-01 00:00", ["03-02 00:00", "03-03 00:00"]),
    ("a one-time run given twice is one", {"at": ["2026-03-02T00:00:00Z"] * 2},
     "2026-03-01 00:00", ["03-02 00:00"]),
    ("an offset is only another way to write it", {"at": ["2026-03-02T01:00:00+01:00"]},
     "2026-03-01 00:00", ["03-02 00:00"]),
    ("one-time runs and cron are a union",
     {"cron": "0 12 1 3 *", "at": ["2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z"]},
     "2026-03-01 11:00", ["03-01 12:00", "03-01 12:00:01"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "after", "expected"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS]
)
def test_kinds_of_schedule(schedule: dict[str, Any], after: str, expected: list[str]) -> None:
    times = build_times(**schedule)
    found = list(islice(times.between(utc(after), utc("2027-01-01")), len(expected)))
    assert found == [utc(after[:5] + text) for text in expected]


def test_one_time_runs_are_over_after_the_last() -> None:
    times = build_times(at=["2026-03-02T00:00:00Z"])
    assert times.next_after(utc("2026-03-01")) == utc("2026-03-02")
    assert times.next_after(utc("2026-03-02")) is None


def test_immediate_is_the_second_of_creation() -> None:
    times = build_times(immediate=True, created="2026-03-01 12:00:00")
    assert list(times.between(NOON - SECOND, NOON + timedelta(days=999))) == [NOON]


def test_a_fraction_of_the_creation_time_counts_down() -> None:
    spec = build_spec(immediate=True)
    times = build_timetable(spec.schedule, created_at=NOON + timedelta(milliseconds=999))
    assert times.next_after(NOON - SECOND) == NOON


def test_immediate_and_a_one_time_run_in_the_same_second_are_one() -> None:
    times = build_times(immediate=True, at=["2026-03-01T12:00:00Z"], created="2026-03-01 12:00:00")
    assert list(times.between(NOON - SECOND, NOON + timedelta(days=1))) == [NOON]


def test_a_one_time_run_from_before_the_creation_is_left_out() -> None:
    times = build_times(
        at=["2026-03-01T11:59:59Z", "2026-03-01T12:00:00Z"], created="2026-03-01 12:00:00"
    )
    assert list(times.between(utc("2000-01-01"), utc("2030-01-01"))) == [NOON]


def test_cron_does_not_fire_in_the_second_of_creation() -> None:
    times = build_times(cron="* * * * * *", created="2026-03-01 12:00:00")
    assert times.next_after(utc("2000-01-01")) == NOON + SECOND
    assert times.next_after(NOON - SECOND) == NOON + SECOND


@pytest.mark.parametrize("micros", [0, 1, 500_000, 999_999])
@pytest.mark.parametrize("schedule", [{"cron": "* * * * * *"}, {"at": ["2026-03-01T12:00:01Z"]}])
def test_the_next_is_a_whole_second_after_any_fraction(
    micros: int, schedule: dict[str, Any]
) -> None:
    times = build_times(**schedule)
    assert times.next_after(NOON + timedelta(microseconds=micros)) == NOON + SECOND


def test_a_scheduled_second_is_not_after_itself() -> None:
    times = build_times(cron="0 12 * * *")
    assert times.next_after(NOON) == NOON + timedelta(days=1)
    assert times.next_after(NOON + timedelta(milliseconds=1)) == NOON + timedelta(days=1)


def test_between_holds_its_end_and_not_its_start() -> None:
    times = build_times(cron="* * * * * *")
    assert list(times.between(NOON, NOON + 3 * SECOND)) == [
        NOON + SECOND,
        NOON + 2 * SECOND,
        NOON + 3 * SECOND,
    ]
    assert list(times.between(NOON, NOON)) == []
    assert list(times.between(NOON, NOON - SECOND)) == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("Middle/Earth/Shire/West", "use a name such as Europe/Berlin"),
        ("../../etc/passwd", "use a name such as Europe/Berlin"),
        ("/etc/localtime", "use a name such as Europe/Berlin"),
        # What these mean depends on the machine, or is nothing at all.
        ("localtime", "use a name such as Europe/Berlin"),
        ("posixrules", "use a name such as Europe/Berlin"),
        ("Factory", "use a name such as Europe/Berlin"),
        ("CEST", None),
        ("+01:00", None),
        ("", None),
    ],
)
def test_an_unknown_zone_is_told_with_a_suggestion(name: str, remedy: str | None) -> None:
    with pytest.raises(ZoneError, match="is not an IANA time zone") as caught:
        load_zone(name)
    assert caught.value.remedy == (remedy or caught.value.remedy)
    assert caught.value.remedy


def test_a_bad_expression_is_told_by_the_timetable_too() -> None:
    with pytest.raises(CronError):
        build_times(cron="61 * * * *")


@pytest.mark.parametrize(
    ("schedule", "line"),
    [
        ({"cron": "0 2 * * *"}, "0 2 * * *"),
        ({"immediate": True}, "immediate"),
        ({"at": ["2026-03-01T13:00:00+01:00"]}, "2026-03-01T12:00:00Z"),
        ({"immediate": True, "cron": "@daily"}, "immediate; @daily"),
        ({"cron": "@every 90s"}, "@every 90s"),
        ({"cron": ["1 * * * *", "2 * * * *", "3 * * * *"]}, "1 * * * *; 2 * * * *; 3 * * * *"),
        (
            {"cron": [f"{minute} * * * *" for minute in range(5)]},
            "0 * * * *; 1 * * * *; 2 * * * *; +2 more",
        ),
    ],
)
def test_a_schedule_in_one_line(schedule: dict[str, Any], line: str) -> None:
    assert describe_schedule(build_spec(**schedule).schedule) == line


def test_an_interval_is_described_in_one_line() -> None:
    schedule = Schedule.model_validate({"everySeconds": 90, "cron": ["@daily"]})
    assert describe_schedule(schedule) == "every 90 s; @daily"
