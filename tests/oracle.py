"""A second reading of cron, as naive as can be: what a person with a clock on the wall would say.

It shares no code with chronos_crds. It asks of each date and each second whether the text of each
field says it, and walks the clock of a zone second by second through a turn. What it walks through
is grouped by the minute that the clock shows, so that a minute which no field says is passed over
with its sixty seconds.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
WEEK = "SUN MON TUE WED THU FRI SAT".split()
NAMES = ["second", "minute", "hour", "day of month", "month", "day of week", "year"]


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone as the shipped data has it, not as the machine may."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def reads_as_quartz(text: str, dialect: str) -> bool:
    """Whether weekdays count from 1: where it is said, or to be seen."""
    size = len(text.split())
    by_sight = size == 7 or (size == 6 and "?" in text)
    return dialect == "Quartz" or (dialect == "Auto" and by_sight)


@dataclass
class NaiveCron:
    """An expression that is asked, never solved."""

    text: str
    dialect: str = "Auto"
    uid: str = ""
    fields: list[str] = field(init=False)
    is_quartz: bool = field(init=False)

    def __post_init__(self) -> None:
        given = self.text.upper().split()
        self.fields = ["0"] * (len(given) == 5) + given + ["*"] * (len(given) < 7)
        self.is_quartz = reads_as_quartz(self.text, self.dialect)
        self.seconds = [n for n in range(60) if self._says(0, n, 0, 59)]
        self.minutes = {n for n in range(60) if self._says(1, n, 0, 59)}
        self.hours = {n for n in range(24) if self._says(2, n, 0, 23)}
        self._days: dict[date, bool] = {}

    @property
    def is_about_real_time(self) -> bool:
        return "*" in self.fields[2] or "/" in self.fields[2]

    def shows_minute(self, wall: datetime) -> bool:
        """Whether it fires in some second of the minute that the clock shows."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.is_day(wall.date())

    def is_day(self, day: date) -> bool:
        if day not in self._days:
            self._days[day] = self._says_day(day)
        return self._days[day]

    def _says_day(self, day: date) -> bool:
        if not self._says(4, day.month, 1, 12) or not self._says(6, day.year, 1970, 2099):
            return False
        by_month = any(self._says_in_month(part, day) for part in self.fields[3].split(","))
        by_week = any(self._says_in_week(part, day) for part in self.fields[5].split(","))
        free = [{"*", "?", "*/1", "?/1"} & set(self.fields[n].split(",")) for n in (3, 5)]
        return (by_month and by_week) if any(free) else (by_month or by_week)

    def _says(self, place: int, value: int, low: int, high: int) -> bool:
        return any(
            self._part_says(place, part, value, low, high) for part in self.fields[place].split(",")
        )

    def _part_says(self, place: int, part: str, value: int, low: int, high: int) -> bool:
        if part.startswith("H"):
            return self._hash_says(place, part, value, low, 28 if place == 3 else high)
        span, _, step_text = part.partition("/")
        step = int(step_text or 1)
        if span in "*?":
            return (value - low) % step == 0
        first, dash, last = span.partition("-")
        start = self._number(place, first)
        if not dash:
            return value == start or bool(
                step_text and value > start and (value - start) % step == 0
            )
        end, size = self._number(place, last), high - low + 1
        way = (value - start) % size if self.is_quartz else value - start
        whole = (end - start) % size if self.is_quartz else end - start
        return 0 <= way <= whole and way % step == 0

    def _hash_says(self, place: int, part: str, value: int, low: int, high: int) -> bool:
        found = re.fullmatch(r"H(\((\w+)-(\w+)\))?(/(\d+))?", part)
        assert found is not None, part
        if found[1]:
            low, high = self._number(place, found[2]), self._number(place, found[3])
        size = high - low + 1
        digest = hashlib.sha256(f"{self.uid}/{NAMES[place]}".encode()).hexdigest()
        number = int(digest[:16], 16)
        if not found[5]:
            return value == low + number % size
        step = int(found[5])
        first = low + number % min(step, size)
        return first <= value <= high and (value - first) % step == 0

    def _number(self, place: int, word: str) -> int:
        if word in MONTHS and place == 4:
            return MONTHS.index(word) + 1
        if word in WEEK and place == 5:
            return WEEK.index(word) + self.is_quartz
        return int(word)

    def _says_in_month(self, part: str, day: date) -> bool:
        last = (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY
        if part.startswith("L"):
            target = last - int((re.findall(r"\d+", part) or ["0"])[0]) * DAY
            return day == (_nearest(target) if part.endswith("W") else target)
        if part.endswith("W"):
            number = int(part[:-1])
            return number <= last.day and day == _nearest(day.replace(day=number))
        return self._part_says(3, part, day.day, 1, 31)

    def _says_in_week(self, part: str, day: date) -> bool:
        number = day.isoweekday() % 7 + self.is_quartz
        if part == "L":
            return day.isoweekday() == 6
        if part.endswith("L"):
            return (day + 7 * DAY).month != day.month and self._is_weekday(part[:-1], number)
        if "#" in part:
            weekday, _, nth = part.partition("#")
            return (day.day + 6) // 7 == int(nth) and self._is_weekday(weekday, number)
        if self.is_quartz:
            return self._part_says(5, part, number, 1, 7)
        span = part.partition("/")[0]
        closed = re.fullmatch(r"\w+-\w+", span) and span[0] != "H"
        if closed and re.search(r"-(0|SUN)$", span) and not re.match(r"(0|SUN)-", span):
            part = part.replace(span, span.rpartition("-")[0] + "-7")
        if number == 0 and (closed or span == "7" or part.startswith("H(")):
            # Sunday's other number.
            return any(self._part_says(5, part, n, 0, 6) for n in (0, 7))
        return self._part_says(5, part, number, 0, 6)

    def _is_weekday(self, word: str, number: int) -> bool:
        wanted = self._number(5, word)
        return wanted == number or (not self.is_quartz and wanted == 7 and number == 0)


def _nearest(target: date) -> date:
    """The day of Monday to Friday in the same month that is fewest days away."""
    around = [target + n * DAY for n in range(-3, 4)]
    within = [day for day in around if day.month == target.month and day.isoweekday() < 6]
    return min(within, key=lambda day: abs(day - target))


@dataclass(frozen=True)
class Second:
    """One second: what the second hand shows, and which time this is that it shows it."""

    moment: int
    second: int
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Minute:
    """What the clock shows but for the second hand, and the seconds in which it does."""

    wall: datetime
    seconds: list[Second]


@dataclass(frozen=True)
class Skipped:
    """A minute that the clock leaves out, or some seconds of it, and the second of the turn."""

    wall: datetime
    seconds: range
    moment: int


@dataclass(frozen=True)
class Film:
    """What a zone's clock shows in each second of (after, until]."""

    minutes: list[Minute]
    skipped: list[Skipped]
    after: int
    until: int

    def fires(self, cron: NaiveCron, *, skipped: str, repeated: str) -> list[int]:
        """The seconds since 1970 in which it fires, in order."""
        found = set()
        is_real = cron.is_about_real_time
        for minute in self.minutes:
            if cron.shows_minute(minute.wall):
                for second in minute.seconds:
                    told = is_real or _is_told(second, repeated)
                    if told and second.second in cron.seconds:
                        found.add(second.moment)
        if not is_real and skipped == "RunAfterGap":
            for gap in self.skipped:
                if cron.shows_minute(gap.wall) and any(n in cron.seconds for n in gap.seconds):
                    found.add(gap.moment)
        return sorted(found)


def _is_told(second: Second, repeated: str) -> bool:
    return {"First": second.is_first, "Second": second.is_last, "Both": True}[repeated]


def film(zone: ZoneInfo, after: int, until: int) -> Film:
    """Looks at the clock in each second."""
    walls = [
        datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)
        for moment in range(after, until + 1)
    ]
    times, seen = Counter(walls), Counter(walls[:1])
    minutes: list[Minute] = []
    skipped: list[Skipped] = []
    for moment, (before, wall) in enumerate(pairwise(walls), after + 1):
        skipped += _left_out(before, wall, moment)
        shown = wall.replace(second=0)
        if not minutes or minutes[-1].wall != shown:
            minutes.append(Minute(shown, []))
        seen[wall] += 1
        is_last = seen[wall] == times[wall]
        minutes[-1].seconds.append(Second(moment, wall.second, seen[wall] == 1, is_last))
    return Film(minutes, skipped, after, until)


def _left_out(before: datetime, wall: datetime, moment: int) -> Iterator[Skipped]:
    """The seconds between two that follow each other, by the minute."""
    at = before + timedelta(seconds=1)
    while at < wall:
        end = min(at.replace(second=0) + timedelta(minutes=1), wall)
        yield Skipped(
            at.replace(second=0), range(at.second, at.second + (end - at).seconds), moment
        )
        at = end


def utc_seconds(text: str) -> int:
    """An ISO time in UTC as seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
