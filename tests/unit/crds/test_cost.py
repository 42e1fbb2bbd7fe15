"""What hostile expressions cost, counted in walks over the calendar, never by a watch.

One walk (a call of croniter) takes 0.1 to 1.7 ms on a slow machine; the promise is 50 ms for each
expression of 256 bytes, so a handful of walks is what may be spent.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import build_times, utc
from chronos_crds.cron import MAX_LENGTH, CronError, next_wall_time, parse_cron
from chronos_crds.timetable import load_zone, next_cron_time

MOST_WALKS = 6

NUMBERS = ",".join(str(number) for number in range(60))
YEARS = ",".join(str(year) for year in range(2026, 2066))

# What is asked, in which zone, after which moment.
HOSTILE = [
    ("each second of a repeated hour, from its second pass", "* * 1 * * *",
     "America/New_York", "2026-11-01 06:00:00"),
    ("the last second of a repeated hour", "* * 1 * * *",
     "America/New_York", "2026-11-01 06:59:59"),
    ("each second of two repeated hours", "* * 1,2 * * *",
     "Antarctica/Troll", "2026-10-25 01:00:00"),
    ("a leap day by the hour, through eight years of turns", "0 0 * 29 2 *",
     "America/New_York", "2096-03-01 00:00:00"),
    ("a leap day by the hour, in the last leap year", "0 0 * 29 2 ? 2096",
     "America/New_York", "2026-01-01 00:00:00"),
    ("the last hour of all, by the second", "* * * 31 12 ? 2099",
     "Europe/Berlin", "2026-01-01 00:00:00"),
    ("a leap day of the last listed year", "0 0 0 29 2 ? 2026,2027,2029,2030,2031,2096",
     "Africa/Cairo", "2026-01-01 00:00:00"),
    ("the 31st of short months in forty years", f"59 59 23 31 2,4,6,9,11,12 ? {YEARS}",
     "Asia/Kathmandu", "2026-12-31 18:14:59"),
    ("every number written out", f"{NUMBERS} 0 0 1 1 ?", "Europe/Berlin", "2026-01-01 12:00:00"),
    ("nothing left, hour by hour", "0 0 * 1 1 ? 2025", "Europe/Berlin", "2026-06-01 00:00:00"),
    ("nothing left, at a fixed hour", "0 0 0 29 2 ? 2024", "Europe/Berlin", "2026-06-01 00:00:00"),
    ("a time that does not exist, by the second", "* * 2 * * *",
     "America/New_York", "2026-03-08 06:59:59"),
    ("a day that does not exist, by the second", "* * 12 30 12 ?",
     "Pacific/Apia", "2011-12-30 09:59:59"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "zone", "after"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE]
)
def test_asking_costs_a_handful_of_walks(text: str, zone: str, after: str) -> None:
    assert len(text) <= MAX_LENGTH
    cron = parse_cron(text)
    next_wall_time.cache_clear()
    next_cron_time.cache_clear()
    next_cron_time(cron, load_zone(zone), utc(after))
    assert next_wall_time.cache_info().misses <= MOST_WALKS


def test_a_day_of_seconds_costs_one_walk_each() -> None:
    times = build_times(cron="* * * * * *", zone="America/New_York")
    next_wall_time.cache_clear()
    found = list(islice(times.between(utc("2026-11-01 04:59:59"), utc("2026-11-01 08:00:00")), 600))
    assert len(found) == 600
    assert next_wall_time.cache_info().misses == 600


def test_the_same_question_twice_costs_nothing() -> None:
    times = build_times(cron="0 30 2 * * *", zone="Europe/Berlin")
    first = times.next_after(utc("2026-05-05 05:05:05"))
    next_wall_time.cache_clear()
    again = build_times(cron="0 30 2 * * *", zone="Europe/Berlin")
    assert again.next_after(utc("2026-05-05 05:05:05")) == first
    assert next_wall_time.cache_info().misses == 0


IMPOSSIBLE = [
    "0 0 0 31 2,4,6,9,11 ? *",
    "0 0 0 31 2,4,6,9,11 ? 1970-2099",
    "0 0 0 29 2 ? 2001-2003,2005-2007,2009-2011,2013-2015,2017-2019,2021-2023,2025-2027",
    "59 59 23 30,31 2 ? 1970/1",
    "* * * 31 2-2,4-4,6-6,9-9,11-11 ? *",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_an_impossible_day_is_refused_at_a_bounded_cost(text: str) -> None:
    parse_cron.cache_clear()
    with calls_counted() as count, pytest.raises(CronError, match="can never fire"):
        parse_cron(text)
    # At worst each day of 130 years in the months of 30 days and less: 6 ms.
    assert count.calls <= 130 * 5 * 31 + 2000


@dataclass
class Count:
    """How many Python functions were called: work that is the same on every machine."""

    calls: int = 0


@contextmanager
def calls_counted() -> Iterator[Count]:
    count, before = Count(), sys.getprofile()

    def note(frame: FrameType, event: str, argument: object) -> None:
        count.calls += event == "call"

    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(before)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet=string.printable + "٣²—LWH#", max_size=MAX_LENGTH + 8))
def test_any_text_is_either_read_or_refused_in_words(text: str) -> None:
    mistake = mistake_in(text)
    if mistake is not None:
        assert mistake.message
        assert mistake.remedy
        assert 0 <= mistake.position <= max(len(text), MAX_LENGTH)


def mistake_in(text: str) -> CronError | None:
    try:
        parse_cron(text)
    except CronError as error:
        return error
    return None


PIECES = st.sampled_from(
    "* ? 0 1 5 7 29 30 31 59 60 99 2026 2096 JAN FEB SUN SAT MON-FRI 0-59 */2 */59 1/3 5-1 1-31/7 "
    "*/0 / - , 1,2,3 ,, 1- -1 L # @daily".split()
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(PIECES, min_size=4, max_size=8).map(" ".join))
def test_anything_that_looks_like_cron_has_a_next_time_or_is_refused(text: str) -> None:
    if mistake_in(text) is not None:
        return
    cron = parse_cron(text)
    next_wall_time.cache_clear()
    found = next_cron_time(cron, load_zone("America/New_York"), utc("2026-10-31 23:00:00"))
    assert next_wall_time.cache_info().misses <= MOST_WALKS
    if found is not None:
        wall: datetime = found.astimezone(load_zone("America/New_York"))
        assert cron.is_day(wall.date())
        assert wall.second in cron.seconds
