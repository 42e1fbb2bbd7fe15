"""The timetable against an oracle that walks the clock on the wall second by second.

The oracle knows nothing of croniter, of offsets or of folds: it looks at what the zone's clock
shows in each second of a window around a turn of the clock, and applies the rule of daylight
saving to the sequence of those pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import build_times, utc
from chronos_crds.cron import CronError
from chronos_crds.timetable import Timetable

SECOND = timedelta(seconds=1)
# More than any clock is turned by, a whole day excepted.
BEFORE = timedelta(minutes=150)
AFTER = timedelta(minutes=170)

# Each a zone and the second in which its clock is turned (or an ordinary one).
TURNS = {
    "an hour forward, west": ("America/New_York", "2026-03-08 07:00"),
    "an hour back, west": ("America/New_York", "2026-11-01 06:00"),
    "an hour forward, east": ("Europe/Berlin", "2026-03-29 01:00"),
    "an hour back, east": ("Europe/Berlin", "2026-10-25 01:00"),
    "half an hour forward": ("Australia/Lord_Howe", "2026-10-03 15:30"),
    "half an hour back": ("Australia/Lord_Howe", "2026-04-04 15:00"),
    "forward at midnight": ("Africa/Cairo", "2026-04-23 22:00"),
    "back at midnight": ("Africa/Cairo", "2026-10-29 21:00"),
    "forward at midnight, south": ("America/Santiago", "2026-09-06 04:00"),
    "back at midnight, south": ("America/Santiago", "2026-04-05 03:00"),
    "forward over midnight's minute": ("America/St_Johns", "2010-03-14 03:31"),
    "back over midnight's minute": ("America/St_Johns", "2010-11-07 02:31"),
    "two hours forward": ("Antarctica/Troll", "2026-03-29 01:00"),
    "two hours back": ("Antarctica/Troll", "2026-10-25 01:00"),
    "back for Ramadan": ("Africa/Casablanca", "2026-02-15 02:00"),
    "by odd seconds": ("Africa/Monrovia", "1972-01-07 00:44:30"),
    "a whole day forward": ("Pacific/Apia", "2011-12-30 10:00"),
    "no turn": ("Asia/Kathmandu", "2026-06-30 18:15"),
}


@dataclass(frozen=True)
class Field:
    """One field as it is written, and the numbers it means."""

    text: str
    numbers: frozenset[int]

    @property
    def is_free(self) -> bool:
        return self.text in ("*", "?")


@dataclass(frozen=True)
class Expression:
    """An expression by the names of its fields."""

    second: Field
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    year: Field | None

    @property
    def text(self) -> str:
        fields = [self.second, self.minute, self.hour, self.day, self.month, self.weekday]
        return " ".join(field.text for field in [*fields, *([self.year] if self.year else [])])

    @property
    def is_about_real_time(self) -> bool:
        return "*" in self.hour.text or "/" in self.hour.text

    def shows(self, wall: datetime) -> bool:
        """Whether it fires when the clock on the wall shows this."""
        return (
            wall.second in self.second.numbers
            and wall.minute in self.minute.numbers
            and wall.hour in self.hour.numbers
            and wall.month in self.month.numbers
            and (self.year is None or wall.year in self.year.numbers)
            and self._is_day(wall)
        )

    def _is_day(self, wall: datetime) -> bool:
        by_month = wall.day in self.day.numbers
        by_week = (wall.weekday() + 1) % 7 in self.weekday.numbers
        if self.day.is_free or self.weekday.is_free:
            return by_month and by_week
        return by_month or by_week


@dataclass(frozen=True)
class Picture:
    """What the clock shows in a second, and whether it has shown it before.

    ``jumped``: how many times of day it has left out since the second before.
    """

    moment: datetime
    wall: datetime
    is_new: bool
    jumped: int


@cache
def _pictures(turn: str) -> list[Picture]:
    """Each second of the window around a turn."""
    name, text = TURNS[turn]
    zone, start = ZoneInfo(name), utc(text) - BEFORE
    pictures, highest = [], start.astimezone(zone).replace(tzinfo=None) - SECOND
    for number in range(int((BEFORE + AFTER) / SECOND)):
        moment = start + number * SECOND
        wall = moment.astimezone(zone).replace(tzinfo=None)
        jumped = max(0, (wall - highest) // SECOND - 1)
        pictures.append(Picture(moment, wall, wall > highest, jumped))
        highest = max(highest, wall)
    return pictures


def walk(expression: Expression, turn: str, after: datetime) -> Iterator[datetime]:
    """The seconds after ``after`` in which it fires, as a person with a clock would say."""
    pictures = _pictures(turn)
    for picture in pictures[int((after - pictures[0].moment) / SECOND) + 1 :]:
        if expression.is_about_real_time:
            if expression.shows(picture.wall):
                yield picture.moment
        elif picture.is_new:
            # What the clock has jumped over fires together with what it shows now.
            shown = (picture.wall - number * SECOND for number in range(picture.jumped + 1))
            if any(expression.shows(time) for time in shown):
                yield picture.moment


def _fields(low: int, high: int, likely: list[int]) -> st.SearchStrategy[Field]:
    """Fields of all shapes, with a liking for some numbers."""
    number = st.sampled_from(likely) | st.integers(low, high)
    step = st.integers(1, high - low)
    span = st.tuples(number, number).map(lambda ends: (min(ends), max(ends)))
    parts = st.one_of(
        number.map(lambda n: Field(str(n), frozenset({n}))),
        span.map(lambda s: Field(f"{s[0]}-{s[1]}", frozenset(range(s[0], s[1] + 1)))),
        st.tuples(span, step).map(
            lambda p: Field(
                f"{p[0][0]}-{p[0][1]}/{p[1]}", frozenset(range(p[0][0], p[0][1] + 1, p[1]))
            )
        ),
        st.tuples(number, step).map(
            lambda p: Field(f"{p[0]}/{p[1]}", frozenset(range(p[0], high + 1, p[1])))
        ),
    )
    return st.one_of(
        st.just(Field("*", frozenset(range(low, high + 1)))),
        step.map(lambda n: Field(f"*/{n}", frozenset(range(low, high + 1, n)))),
        st.lists(parts, min_size=1, max_size=3).map(
            lambda some: Field(
                ",".join(part.text for part in some),
                frozenset().union(*(part.numbers for part in some)),
            )
        ),
    )


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Expression, str, datetime]:
    turn = draw(st.sampled_from(sorted(TURNS)))
    pictures = _pictures(turn)
    walls = [picture.wall for picture in pictures[:: len(pictures) // 9]]
    year = walls[0].year
    expression = Expression(
        second=draw(_fields(0, 59, [0, 30, 59])),
        minute=draw(_fields(0, 59, [0, 1, 15, 30, 59])),
        hour=draw(_fields(0, 23, sorted({wall.hour for wall in walls}))),
        day=draw(_fields(1, 31, sorted({wall.day for wall in walls}))),
        month=draw(_fields(1, 12, sorted({wall.month for wall in walls}))),
        weekday=draw(_fields(0, 6, sorted({wall.isoweekday() % 7 for wall in walls}))),
        year=draw(st.none() | _fields(1970, 2099, [year])),
    )
    after = pictures[draw(st.integers(0, len(pictures) - 2))].moment
    return expression, turn, after


def times_of(expression: Expression, turn: str) -> Timetable | None:
    """The timetable under test; None where it says that the expression can never fire."""
    try:
        return build_times(cron=expression.text, zone=TURNS[turn][0], created="1970-01-01")
    except CronError as error:
        if "can never fire" not in error.message:
            raise
        return None


def check_against_the_walk(expression: Expression, turn: str, after: datetime) -> None:
    times, end = times_of(expression, turn), _pictures(turn)[-1].moment
    # Of days such as 31 February the walk must not find one either.
    found = list(islice(times.between(after, end), 20)) if times is not None else []
    assert found == list(islice(walk(expression, turn, after), 20))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(_cases())
def test_the_timetable_is_what_a_clock_on_the_wall_shows(
    case: tuple[Expression, str, datetime],
) -> None:
    check_against_the_walk(*case)


@pytest.mark.parametrize("turn", sorted(TURNS))
@pytest.mark.parametrize("hours", ["*", "*/2", "0-23"])
def test_each_turn_is_walked_by_the_minute(turn: str, hours: str) -> None:
    step = 2 if "/" in hours else 1
    expression = Expression(
        second=Field("30", frozenset({30})),
        minute=Field("*/7", frozenset(range(0, 60, 7))),
        hour=Field(hours, frozenset(range(0, 24, step))),
        day=Field("*", frozenset(range(1, 32))),
        month=Field("*", frozenset(range(1, 13))),
        weekday=Field("*", frozenset(range(7))),
        year=None,
    )
    start = _pictures(turn)[0].moment
    expected = list(walk(expression, turn, start))
    times = build_times(cron=expression.text, zone=TURNS[turn][0], created="1970-01-01")
    assert expected, "the window holds some"
    assert list(times.between(start, _pictures(turn)[-1].moment)) == expected


@settings(max_examples=100, deadline=None, derandomize=True)
@given(_cases())
def test_the_next_is_later_and_nothing_lies_between(
    case: tuple[Expression, str, datetime],
) -> None:
    expression, turn, after = case
    times = times_of(expression, turn)
    moment = times.next_after(after) if times is not None else None
    if times is None or moment is None:
        return
    assert moment > after
    assert moment.microsecond == 0
    later = times.next_after(moment)
    assert later is None or later > moment
    # From anywhere before it, it is the next.
    for earlier in (moment - SECOND, after + (moment - after) / 2):
        assert times.next_after(max(after, earlier)) == moment
