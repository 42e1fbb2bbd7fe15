"""From a schedule to its seconds in UTC: zones, daylight saving, and the union of kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from builders import NOON, build_spec, build_times, utc
from chronos_crds.cron import CronError
from chronos_crds.timetable import (
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
        ({"cron": ["1 * * * *", "2 * * * *", "3 * * * *"]}, "1 * * * *; 2 * * * *; 3 * * * *"),
        (
            {"cron": [f"{minute} * * * *" for minute in range(5)]},
            "0 * * * *; 1 * * * *; 2 * * * *; +2 more",
        ),
    ],
)
def test_a_schedule_in_one_line(schedule: dict[str, Any], line: str) -> None:
    assert describe_schedule(build_spec(**schedule).schedule) == line
