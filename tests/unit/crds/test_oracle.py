"""The timetable against an oracle that looks at a clock on the wall second by second.

``oracle.py`` shares no code with what is tested here. Around each turn of a clock an expression is
walked by the second; far from one it is asked day by day for a year and more.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chronos_crds.cron import CronError
from chronos_crds.schedule import CronDialect, Schedule
from chronos_crds.timetable import Timetable, build_timetable
from oracle import WEEK, Film, NaiveCron, film, reads_as_quartz, utc_seconds, zone_of

UID = "5f0c1d2e-0000-4000-8000-00000000000a"
# More than any clock is turned by, a whole day excepted.
BEFORE, AFTER = 150 * 60, 170 * 60

# Each a zone and the second in which its clock is turned (or an ordinary one).
TURNS = {
    "an hour forward, west": ("America/New_York", "2026-03-08 07:00"),
    "an hour back, west": ("America/New_York", "2026-11-01 06:00"),
    "an hour forward, east": ("Europe/Berlin", "2026-03-29 01:00"),
    "an hour back, east": ("Europe/Berlin", "2026-10-25 01:00"),
    "half an hour forward": ("Australia/Lord_Howe", "2026-10-03 15:30"),
    "half an hour back": ("Australia/Lord_Howe", "2026-04-04 15:00"),
    "forward at midnight": ("Asia/Beirut", "2026-03-28 22:00"),
    "back at midnight": ("Asia/Beirut", "2026-10-24 21:00"),
    "forward at midnight, west": ("America/Havana", "2026-03-08 05:00"),
    "forward at midnight, south": ("America/Santiago", "2026-09-06 04:00"),
    "back at midnight, south": ("America/Santiago", "2026-04-05 03:00"),
    "forward in the southern spring": ("Australia/Sydney", "2026-10-03 16:00"),
    "back in the southern autumn": ("Australia/Sydney", "2026-04-04 16:00"),
    "forward out of a negative winter time": ("Europe/Dublin", "2026-03-29 01:00"),
    "back into a negative winter time": ("Europe/Dublin", "2026-10-25 01:00"),
    "back for Ramadan": ("Africa/Casablanca", "2026-02-15 02:00"),
    "forward after Ramadan": ("Africa/Casablanca", "2026-03-22 02:00"),
    "forward at an odd half hour": ("America/St_Johns", "2026-03-08 05:30"),
    "back over midnight's minute": ("America/St_Johns", "2010-11-07 02:31"),
    "forward at a quarter to": ("Pacific/Chatham", "2026-09-26 14:00"),
    "back at a quarter to": ("Pacific/Chatham", "2026-04-04 14:00"),
    "forward at midnight, half an hour off": ("Asia/Tehran", "2022-03-21 20:30"),
    "back at midnight, half an hour off": ("Asia/Tehran", "2022-09-21 19:30"),
    "a quarter forward, once for all": ("Asia/Kathmandu", "1985-12-31 18:30"),
    "two hours forward": ("Antarctica/Troll", "2026-03-29 01:00"),
    "two hours back": ("Antarctica/Troll", "2026-10-25 01:00"),
    "by odd seconds": ("Africa/Monrovia", "1972-01-07 00:44:30"),
    "a whole day forward": ("Pacific/Apia", "2011-12-30 10:00"),
    "a whole day forward, from the other side": ("Pacific/Kwajalein", "1993-08-21 12:00"),
    "a week of winter time": ("Asia/Gaza", "2040-10-20 00:00"),
    "no turn": ("Asia/Kathmandu", "2026-06-30 18:15"),
    "no turn at a year's end": ("Pacific/Honolulu", "2027-01-01 10:00"),
}

# Fields of all shapes. In braces stands what the clock of a turn shows: d the day before it and e
# the day behind, w and v their weekdays, n which one of the month, g the hour that is left out or
# comes again, h the one before, lo to hi all hours in sight; mi, mo, y the minute, month and year.
SECONDS = [
    "0",
    "0",
    "30",
    "59",
    "*/20",
    "0,1,59",
    "15-45/7",
    "*",
    "H",
    "H/30",
    "H(10-20)/5",
    "50/4",
]
MINUTES = [
    "0", "30", "15", "59", "{mi}", "*/15", "*/7", "0-10", "44,45,46", "*", "H", "H(0-29)/10",
    "H/20", "31-33", "40/5",
]  # fmt: skip
HOURS = [
    "{g}", "{h}", "{h},{g}", "{lo}-{hi}", "*", "*/2", "{h}/1", "*/3", "1-3", "H", "H({lo}-{hi})",
    "{lo}-{hi}/2", "0", "0,1,2,3,22,23", "H/2",
]  # fmt: skip
DAYS = [
    "*", "*", "*", "{d}", "{e}", "{d},{e}", "{d}W", "{e}W", "L", "LW", "L-1", "*/2", "1-15",
    "16-31", "H", "L-3,{d}", "1W,15W,{e}W", "L-2W", "*/1", "H(1-31)", "5/3",
]  # fmt: skip
MONTHS = ["*", "*", "{mo}", "{mo},12", "JAN-DEC", "1-{mo}", "*/2", "H", "{mo}/1"]
WEEKDAYS = [
    "*", "*", "*", "{w}", "{v}", "MON-FRI", "SAT,SUN", "{w}L", "{v}L", "{w}#{n}", "{v}#1,{w}#{n}",
    "H", "*/2", "FRI-SUN", "SUN-MON", "{W}#2,{V}", "*/1", "{W}L",
]  # fmt: skip
YEARS = ["*", "{y}", "1970-2099", "{y}/1"]

rules = st.tuples(
    st.sampled_from(["RunAfterGap", "Skip"]), st.sampled_from(["First", "Second", "Both"])
)


@st.composite
def templates(draw: st.DrawFn) -> tuple[str, CronDialect]:
    """A text with braces, and a dialect that can read it."""
    size = draw(st.sampled_from([5, 6, 6, 6, 7]))
    fields = [draw(st.sampled_from(choice)) for choice in (MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS)]
    if size > 5:
        fields.insert(0, draw(st.sampled_from(SECONDS)))
    dialects = [CronDialect.AUTO, CronDialect.UNIX, *([CronDialect.QUARTZ] if size > 5 else [])]
    dialect = draw(st.sampled_from(dialects))
    # Seven fields are Quartz by sight, which restricts one of the days and often writes a ?.
    if dialect is CronDialect.QUARTZ or (dialect is CronDialect.AUTO and size == 7):
        fields[draw(st.sampled_from([3, 5]))] = draw(st.sampled_from(["*", "?"]))
    if size == 7:
        fields.append(draw(st.sampled_from(YEARS)))
    return " ".join(fields), dialect


@cache
def film_of(turn: str) -> Film:
    name, text = TURNS[turn]
    moment = utc_seconds(text)
    return film(zone_of(name), moment - BEFORE, moment + AFTER)


@cache
def facts_of(turn: str, is_quartz: bool) -> dict[str, Any]:
    """What the templates' braces stand for."""
    name, text = TURNS[turn]
    moment = utc_seconds(text)
    before, behind = (datetime.fromtimestamp(m, zone_of(name)) for m in (moment - 1, moment))
    around = [
        minute.wall.hour for minute in film_of(turn).minutes if minute.wall.date() == behind.date()
    ]
    days = [day.isoweekday() % 7 for day in (before, behind)]
    return {
        "d": before.day, "e": behind.day, "n": (before.day + 6) // 7,
        "w": days[0] + is_quartz, "v": days[1] + is_quartz, "W": WEEK[days[0]], "V": WEEK[days[1]],
        "g": (before.hour + 1) % 24 if before.dst() != behind.dst() else behind.hour,
        "h": before.hour, "lo": min(around), "hi": max(around),
        "mi": behind.minute, "mo": behind.month, "y": behind.year,
    }  # fmt: skip


def times_of(
    text: str, zone: str, dialect: CronDialect, skipped: str, repeated: str
) -> Timetable | None:
    """The timetable under test; None where it says that the expression can never fire."""
    schedule = Schedule.model_validate(
        {
            "cron": [text],
            "cronDialect": dialect,
            "timeZone": zone,
            "daylightSaving": {"skipped": skipped, "repeated": repeated},
        }
    )
    try:
        return build_timetable(schedule, created_at=datetime(1970, 1, 1, tzinfo=UTC), uid=UID)
    except CronError as error:
        if "can never fire" not in error.message:
            raise
        # Refused for the sake of other jobs: this one's H may well pick a day that exists.
        assume("for some jobs" not in error.message)
        return None


def utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def check(times: Timetable | None, expected: list[int], after: int, until: int) -> None:
    """Forward, backward, and the next one: all that a timetable can be asked."""
    wanted = [moment for moment in expected if moment > after]
    if times is None:
        assert wanted == []
        return
    found = [int(tick.timestamp()) for tick in times.between(utc(after), utc(until))]
    assert found == wanted
    newest = times.newest(utc(until), after=utc(after), limit=7)
    assert [int(tick.timestamp()) for tick in newest] == wanted[-7:]
    following = times.next_after(utc(after))
    if wanted:
        assert following == utc(wanted[0])
    else:
        assert following is None or following > utc(until)


# Ten seconds of CPU, which a machine that is busy may spread over minutes.
@pytest.mark.timeout(600)
def test_the_timetable_is_what_a_clock_on_the_wall_shows() -> None:
    count, fired = 0, 0

    @settings(
        max_examples=330, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(templates(), rules, st.integers(0, BEFORE + AFTER - 60))
    def check_all_turns(
        template: tuple[str, CronDialect], rule: tuple[str, str], start: int
    ) -> None:
        nonlocal count, fired
        pattern, dialect = template
        for turn, (zone, _) in TURNS.items():
            text = pattern.format(**facts_of(turn, reads_as_quartz(pattern, dialect)))
            shown = film_of(turn)
            expected = shown.fires(NaiveCron(text, dialect, UID), skipped=rule[0], repeated=rule[1])
            # Mostly from the start, so that the turn lies ahead.
            after = shown.after + (start if start % 3 == 0 else start % 60)
            try:
                check(times_of(text, zone, dialect, *rule), expected, after, shown.until)
            except (AssertionError, CronError) as error:
                error.add_note(f"{text!r} {dialect} {rule} {turn} after {utc(after)}")
                raise
            count, fired = count + 1, fired + bool(expected)

    check_all_turns()
    assert count >= 10_000
    assert fired >= count // 3, "the windows hold enough of what is asked for"


DAY_FIELDS = [
    "*", "?", "L", "LW", "L-1", "L-3", "L-29", "L-5W", "1W", "15W", "30W", "31W", "1", "13", "29",
    "30", "31", "1,15W,L", "*/10", "5-9", "28-31", "H", "H/9", "H(20-31)", "?/7", "2W,LW,17", "lw",
]  # fmt: skip
MONTH_FIELDS = ["*", "*", "*", "2", "FEB,JUN", "*/3", "4-6", "H", "H/4", "APR-sep/2", "12,1"]
WEEKDAY_FIELDS = [
    "*", "?", "1", "7", "MON-FRI", "SAT,SUN", "2L", "SUNL", "satL", "1#1", "6#3", "FRI#5",
    "2#2,2#4", "3L,MON#1", "H", "H(2-4)", "*/2", "*/1", "5/1", "7/3", "FRI-SUN", "1-7/2",
    "TUE", "4,SUN#1",
]  # fmt: skip
YEAR_FIELDS = ["*", "*", "2024,2028,2096", "2000-2050/5", "1970-2099", "2090/3"]
TIMES = ["0 30 2", "15,45 0 0", "59 59 23", "0 0 1,13", "H H H", "0 H(0-29)/10 3", "7 */30 */8"]
ZONES = [
    "Etc/UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut",
    "America/Santiago", "Pacific/Chatham", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia",
    "Europe/Dublin", "America/St_Johns", "Asia/Tehran", "Africa/Monrovia", "America/Havana",
]  # fmt: skip
FIRST, LAST = date(1971, 1, 1), date(2098, 6, 1)
DAYS_WALKED = 75


@st.composite
def dated(draw: st.DrawFn) -> tuple[str, CronDialect]:
    """A text whose days matter, and a dialect that can read it."""
    fields = [
        draw(st.sampled_from(choice))
        for choice in (TIMES, DAY_FIELDS, MONTH_FIELDS, WEEKDAY_FIELDS, YEAR_FIELDS)
    ]
    dialect = draw(st.sampled_from(list(CronDialect)))
    has_year = draw(st.booleans())
    if dialect is CronDialect.QUARTZ or (dialect is CronDialect.AUTO and has_year):
        fields[draw(st.sampled_from([1, 3]))] = draw(st.sampled_from(["*", "?"]))
    elif dialect is CronDialect.UNIX:
        fields = [field.replace("?", "*") for field in fields]
    elif "?" in " ".join(fields) and not {fields[1], fields[3]} & {"*", "?"}:
        fields[3] = "*"
    text = " ".join(fields if has_year else fields[:-1])
    if reads_as_quartz(text, dialect) and not {fields[1], fields[3]} & {"*", "?", "*/1", "?/1"}:
        return text.replace("?", "*"), CronDialect.UNIX
    return text, dialect


def moments_of(wall: datetime, zone: str) -> tuple[list[int], int | None]:
    """When the clock shows that; or, where it never does, the second in which it jumps over it."""
    around = utc_seconds(wall.isoformat())
    hours = range(around - 48 * 3600, around + 48 * 3600, 3600)
    offsets = {clock_of(hour, zone) - utc(hour).replace(tzinfo=None) for hour in hours}
    candidates = [around - int(offset.total_seconds()) for offset in sorted(offsets, reverse=True)]
    shown = [moment for moment in candidates if clock_of(moment, zone) == wall]
    if shown:
        return shown, None
    before = max(hour for hour in hours if clock_of(hour, zone) < wall)
    return [], next(
        moment for moment in range(before, before + 3601) if clock_of(moment, zone) > wall
    )


def clock_of(moment: int, zone: str) -> datetime:
    return datetime.fromtimestamp(moment, zone_of(zone)).replace(tzinfo=None, fold=0)


def walk_days(cron: NaiveCron, zone: str, first: date, rule: tuple[str, str]) -> set[int]:
    """The seconds of DAYS_WALKED days in which it fires."""
    found = set()
    for day in (first + timedelta(days=number) for number in range(DAYS_WALKED)):
        if not cron.is_day(day):
            continue
        for hour, minute, second in product(cron.hours, cron.minutes, cron.seconds):
            wall = datetime.combine(day, time(hour, minute, second))
            shown, turned = moments_of(wall, zone)
            if cron.is_about_real_time or rule[1] == "Both":
                found.update(shown)
            else:
                found.update(shown[:1] if rule[1] == "First" else shown[-1:])
            if turned is not None and rule[0] == "RunAfterGap" and not cron.is_about_real_time:
                found.add(turned)
    return found


# Ten seconds of CPU, which a machine that is busy may spread over minutes.
@pytest.mark.timeout(600)
def test_each_rule_of_days_is_what_a_calendar_on_the_wall_shows() -> None:
    count, fired = 0, 0

    @settings(
        max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(dated(), rules, st.dates(FIRST, LAST), st.integers(0, len(ZONES) - 3))
    def check_some_zones(
        given_text: tuple[str, CronDialect], rule: tuple[str, str], first: date, place: int
    ) -> None:
        nonlocal count, fired
        text, dialect = given_text
        cron = NaiveCron(text, dialect, UID)
        for zone in ZONES[place : place + 3]:
            # The days at both ends are cut off: the clock of a zone shows them early or late.
            after = utc_seconds((first + timedelta(days=2)).isoformat())
            until = after + (DAYS_WALKED - 4) * 86400
            expected = sorted(
                moment for moment in walk_days(cron, zone, first, rule) if after < moment <= until
            )
            try:
                check(times_of(text, zone, dialect, *rule), expected, after, until)
            except (AssertionError, CronError) as error:
                error.add_note(f"{text!r} {dialect} {rule} {zone} after {utc(after)}")
                raise
            count, fired = count + 1, fired + bool(expected)

    check_some_zones()
    assert count >= 1_800
    assert fired >= count // 3, "the days that are walked hold enough of what is asked for"
