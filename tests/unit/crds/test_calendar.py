"""Calendars: which moments they exclude, in their own zone; and what is no calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chronos_crds.calendar import ChronosCalendarSpec, is_excluded
from chronos_crds.validation import InvalidInput, find_calendar, parse_calendar_spec
from chronos_crds.zones import load_zone

Json = dict[str, Any]


def excludes(moment: str, zone: str = "Etc/UTC", **spec: Any) -> bool:
    calendar = parse_calendar_spec({"timeZone": zone, **spec})
    return is_excluded(calendar, datetime.fromisoformat(moment), load_zone(zone))


WEEKEND = {"weekly": [{"days": ["SAT", "SUN"]}]}
NIGHTS = {"weekly": [{"days": ["MON", "FRI"], "from": "22:00", "to": "06:00"}]}
OFFICE = {"weekly": [{"days": ["MON"], "from": "09:00", "to": "17:30"}]}
FREEZE = {"ranges": [{"from": "2026-12-23", "to": "2027-01-02"}]}
YEARLY = {"ranges": [{"from": "12-23", "to": "01-02"}]}
SUMMER = {"ranges": [{"from": "07-01", "to": "08-31"}]}

# What, the calendar, the moment; 2026-03-02 is a Monday.
MOMENTS: list[tuple[str, Json, str, bool]] = [
    ("a day, at its first second", {"dates": ["2026-12-25"]}, "2026-12-25T00:00:00Z", True),
    ("a day, at its last second", {"dates": ["2026-12-25"]}, "2026-12-25T23:59:59Z", True),
    ("the day after", {"dates": ["2026-12-25"]}, "2026-12-26T00:00:00Z", False),
    ("the day a year later", {"dates": ["2026-12-25"]}, "2027-12-25T12:00:00Z", False),
    ("a day of each year", {"dates": ["12-25"]}, "2031-12-25T12:00:00Z", True),
    ("a leap day, in a leap year", {"dates": ["02-29"]}, "2028-02-29T12:00:00Z", True),
    ("a leap day, in another year", {"dates": ["02-29"]}, "2027-02-28T12:00:00Z", False),
    ("a range, before its first day", FREEZE, "2026-12-22T23:59:59Z", False),
    ("a range, on its first day", FREEZE, "2026-12-23T00:00:00Z", True),
    ("a range, over the year's end", FREEZE, "2027-01-01T00:00:00Z", True),
    ("a range, on its last day", FREEZE, "2027-01-02T23:59:59Z", True),
    ("a range, after its last day", FREEZE, "2027-01-03T00:00:00Z", False),
    ("a range, a year later", FREEZE, "2027-12-24T00:00:00Z", False),
    ("a range of each year, before the year's end", YEARLY, "2030-12-31T12:00:00Z", True),
    ("a range of each year, after it", YEARLY, "2030-01-02T12:00:00Z", True),
    ("a range of each year, outside", YEARLY, "2030-01-03T00:00:00Z", False),
    ("a range of each year within it, inside", SUMMER, "2030-08-31T23:59:59Z", True),
    ("a range of each year within it, outside", SUMMER, "2030-09-01T00:00:00Z", False),
    ("a range of one day", {"ranges": [{"from": "05-01", "to": "05-01"}]}, "2026-05-01T12:00:00Z",
     True),
    ("a weekend, on Saturday", WEEKEND, "2026-03-07T00:00:00Z", True),
    ("a weekend, to its last second", WEEKEND, "2026-03-08T23:59:59Z", True),
    ("a weekend, on Monday", WEEKEND, "2026-03-09T00:00:00Z", False),
    ("hours, a second before", OFFICE, "2026-03-02T08:59:59Z", False),
    ("hours, at their first", OFFICE, "2026-03-02T09:00:00Z", True),
    ("hours, in their last second", OFFICE, "2026-03-02T17:29:59Z", True),
    ("hours, when they are over", OFFICE, "2026-03-02T17:30:00Z", False),
    ("hours, on another day", OFFICE, "2026-03-03T12:00:00Z", False),
    ("a night, in the evening", NIGHTS, "2026-03-02T22:00:00Z", True),
    ("a night, in the next morning", NIGHTS, "2026-03-03T05:59:59Z", True),
    ("a night, when it is over", NIGHTS, "2026-03-03T06:00:00Z", False),
    ("a night, on the morning before it", NIGHTS, "2026-03-02T05:00:00Z", False),
    ("a night, into another week's day", NIGHTS, "2026-03-07T05:00:00Z", True),
    ("a night, in the evening of another day", NIGHTS, "2026-03-03T23:00:00Z", False),
    ("any of several", {**WEEKEND, **FREEZE, "dates": ["05-01"]}, "2026-05-01T12:00:00Z", True),
    ("none of several", {**WEEKEND, **FREEZE, "dates": ["05-01"]}, "2026-05-04T12:00:00Z", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "moment", "is_in"), [row[1:] for row in MOMENTS], ids=[row[0] for row in MOMENTS]
)
def test_which_moments_lie_in_it(spec: Json, moment: str, is_in: bool) -> None:
    assert excludes(moment, **spec) is is_in


ZONES = [
    ("a day begins earlier in the east", "Pacific/Auckland", "2026-12-24T11:00:00Z", True),
    ("a second before", "Pacific/Auckland", "2026-12-24T10:59:59Z", False),
    ("a day ends later in the west", "America/Los_Angeles", "2026-12-26T07:59:59Z", True),
    ("a second after", "America/Los_Angeles", "2026-12-26T08:00:00Z", False),
    ("half an hour off", "Asia/Kolkata", "2026-12-24T18:30:00Z", True),
]


@pytest.mark.parametrize(
    ("zone", "moment", "is_in"), [row[1:] for row in ZONES], ids=[row[0] for row in ZONES]
)
def test_days_are_those_of_its_own_zone(zone: str, moment: str, is_in: bool) -> None:
    assert excludes(moment, zone, dates=["2026-12-25"]) is is_in


def test_an_hour_that_comes_twice_is_excluded_twice() -> None:
    # On 25 October 2026 in Berlin 02:30 is at 00:30 and at 01:30 in UTC.
    window = {"weekly": [{"days": ["SUN"], "from": "02:00", "to": "03:00"}]}
    found = [
        excludes(f"2026-10-25T{clock}:00Z", "Europe/Berlin", **window)
        for clock in ("23:59", "00:00", "00:30", "01:30", "01:59", "02:00")
    ]
    assert found == [False, True, True, True, True, False]


def test_a_day_of_23_hours_is_a_whole_day() -> None:
    # 29 March 2026 in Berlin lasts from 23:00 to 22:00 in UTC.
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)
    hours = [
        excludes((start + timedelta(hours=n)).isoformat(), "Europe/Berlin", dates=["2026-03-29"])
        for n in range(-1, 24)
    ]
    assert hours == [False, *[True] * 23, False]


REFUSED: list[tuple[str, Json, str, str, str]] = [
    ("nothing", {}, "", "excludes no time", "dates, ranges, or weekly"),
    ("only empty lists", {"dates": [], "weekly": []}, "", "excludes no time", "dates"),
    ("no such day", {"dates": ["2026-02-30"]}, "", "2026-02-30, which does not exist", "month"),
    ("no such leap day", {"dates": ["2027-02-29"]}, "", "2027-02-29", "month"),
    ("no such day of each year", {"dates": ["06-31"]}, "", "06-31", "month"),
    ("a day in another form", {"dates": ["25.12.2026"]}, "/dates/0", "has a wrong form", "match"),
    ("a range with one year", {"ranges": [{"from": "2026-12-23", "to": "01-02"}]}, "/ranges/0",
     "a year on one side only", "both"),
    ("a range that runs backwards", {"ranges": [{"from": "2026-12-23", "to": "2026-12-22"}]},
     "/ranges/0", "runs backwards", "exchange"),
    ("a range to no such day", {"ranges": [{"from": "02-01", "to": "02-30"}]}, "/ranges/0",
     "02-30", "month"),
    ("a range without an end", {"ranges": [{"from": "02-01"}]}, "/ranges/0/to", "is required",
     "add"),
    ("hours of no day", {"weekly": [{"days": []}]}, "/weekly/0/days", "must not be empty", "one"),
    ("an unknown day", {"weekly": [{"days": ["Monday"]}]}, "/weekly/0/days/0",
     "not one of the known values", "MON"),
    ("hours that hold no time", {"weekly": [{"days": ["MON"], "from": "09:00", "to": "09:00"}]},
     "/weekly/0", "holds no time", "differ"),
    ("hours that begin at the end", {"weekly": [{"days": ["MON"], "from": "24:00", "to": "06:00"}]},
     "/weekly/0", "holds no time", "before 24:00"),
    ("an hour that is none", {"weekly": [{"days": ["MON"], "from": "25:00"}]}, "/weekly/0/from",
     "has a wrong form", "match"),
    ("an unknown zone", {"dates": ["12-25"], "timeZone": "Europe/Berln"}, "/timeZone",
     "is not an IANA time zone", "Europe/Berlin"),
    ("an unknown field", {"dates": ["12-25"], "days": ["12-26"]}, "/days", "not a known field",
     "spelling"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "pointer", "said", "remedy"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_what_is_no_calendar_is_refused_in_peoples_words(
    spec: Json, pointer: str, said: str, remedy: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_calendar_spec(spec)
    (problem,) = caught.value.problems
    assert problem.pointer == f"/spec{pointer}"
    assert said in problem.message
    assert remedy in problem.remedy


def test_a_calendar_that_is_not_there_is_no_free_pass() -> None:
    with pytest.raises(InvalidInput, match="no ChronosCalendar of that name"):
        find_calendar("freeze", None)
    with pytest.raises(InvalidInput, match="freeze: excludes no time"):
        find_calendar("freeze", {})
    assert find_calendar("freeze", {"dates": ["12-25"]}).dates == ("12-25",)


def test_a_calendar_as_written_reads_back() -> None:
    spec = parse_calendar_spec({**YEARLY, **NIGHTS, "dates": ["2026-12-25"]})
    assert ChronosCalendarSpec.model_validate(spec.to_manifest()) == spec
