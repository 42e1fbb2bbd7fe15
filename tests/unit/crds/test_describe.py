"""Schedules as sentences, and what the next change of the clock does to them."""

from __future__ import annotations

from typing import Any

import pytest

from builders import utc
from chronos_crds.cron import CronError
from chronos_crds.describe import describe_in_english
from chronos_crds.schedule import Schedule
from chronos_crds.zones import ZoneError


def describe(after: str = "2026-03-01", **schedule: Any) -> str:
    return describe_in_english(Schedule.model_validate(schedule), after=utc(after))


EXPRESSIONS = [
    ("0 12 * * *", "at 12:00 every day"),
    ("30 5 * * MON-FRI", "at 05:30 on weekdays"),
    ("30 0 9 * * *", "at 09:00:30 every day"),
    ("0,30 9,17 * * *", "at 09:00, 09:30, 17:00 and 17:30 every day"),
    ("@daily", "at 00:00 every day"),
    ("@weekly", "at 00:00 on Sundays"),
    ("@monthly", "at 00:00 on the 1st of the month"),
    ("@yearly", "at 00:00 on the 1st of January"),
    ("@hourly", "every hour, on the hour"),
    ("* * * * *", "every minute"),
    ("* * * * * *", "every second"),
    ("*/15 * * * *", "every 15 minutes"),
    ("*/10 * * * * *", "every 10 seconds"),
    ("5 * * * *", "at minute 5 of every hour"),
    ("7/15 * * * *", "at minutes 7, 22, 37 and 52 of every hour"),
    ("0-20 * * * *", "at minutes 0 to 20 of every hour"),
    ("0 */2 * * *", "every 2 hours from 00:00 to 22:00 every day"),
    ("15 9-17 * * MON-FRI", "every hour from 09:15 to 17:15 on weekdays"),
    ("*/15 9-17 * * SAT,SUN", "every 15 minutes from 09:00 to 17:59 on weekends"),
    ("*/20 12 * * *", "at 12:00, 12:20 and 12:40 every day"),
    ("*/5 1,3 * * *", "every 5 minutes in the hours 1 and 3 every day"),
    ("5,10 */20 */8 * * *",
     "at seconds 5 and 10, every 20 minutes in the hours 0, 8 and 16 every day"),
    ("*/10 * 3 * * *", "every 10 seconds, every minute from 03:00 to 03:59 every day"),
    ("0 12 1,15 * *", "at 12:00 on the 1st and the 15th of the month"),
    ("0 12 1-7 * *", "at 12:00 on the 1st to the 7th of the month"),
    ("0 12 2,3,11,21,22,23 * *",
     "at 12:00 on the 2nd, the 3rd, the 11th, the 21st, the 22nd and the 23rd of the month"),
    ("0 12 25 12 *", "at 12:00 on the 25th of December"),
    ("0 12 * JUN,JUL *", "at 12:00 every day in June and July"),
    ("* * * 6 *", "every minute in June"),
    ("0 12 L * *", "at 12:00 on the last day of the month"),
    ("0 12 L-3 * *", "at 12:00 on the 3rd day before the last of the month"),
    ("0 12 LW * *", "at 12:00 on the last weekday of the month"),
    ("0 12 15W 1,7 *", "at 12:00 on the weekday nearest to the 15th of January and July"),
    ("0 12 L-2W * *",
     "at 12:00 on the weekday nearest to the 2nd day before the last of the month"),
    ("0 12 1,L * *", "at 12:00 on the 1st and the last day of the month"),
    ("0 12 * * 1,3,5", "at 12:00 on Mondays, Wednesdays and Fridays"),
    ("0 12 * * 5L", "at 12:00 on the last Friday of the month"),
    ("0 12 * * FRI#3", "at 12:00 on the third Friday of the month"),
    ("0 0 12 ? * 6#3", "at 12:00 on the third Friday of the month"),
    ("0 0 12 ? * 2,6L", "at 12:00 on Mondays and the last Friday of the month"),
    ("0 12 1 * MON", "at 12:00 on the 1st of the month or on Mondays"),
    ("0 0 12 1 1 ? 2027", "at 12:00 on the 1st of January in 2027"),
    ("0 0 12 * * ? 2027-2030", "at 12:00 every day in 2027 to 2030"),
    ("H H * * *", "at a minute of the job's own in an hour of the job's own every day"),
    ("H * * * *", "at a minute of the job's own of every hour"),
    ("H/15 * * * MON-FRI",
     "every 15 minutes from a minute of the job's own of every hour on weekdays"),
    ("H(0-29) 3 * * *",
     "at a minute of the job's own (0 to 29) from 03:00 to 03:59 every day"),
    ("0 H(1-3) * * *", "at minute 0 in an hour of the job's own (1 to 3) every day"),
    ("0 12 H * *", "at 12:00 on a day of the month of the job's own"),
    ("0 12 * * H", "at 12:00 on a day of the week of the job's own"),
    ("0 12 1 H *", "at 12:00 on the 1st of a month of the job's own"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), EXPRESSIONS, ids=[row[0] for row in EXPRESSIONS])
def test_an_expression_in_english(text: str, sentence: str) -> None:
    assert describe(cron=[text]) == f"{sentence}, UTC"


SCHEDULES: list[tuple[str, dict[str, Any], str]] = [
    ("an interval", {"everySeconds": 90}, "every 90 seconds"),
    ("in its largest unit", {"everySeconds": 7200}, "every 2 hours"),
    ("one of it", {"everySeconds": 86400}, "every day"),
    ("@every", {"cron": ["@every 1h30m"]}, "every 90 minutes"),
    ("an interval with an anchor", {"everySeconds": 60, "anchorTime": "2026-01-01T00:00:00Z",
     "timeZone": "Asia/Kathmandu"},
     "every minute, counted from 1 January 2026 at 05:45, Kathmandu time"),
    ("immediate", {"immediate": True}, "once as soon as it is stored"),
    ("a one-time run", {"at": ["2026-04-01T12:00:00Z"], "timeZone": "Europe/Berlin"},
     "once on 1 April 2026 at 14:00, Berlin time"),
    ("two one-time runs, in order", {"at": ["2026-04-02T00:00:09Z", "2026-04-01T00:00:00Z"]},
     "once on 1 April 2026 at 00:00 and on 2 April 2026 at 00:00:09, UTC"),
    ("several kinds", {"immediate": True, "cron": ["0 12 * * *", "0 6 1 * *"]},
     "once as soon as it is stored, and at 12:00 every day, and at 06:00 on the 1st of the month, "
     "UTC"),
    ("a window", {"cron": ["0 12 * * *"], "startTime": "2026-01-01T00:00:00Z",
     "endTime": "2026-07-01T00:00:00Z", "timeZone": "America/Bogota"},
     "at 12:00 every day, Bogota time, from 31 December 2025 at 19:00 until 30 June 2026 at 19:00"),
    ("an interval's end", {"everySeconds": 5, "endTime": "2026-07-01T00:00:00Z"},
     "every 5 seconds, UTC, until 1 July 2026 at 00:00"),
    ("one run", {"everySeconds": 5, "maxRuns": 1}, "every 5 seconds, once in all"),
    ("some runs", {"everySeconds": 5, "maxRuns": 3}, "every 5 seconds, 3 times in all"),
    ("jitter", {"everySeconds": 60, "jitterSeconds": 30}, "every minute, each up to 30 s later"),
    ("a calendar", {"everySeconds": 60, "excludeCalendars": ["freeze"]},
     "every minute, except in the calendar freeze"),
    ("calendars", {"everySeconds": 60, "excludeCalendars": ["freeze", "holidays"]},
     "every minute, except in the calendars freeze and holidays"),
    ("a zone of two words", {"cron": ["0 12 * * *"], "timeZone": "America/Argentina/Buenos_Aires"},
     "at 12:00 every day, Buenos Aires time"),
    ("a zone without a place", {"cron": ["0 12 * * *"], "timeZone": "Etc/GMT+5"},
     "at 12:00 every day, Etc/GMT+5 time"),
    ("another name of UTC", {"cron": ["0 12 * * *"], "timeZone": "Zulu"},
     "at 12:00 every day, UTC"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "sentence"), [row[1:] for row in SCHEDULES], ids=[row[0] for row in SCHEDULES]
)
def test_a_schedule_in_english(schedule: dict[str, Any], sentence: str) -> None:
    assert describe(**schedule) == sentence


REMARKS: list[tuple[str, dict[str, Any], str, str]] = [
    ("the gap of spring", {"cron": ["30 2 * * *"]}, "2026-03-01",
     "on 29 March after the gap at 03:00"),
    ("of a gap at midnight", {"cron": ["0 0 * * *"], "timeZone": "Asia/Beirut"}, "2026-03-01",
     "on 29 March after the gap at 01:00"),
    ("of half an hour", {"cron": ["15 2 * * *"], "timeZone": "Australia/Lord_Howe"}, "2026-09-01",
     "on 4 October after the gap at 02:30"),
    ("of a gap that is left out", {"cron": ["30 2 * * *"], "daylightSaving": {"skipped": "Skip"}},
     "2026-03-01", "on 29 March not at 02:30, which the clock leaves out"),
    ("the repeated hour of autumn", {"cron": ["30 2 * * *"]}, "2026-04-01",
     "on 25 October at the first of two times 02:30"),
    ("its second pass", {"cron": ["30 2 * * *"], "daylightSaving": {"repeated": "Second"}},
     "2026-04-01", "on 25 October at the second of two times 02:30"),
    ("both passes", {"cron": ["30 2 * * *"], "daylightSaving": {"repeated": "Both"}},
     "2026-04-01", "on 25 October at both times 02:30"),
    ("next year's, with the year", {"cron": ["30 2 * * *"]}, "2026-11-01",
     "on 28 March 2027 after the gap at 03:00"),
    ("one that both touch tells the next", {"cron": ["0 12 * * *", "15 2 * * *"]}, "2026-03-01",
     "on 29 March after the gap at 03:00"),
    ("the first change that touches it", {"cron": ["30 2 * 10 *"]}, "2026-03-01",
     "on 25 October at the first of two times 02:30"),
    ("a whole day", {"cron": ["0 12 * * *"], "timeZone": "Pacific/Apia"}, "2011-12-01",
     "on 31 December after the gap at 00:00"),
    ("the minute of the change itself is ahead", {"cron": ["30 2 * * *"]}, "2026-03-29 00:59:59",
     "on 29 March after the gap at 03:00"),
    ("only from startTime on", {"cron": ["30 2 * * *"], "startTime": "2026-05-01T00:00:00Z"},
     "2026-03-01", "on 25 October at the first of two times 02:30"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "after", "remark"), [row[1:] for row in REMARKS], ids=[row[0] for row in REMARKS]
)
def test_the_next_change_of_the_clock_is_told(
    schedule: dict[str, Any], after: str, remark: str
) -> None:
    text = describe(after, **({"timeZone": "Europe/Berlin"} | schedule))
    assert text.partition("; ")[2] == remark


UNTOUCHED: list[tuple[str, dict[str, Any]]] = [
    ("at noon", {"cron": ["0 12 * * *"]}),
    ("on weekdays, for the clock is changed on Sundays", {"cron": ["30 2 * * MON-FRI"]}),
    ("by the hour, in real time", {"cron": ["30 * * * *"]}),
    ("by an interval", {"everySeconds": 60}),
    ("once", {"at": ["2026-03-29T01:00:00Z"]}),
    ("by what H picks, which differs from job to job", {"cron": ["H 2 * * *"]}),
    ("where the clock is never changed", {"cron": ["30 2 * * *"], "timeZone": "Asia/Kathmandu"}),
    ("where it ends before", {"cron": ["30 2 * * *"], "endTime": "2026-03-28T00:00:00Z"}),
]


@pytest.mark.parametrize(
    "schedule", [row[1] for row in UNTOUCHED], ids=[row[0] for row in UNTOUCHED]
)
def test_no_remark_is_made_where_no_change_touches_it(schedule: dict[str, Any]) -> None:
    assert ";" not in describe(**({"timeZone": "Europe/Berlin"} | schedule))


def test_a_long_list_is_counted() -> None:
    at = [f"2026-04-{day:02}T00:00:00Z" for day in range(1, 20)]
    assert describe(at=at).endswith("on 5 April 2026 at 00:00 and 14 more, UTC")


def test_what_cannot_be_read_is_not_described() -> None:
    with pytest.raises(CronError):
        describe(cron=["61 * * * *"])
    with pytest.raises(ZoneError):
        describe(cron=["* * * * *"], timeZone="Moon")
