"""Reading cron expressions: what each field may say, and what is said of a mistake."""

from __future__ import annotations

from datetime import datetime

import pytest

from builders import wall
from chronos_crds.cron import (
    LAST_YEAR,
    MACROS,
    MAX_LENGTH,
    CronError,
    CronExpression,
    is_hashed,
    parse_cron,
    parse_entry,
)
from chronos_crds.interval import Interval
from chronos_crds.schedule import CronDialect
from chronos_crds.walltime import read_wall, wall_times, write_wall

AUTO, UNIX, QUARTZ = CronDialect


def next_wall_time(cron: CronExpression, after: datetime) -> datetime | None:
    """The first wall time strictly after that one."""
    end = read_wall(wall("2200-01-01"))
    found = next(wall_times(cron, read_wall(after) + 1, end), None)
    return None if found is None else write_wall(found)


def meaning(cron: CronExpression) -> list[object]:
    """All that tells two expressions apart, but for their texts."""
    return [cron.seconds, cron.minutes, cron.hours, cron.days, cron.months, cron.years]


def numbers_in(cron: CronExpression, field: str) -> set[int] | None:
    """The numbers of a field, as a set; None where it has none."""
    where = cron.days if field in ("days", "weekdays") else cron
    numbers = getattr(where, field)
    return None if numbers is None else set(numbers)


EVERY_SECOND = set(range(60))
EVERY_HOUR = set(range(24))
EVERY_DAY = set(range(1, 32))
EVERY_MONTH = set(range(1, 13))
EVERY_WEEKDAY = set(range(7))

FIELDS = [
    ("five fields start at second 0", "5 * * * *", "seconds", {0}),
    ("five fields begin with the minute", "5 * * * *", "minutes", {5}),
    ("six fields begin with the second", "5 6 * * * *", "seconds", {5}),
    ("the second of six fields is the minute", "5 6 * * * *", "minutes", {6}),
    ("a star is every second", "* * * * * *", "seconds", EVERY_SECOND),
    ("a star is every minute", "* * * * *", "minutes", EVERY_SECOND),
    ("a star is every hour", "* * * * *", "hours", EVERY_HOUR),
    ("a star is every day of the month", "* * * * *", "days", EVERY_DAY),
    ("a star is every month", "* * * * *", "months", EVERY_MONTH),
    ("a star is every weekday, Sunday once", "* * * * *", "weekdays", EVERY_WEEKDAY),
    ("a list is its numbers", "1,5,59 * * * *", "minutes", {1, 5, 59}),
    ("a list may repeat a number", "5,5 * * * *", "minutes", {5}),
    ("a range holds both ends", "* 9-12 * * *", "hours", {9, 10, 11, 12}),
    ("a range of one is that one", "* 9-9 * * *", "hours", {9}),
    ("a list may hold ranges", "* 0-1,22-23 * * *", "hours", {0, 1, 22, 23}),
    ("a step of a star begins at the lowest", "*/20 * * * *", "minutes", {0, 20, 40}),
    ("a step of a star of days begins at 1", "* * */10 * *", "days", {1, 11, 21, 31}),
    ("a step of a range stays in it", "10-30/10 * * * *", "minutes", {10, 20, 30}),
    ("a step of a number runs to the end", "50/4 * * * *", "minutes", {50, 54, 58}),
    ("a step longer than the range is its start", "10-30/59 * * * *", "minutes", {10}),
    ("a step of a question mark is one of a star", "* * ?/15 * *", "days", {1, 16, 31}),
    ("leading zeros are only zeros", "007 * * * *", "minutes", {7}),
    ("months have names", "* * * FEB *", "months", {2}),
    ("names may be in small letters", "* * * jan,Dec *", "months", {1, 12}),
    ("names make ranges", "* * * MAR-MAY *", "months", {3, 4, 5}),
    ("names and numbers mix", "* * * 3-MAY *", "months", {3, 4, 5}),
    ("names make steps", "* * * JAN-DEC/6 *", "months", {1, 7}),
    ("weekdays have names", "* * * * MON-FRI", "weekdays", {1, 2, 3, 4, 5}),
    ("weekday 0 is Sunday", "* * * * 0", "weekdays", {0}),
    ("weekday 7 is Sunday", "* * * * 7", "weekdays", {0}),
    ("0 and 7 are one Sunday", "* * * * 0,7", "weekdays", {0}),
    ("a range to 7 ends on Sunday", "* * * * 5-7", "weekdays", {5, 6, 0}),
    ("a range to SUN ends on Sunday", "* * * * FRI-SUN", "weekdays", {5, 6, 0}),
    ("a step of all weekdays counts no eighth day", "* * * * */7", "weekdays", {0}),
    ("a step of a weekday ends on Saturday", "* * * * 5/1", "weekdays", {5, 6}),
    ("a step of weekday 7 is Sunday", "* * * * 7/3", "weekdays", {0}),
    ("every second weekday is four of them", "* * * * */2", "weekdays", {0, 2, 4, 6}),
    ("a question mark is any day", "* * ? * MON", "days", EVERY_DAY),
    ("a question mark is any weekday", "* * 1 * ?", "weekdays", EVERY_WEEKDAY),
    ("a star year is no restriction", "* * * * * * *", "years", None),
    ("years are the seventh field", "* * * * * * 2030-2032", "years", {2030, 2031, 2032}),
    ("years have lists", "* * * * * * 2030,2099", "years", {2030, 2099}),
    ("a step of a year runs to the last", "* * * * * * 2090/4", "years", {2090, 2094, 2098}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "field", "numbers"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS]
)
def test_a_field_is_read(text: str, field: str, numbers: set[int] | None) -> None:
    assert numbers_in(parse_cron(text), field) == numbers


@pytest.mark.parametrize(("macro", "long"), MACROS.items())
def test_a_macro_is_short_for_five_fields(macro: str, long: str) -> None:
    for text in (macro, macro.upper(), f"  {macro} "):
        assert meaning(parse_cron(text)) == meaning(parse_cron(long))


def test_hourly_is_on_the_hour() -> None:
    # croniter with seconds first reads @hourly as a minute past.
    found = next_wall_time(parse_cron("@hourly"), wall("2026-03-01 11:30:00"))
    assert found == wall("2026-03-01 12:00:00")


@pytest.mark.parametrize("space", ["  ", "\t", " \t "])
def test_any_white_space_parts_fields(space: str) -> None:
    text = space + space.join("0 30 2 * * MON".split()) + space
    assert meaning(parse_cron(text)) == meaning(parse_cron("0 30 2 * * 1"))


REAL_TIME = [
    ("a star in the hour", "0 * * * *", True),
    ("a step in the hour", "0 */2 * * *", True),
    ("a step of a number in the hour", "0 3/2 * * *", True),
    ("a step of a range in the hour", "0 0-8/2 * * *", True),
    ("a fixed hour with a star in the minute", "* 2 * * *", False),
    ("a list of hours", "0 1,2 * * *", False),
    ("a range of hours", "0 1-5 * * *", False),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in REAL_TIME], ids=[row[0] for row in REAL_TIME]
)
def test_a_star_or_step_in_the_hour_follows_real_time(text: str, expected: bool) -> None:
    assert parse_cron(text).follows_real_time is expected


# 2026-06-01 is a Monday, the 15th too.
DAYS = [
    ("both days free: every day", "* * * * *", [1, 2, 3], []),
    ("a restricted day of month alone counts", "* * 2 * *", [2], [1, 3]),
    ("a restricted weekday alone counts", "* * * * MON", [1, 8, 15], [2, 14]),
    ("of two restricted days either is enough", "* * 2 * MON", [1, 2, 8], [3, 9]),
    ("a question mark restricts nothing", "* * ? * MON", [1, 8], [2]),
    ("a star behind a day restricts nothing", "* * 15 * ?", [15], [8]),
    ("another month is no day at all", "* * 1 7 MON", [], [1, 8]),
]


@pytest.mark.parametrize(
    ("text", "fires", "rests"), [row[1:] for row in DAYS], ids=[row[0] for row in DAYS]
)
def test_days_of_month_and_week_form_a_union(text: str, fires: list[int], rests: list[int]) -> None:
    days = parse_cron(text).days_in(2026, 6)
    assert [day for day in fires if day not in days] == []
    assert [day for day in rests if day in days] == []


@pytest.mark.parametrize("text", [row[1] for row in DAYS if row[2]])
def test_the_walk_agrees_with_the_rule_of_days(text: str) -> None:
    cron = parse_cron(text)
    moment, end, walked = wall("2026-05-31 23:59"), wall("2026-07-01"), set()
    while (moment := next_wall_time(cron, moment) or end) < end:
        walked.add(moment.day)
        moment = moment.replace(hour=23, minute=59)
    assert walked == set(cron.days_in(2026, 6))


MISTAKES = [
    ("nothing", "", 0, "has 0 fields", "write five"),
    ("only spaces", "   ", 3, "has 0 fields", "write five"),
    ("one word", "tomorrow", 8, "has 1 fields", "write five"),
    ("four fields", "* * * *", 7, "has 4 fields", "write five"),
    ("eight fields", "* * * * * * * *", 15, "has 8 fields", "seven"),
    ("an unknown macro", "@fortnightly", 0, "not a known macro", "@daily"),
    ("@reboot, which is no time", "@reboot", 0, "not a known macro", "@yearly"),
    ("a macro with a slip", "@dayly", 0, "not a known macro", "did you mean @daily?"),
    ("minute 60", "60 * * * *", 0, "'60' in the minute", "0 to 59"),
    ("second 60", "60 0 * * * *", 0, "'60' in the second", "0 to 59"),
    ("hour 24", "0 24 * * *", 2, "'24' in the hour", "0 to 23"),
    ("day 0", "0 0 0 * *", 4, "'0' in the day of month", "1 to 31"),
    ("day 32", "0 0 32 * *", 4, "'32' in the day of month", "1 to 31"),
    ("month 0", "0 0 1 0 *", 6, "'0' in the month", "JAN to DEC"),
    ("month 13", "0 0 1 13 *", 6, "'13' in the month", "1 to 12"),
    ("weekday 8", "0 0 * * 8", 8, "'8' in the day of week", "SUN to SAT"),
    ("year 1969", "0 0 0 1 1 * 1969", 12, "'1969' in the year", "1970"),
    ("year 2100", "0 0 0 1 1 * 2100", 12, "'2100' in the year", str(LAST_YEAR)),
    ("a wrong name", "0 0 * * MOON", 8, "'MOON' in the day of week", "SUN to SAT"),
    ("a month's name among weekdays", "0 0 * * JAN", 8, "'JAN'", "SUN to SAT"),
    ("a negative number", "-5 * * * *", 0, "nothing in the minute", "0 to 59"),
    ("a fraction", "1.5 * * * *", 0, "'1.5' in the minute", "0 to 59"),
    ("a number of five digits", "00005 * * * *", 0, "'00005'", "0 to 59"),
    ("digits of another script", "٣ * * * *", 0, "'٣' in the minute", "0 to 59"),
    ("a superscript digit", "² * * * *", 0, "'²' in the minute", "0 to 59"),
    ("an empty item of a list", "1,,2 * * * *", 2, "nothing in the minute", "list"),
    ("a list that ends in a comma", "1,2, * * * *", 4, "nothing in the minute", "list"),
    ("the second item of a list", "1,99 * * * *", 2, "'99' in the minute", "0 to 59"),
    ("the end of a range", "10-99 * * * *", 3, "'99' in the minute", "0 to 59"),
    ("a range without an end", "10- * * * *", 3, "nothing in the minute", "range"),
    ("a range of three", "1-2-3 * * * *", 2, "'2-3' in the minute", "range"),
    ("a range that runs backwards", "30-10 * * * *", 0, "runs backwards", "30-59,0-10"),
    ("weekdays that run backwards", "0 0 * * FRI-MON", 8, "runs backwards", "FRI-7,0-MON"),
    ("a step of 0", "*/0 * * * *", 2, "the step '0'", "*/15"),
    ("a negative step", "*/-1 * * * *", 2, "the step '-1'", "*/15"),
    ("no step behind the slash", "*/ * * * *", 2, "the step ''", "*/15"),
    ("a step in words", "*/five * * * *", 2, "the step 'five'", "*/15"),
    ("a step of a step", "*/5/5 * * * *", 2, "the step '5/5'", "*/15"),
    ("a step behind a list's item", "1,*/x * * * *", 4, "the step 'x'", "*/15"),
    ("a question mark for the minute", "? * * * *", 0, "'?' in the minute", "write *"),
    ("a question mark for the month", "* * * ? *", 6, "'?' in the month", "write *"),
    ("a question mark for the year", "* * * * * * ?", 12, "'?' in the year", "write *"),
    ("the mistake's place counts the spaces", "0   0  32 * *", 7, "'32'", "1 to 31"),
    ("a star beside a number", "*5 * * * *", 0, "'*5' in the minute", "0 to 59"),
    ("30 February", "0 0 30 2 *", 0, "can never fire", "day of month"),
    ("31 in months of 30 days", "0 0 31 4,6,9,11 ?", 0, "can never fire", "day of month"),
    ("29 February of common years", "0 0 0 29 2 ? 2026,2027", 0, "can never fire", "year"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "position", "said", "remedy"),
    [row[1:] for row in MISTAKES],
    ids=[row[0] for row in MISTAKES],
)
def test_a_mistake_is_told_with_its_place_and_remedy(
    text: str, position: int, said: str, remedy: str
) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(text)
    assert said in caught.value.message
    assert caught.value.position == position
    assert remedy in caught.value.remedy


def test_spaces_in_front_do_not_shift_the_place() -> None:
    with pytest.raises(CronError) as caught:
        parse_cron("  99 * * * *")
    assert caught.value.position == 2


def test_an_expression_has_at_most_256_characters() -> None:
    longest = ("0," * 128)[: MAX_LENGTH - 9] + "1 * * * *"
    assert len(longest) == MAX_LENGTH
    assert parse_cron(longest).minutes == (0, 1)
    with pytest.raises(CronError, match="257 characters") as caught:
        parse_cron(longest + " ")
    assert caught.value.position == MAX_LENGTH
    assert "256" in caught.value.remedy


RARE = [
    ("a leap day", "0 0 29 2 *", "2026-03-01", "2028-02-29"),
    ("a leap day passes over 2100's neighbours", "0 0 29 2 *", "2092-03-01", "2096-02-29"),
    ("the 31st passes over short months", "0 0 31 * *", "2026-03-31", "2026-05-31"),
    ("31 and February together are any 31st", "0 0 31 2,3 *", "2026-01-01", "2026-03-31"),
    ("a leap day or a Monday of February", "0 0 29 2 MON", "2026-03-01", "2027-02-01"),
    ("a year far away", "0 0 0 1 1 ? 2090", "2026-03-01", "2090-01-01"),
    ("the next of two years far apart", "0 0 0 29 2 ? 2028,2096", "2028-02-29", "2096-02-29"),
    ("a listed year without that day is passed over", "0 0 0 29 2 ? 2030,2088", "2026-01-01",
     "2088-02-29"),
    ("the last day of all", "0 0 0 31 12 ? 2099", "2026-01-01", "2099-12-31"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "after", "found"), [row[1:] for row in RARE], ids=[row[0] for row in RARE]
)
def test_rare_days_are_found(text: str, after: str, found: str) -> None:
    after_at, found_at = wall(after), wall(found)
    assert next_wall_time(parse_cron(text), after_at) == found_at


OVER = [
    ("the only year is past", "0 0 0 1 1 ? 2025", "2026-01-01"),
    ("the last of the listed years is past", "0 0 0 1 1 ? 2020,2025", "2025-01-01"),
    ("a listed year to come lacks the day", "0 0 0 29 2 ? 2024,2030", "2026-01-01"),
    ("time ends with 2099", "0 0 1 1 *", "2099-06-01"),
]


@pytest.mark.parametrize(("text", "after"), [row[1:] for row in OVER], ids=[row[0] for row in OVER])
def test_a_schedule_that_is_over_has_no_next(text: str, after: str) -> None:
    assert next_wall_time(parse_cron(text), wall(after)) is None


def test_the_next_is_strictly_later() -> None:
    noon = wall("2026-03-01 12:00:00")
    assert next_wall_time(parse_cron("0 12 * * *"), noon) == wall("2026-03-02 12:00:00")
    assert next_wall_time(parse_cron("* * * * * *"), noon) == wall("2026-03-01 12:00:01")


# 2026: January begins on a Thursday, February on a Sunday with 28 days, August ends on a Monday.
DAYS_OF_MONTHS: list[tuple[str, str, int, tuple[int, ...]]] = [
    ("L is the last day of a long month", "0 0 L * *", 1, (31,)),
    ("L is the last day of February", "0 0 L * *", 2, (28,)),
    ("L-3 is the third day before the last", "0 0 L-3 * *", 2, (25,)),
    ("L-30 is the first of a month of 31 days", "0 0 L-30 * *", 1, (1,)),
    ("L-30 is no day of February", "0 0 L-30 * *", 2, ()),
    ("L-0 is the last day", "0 0 L-0 * *", 4, (30,)),
    ("LW is the Friday before a last day on Saturday", "0 0 LW * *", 2, (27,)),
    ("LW is the Friday before a last day on Sunday", "0 0 LW * *", 5, (29,)),
    ("LW is the last day where that is a weekday", "0 0 LW * *", 8, (31,)),
    ("L-2W is the weekday nearest to that day", "0 0 L-2W * *", 3, (30,)),
    ("15W on a Thursday is that day", "0 0 15W * *", 1, (15,)),
    ("15W on a Sunday is the Monday", "0 0 15W * *", 2, (16,)),
    ("15W on a Saturday is the Friday", "0 0 15W * *", 8, (14,)),
    ("1W on a Saturday is Monday the 3rd, not last month", "0 0 1W * *", 8, (3,)),
    ("1W on a Sunday is Monday the 2nd", "0 0 1W * *", 2, (2,)),
    ("31W on a Saturday is Friday the 30th", "0 0 31W * *", 10, (30,)),
    ("31W on a Sunday is Friday the 29th, not next month", "0 0 31W * *", 5, (29,)),
    ("31W is no day of a short month", "0 0 31W * *", 6, ()),
    ("a list holds all kinds", "0 0 1,15W,L * *", 2, (1, 16, 28)),
    ("small letters do", "0 0 lw * *", 2, (27,)),
    ("5L is the last Friday", "0 0 * * 5L", 1, (30,)),
    ("FRIL is the last Friday", "0 0 * * FRIL", 2, (27,)),
    ("0L and 7L are the last Sunday", "0 0 * * 0L,7L", 2, (22,)),
    ("6#3 is the third Saturday", "0 0 * * 6#3", 1, (17,)),
    ("FRI#3 is the third Friday", "0 0 * * FRI#3", 1, (16,)),
    ("THU#5 is the fifth Thursday", "0 0 * * THU#5", 1, (29,)),
    ("a month may have no fifth Thursday", "0 0 * * THU#5", 2, ()),
    ("both restricted: either is enough", "0 0 L * FRI#1", 1, (2, 31)),
    ("*/2 counts as restricted", "0 0 */15 * MON", 1, (1, 5, 12, 16, 19, 26, 31)),
    ("*/1 restricts nothing, as CronJob has it", "0 0 9 * */1", 1, (9,)),
    ("Quartz counts 6L as the last Friday", "0 0 0 ? * 6L", 1, (30,)),
    ("Quartz counts 6#3 as the third Friday", "0 0 0 ? * 6#3", 1, (16,)),
    ("Quartz' L alone is each Saturday", "0 0 0 ? * L", 1, (3, 10, 17, 24, 31)),
    ("Quartz' 1 is Sunday", "0 0 0 ? * 1", 2, (1, 8, 15, 22)),
    ("Quartz' 2-6 is Monday to Friday", "0 0 0 ? * 2-6", 2,
     (*range(2, 7), *range(9, 14), *range(16, 21), *range(23, 28))),
    ("names mean the same in Quartz", "0 0 0 ? * FRI", 2, (6, 13, 20, 27)),
    ("Quartz' ranges go over the week's end", "0 0 0 ? * FRI-MON", 2,
     (1, 2, 6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22, 23, 27, 28)),
    ("five fields take a ? as CronJob does, and count from 0", "0 0 ? * 1", 2, (2, 9, 16, 23)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "month", "days"),
    [row[1:] for row in DAYS_OF_MONTHS],
    ids=[row[0] for row in DAYS_OF_MONTHS],
)
def test_days_that_depend_on_the_month(text: str, month: int, days: tuple[int, ...]) -> None:
    assert parse_cron(text).days_in(2026, month) == days


DIALECTS = [
    ("six fields are Unix: 0 is Sunday", "0 0 0 * * 0", AUTO, {0}),
    ("six fields with a ? are Quartz", "0 0 0 ? * 1", AUTO, {0}),
    ("seven fields are Quartz", "0 0 0 * * 1 *", AUTO, {0}),
    ("seven fields can be Unix", "0 0 0 * * 1 *", UNIX, {1}),
    ("six fields can be Quartz", "0 0 0 * * 1", QUARTZ, {0}),
    ("five fields are Unix", "0 0 * * 1", AUTO, {1}),
    ("a macro is itself in Quartz, too", "@weekly", QUARTZ, {0}),
]


@pytest.mark.parametrize(
    ("text", "dialect", "weekdays"),
    [row[1:] for row in DIALECTS],
    ids=[row[0] for row in DIALECTS],
)
def test_a_dialect_counts_weekdays(text: str, dialect: CronDialect, weekdays: set[int]) -> None:
    assert parse_cron(text, dialect=dialect).days.weekdays == weekdays


WRAPPED = [
    ("hours over midnight", "0 0 22-2 ? * *", "hours", {22, 23, 0, 1, 2}),
    ("minutes over the hour, by steps", "0 50-10/10 * ? * *", "minutes", {50, 0, 10}),
    ("months over the year", "0 0 0 1 NOV-FEB ?", "months", {11, 12, 1, 2}),
]


@pytest.mark.parametrize(
    ("text", "field", "numbers"), [row[1:] for row in WRAPPED], ids=[row[0] for row in WRAPPED]
)
def test_quartz_ranges_run_over_the_end(text: str, field: str, numbers: set[int]) -> None:
    assert numbers_in(parse_cron(text), field) == numbers


DIALECT_MISTAKES = [
    ("a year as the sixth field", "0 12 * * * 2026", AUTO, 11, "looks like a year",
     "write '0 0 12 * * * 2026'"),
    ("a year behind a weekday's number, which Quartz would count otherwise",
     "30 9 * * 1-5 2026-2028", AUTO, 13, "looks like a year", "'0 30 9 * * MON-FRI 2026-2028'"),
    ("a year behind both days, which only Unix takes together", "0 9 1 * MON 2026", AUTO, 12,
     "looks like a year", "'0 0 9 1 * MON 2026' with cronDialect: Unix"),
    ("a year for the weekday", "0 12 1 1 2026", AUTO, 9, "looks like a year",
     "write '0 0 12 1 1 ? 2026'"),
    ("Quartz with five fields", "0 12 * * *", QUARTZ, 10, "which is Unix cron", "second first"),
    ("Quartz with both days restricted", "0 0 12 1 * MON", QUARTZ, 7, "which Quartz cannot",
     "cronDialect: Unix"),
    ("seven fields with both days restricted", "0 0 12 1 * MON 2026", AUTO, 7,
     "which Quartz cannot", "put ? in one"),
    ("Quartz' weekday 0", "0 0 0 ? * 0", AUTO, 10, "'0' in the day of week", "1 = SUN to 7 = SAT"),
    ("Quartz' weekday 8", "0 0 0 ? * 8", AUTO, 10, "'8' in the day of week", "from 1 to 7"),
    ("a ? under Unix", "0 0 0 ? * MON", UNIX, 6, "'?' is Quartz", "cronDialect: Quartz"),
    ("L as a weekday under Unix", "0 0 * * L", AUTO, 8, "says no weekday", "SATL"),
    ("L in the hour", "0 L * * *", AUTO, 2, "'L' in the hour", "may stand in the day of month"),
    ("W in the weekday", "0 0 * * 5W", AUTO, 8, "'5W' in the day of week", "day of month"),
    ("# in the day of month", "0 0 6#3 * *", AUTO, 4, "'6#3' in the day of month", "day of week"),
    ("32W", "0 0 32W * *", AUTO, 4, "'32W' in the day of month", "1W to 31W"),
    ("L-31", "0 0 L-31 * *", AUTO, 6, "lies before the month", "L-1 to L-30"),
    ("a sixth Friday", "0 0 * * FRI#6", AUTO, 12, "'6' behind #", "#1 to #5"),
    ("nothing behind #", "0 0 * * FRI#", AUTO, 12, "nothing behind #", "#1 to #5"),
    ("a long name", "0 0 * * MONDAY", AUTO, 8, "'MONDAY'", "did you mean MON?"),
    ("H in the year", "0 0 0 1 1 ? H", AUTO, 12, "'H' in the year", "no meaning"),
    ("H without its range's end", "H(5) * * * *", AUTO, 2, "has no range", "H(0-59)"),
    ("H with a range that runs backwards", "H(9-5) * * * *", AUTO, 2, "has no range", "lower"),
    ("H with a range out of bounds", "0 H(0-24) * * *", AUTO, 6, "'24' in the hour", "0 to 23"),
    ("H with something behind", "H5 * * * *", AUTO, 0, "'H5' in the minute", "H(0-29)/10"),
    ("H with a step of 0", "H/0 * * * *", AUTO, 2, "the step '0'", "*/15"),
    ("an H that may pick a day which does not exist", "0 0 H(29-31) 2 *", AUTO, 0,
     "for some jobs", "day of month"),
    ("an H that may pick a month without that day", "0 0 31 H *", AUTO, 0,
     "for some jobs", "month"),
    ("a fifth Sunday of one February", "0 0 0 ? 2 1#5 2026", AUTO, 0, "can never fire", "year"),
    ("L-30 in February", "0 0 L-30 2 *", AUTO, 0, "can never fire", "day of month"),
    ("31W in a short month", "0 0 31W 6 *", AUTO, 0, "can never fire", "day of month"),
    ("@every here, where only cron can stand", "@every 5m", AUTO, 0, "is an interval", "@hourly"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "dialect", "position", "said", "remedy"),
    [row[1:] for row in DIALECT_MISTAKES],
    ids=[row[0] for row in DIALECT_MISTAKES],
)
def test_a_dialects_mistake_is_told_with_its_place_and_remedy(
    text: str, dialect: CronDialect, position: int, said: str, remedy: str
) -> None:
    with pytest.raises(CronError) as caught:
        parse_cron(text, dialect=dialect)
    assert said in caught.value.message
    assert caught.value.position == position
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "row", [*DIALECT_MISTAKES[:2], DIALECT_MISTAKES[3]], ids=lambda row: row[0]
)
def test_what_is_suggested_for_a_year_can_be_read(row: tuple[str, ...]) -> None:
    suggestion = row[5].split("'")[-2]
    years = parse_cron(suggestion).years
    assert years is not None
    assert years[0] == 2026


EVERY = [
    ("seconds", "@every 90s", 90),
    ("minutes", "@every 5m", 300),
    ("hours", "@every 24h", 86400),
    ("all three", "@every 1h30m5s", 5405),
    ("spaces around", "  @every   5m ", 300),
    ("the shortest", "@every 1s", 1),
    ("the longest, 366 days", "@every 8784h", 31_622_400),
]


@pytest.mark.parametrize(
    ("text", "seconds"), [row[1:] for row in EVERY], ids=[row[0] for row in EVERY]
)
def test_every_is_an_interval(text: str, seconds: int) -> None:
    assert parse_entry(text) == Interval(seconds)


def test_an_entry_that_is_no_interval_is_an_expression() -> None:
    assert parse_entry("1 2 3 4 *") is parse_cron("1 2 3 4 *")
    assert parse_entry("0 0 0 * * 1", dialect=QUARTZ) is parse_cron("0 0 0 * * 1", dialect=QUARTZ)


EVERY_MISTAKES = [
    ("nothing behind it", "@every", 6, "without one duration", "@every 90s"),
    ("two durations", "@every 1h 30m", 6, "without one duration", "1h30m"),
    ("no space", "@every5m", 6, "without one duration", "@every 90s"),
    ("no unit", "@every 90", 7, "'90' is no duration", "90s"),
    ("a unit that is not known", "@every 2d", 7, "'2d' is no duration", "24h"),
    ("a fraction", "@every 1.5h", 7, "'1.5h' is no duration", "1h30m"),
    ("milliseconds", "@every 500ms", 11, "'s' is no duration", "90s"),
    ("units out of order", "@every 5s1h", 9, "'1h' is no duration", "1h30m"),
    ("a unit twice", "@every 1h1h", 9, "'1h' is no duration", "1h30m"),
    ("no time at all", "@every 0s", 7, "out of bounds", "one second"),
    ("more than 366 days", "@every 8784h1s", 7, "out of bounds", "8784h"),
    ("negative", "@every -5m", 7, "'-5m' is no duration", "90s"),
    ("digits of another script", "@every ٣m", 7, "is no duration", "90s"),
]


@pytest.mark.parametrize(
    ("text", "position", "said", "remedy"),
    [row[1:] for row in EVERY_MISTAKES],
    ids=[row[0] for row in EVERY_MISTAKES],
)
def test_a_wrong_interval_is_told_with_its_place_and_remedy(
    text: str, position: int, said: str, remedy: str
) -> None:
    with pytest.raises(CronError) as caught:
        parse_entry(text)
    assert said in caught.value.message
    assert caught.value.position == position
    assert remedy in caught.value.remedy


UIDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(1000)]


def test_a_thousand_hourly_jobs_spread_over_the_hour() -> None:
    minutes = [parse_cron("H * * * *", uid=uid).minutes for uid in UIDS]
    assert {len(some) for some in minutes} == {1}
    shares = [minutes.count((minute,)) for minute in range(60)]
    # 1000 in 60 is 16.7 each; of the binomial distribution 6 and 35 lie beyond 1 in 10,000.
    assert min(shares) >= 6
    assert max(shares) <= 35


HASHED = [
    ("H of days stays within each month's days", "0 0 H * *", "days", range(1, 29)),
    ("H of hours", "0 H * * *", "hours", range(24)),
    ("H of months", "0 0 1 H *", "months", range(1, 13)),
    ("H of weekdays", "0 0 * * H", "weekdays", range(7)),
    ("H of Quartz' weekdays", "0 0 0 ? * H", "weekdays", range(7)),
    ("H of seconds", "H * * * * *", "seconds", range(60)),
    ("H in a range", "H(10-19) * * * *", "minutes", range(10, 20)),
    ("H in a range of names", "0 0 * * H(MON-FRI)", "weekdays", range(1, 6)),
    ("H in a range of days may name the 31st", "0 0 H(25-31) * *", "days", range(25, 32)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "field", "numbers"), [row[1:] for row in HASHED], ids=[row[0] for row in HASHED]
)
def test_h_picks_each_number_for_some_job(text: str, field: str, numbers: range) -> None:
    picked = [numbers_in(parse_cron(text, uid=uid), field) or set() for uid in UIDS]
    assert {len(some) for some in picked} == {1}
    assert set().union(*picked) == set(numbers)


def test_h_with_a_step_goes_round_from_an_offset_of_its_own() -> None:
    found = {parse_cron("H/15 * * * *", uid=uid).minutes for uid in UIDS}
    assert found == {tuple(range(offset, 60, 15)) for offset in range(15)}


def test_h_with_a_step_in_a_range_stays_in_it() -> None:
    found = {parse_cron("H(0-29)/10 * * * *", uid=uid).minutes for uid in UIDS}
    assert found == {tuple(range(offset, 30, 10)) for offset in range(10)}


def test_a_step_longer_than_its_range_still_picks_one() -> None:
    found = {parse_cron("H(0-5)/30 * * * *", uid=uid).minutes for uid in UIDS}
    assert found == {(offset,) for offset in range(6)}


def test_h_beside_other_numbers_adds_to_them() -> None:
    minutes = parse_cron("H(0-9),30 * * * *", uid=UIDS[0]).minutes
    assert len(minutes) == 2
    assert minutes[1] == 30


def test_the_same_job_picks_the_same_and_its_fields_are_independent() -> None:
    first, again = (parse_cron("H H * * *", uid=UIDS[1]) for _ in range(2))
    assert first is again
    pairs = {
        (c.minutes[0] % 24, c.hours[0]) for c in (parse_cron("H H * * *", uid=u) for u in UIDS)
    }
    # Were they one hash, minute % 24 would tell the hour: 60 pairs at most.
    assert len(pairs) > 300


def test_jobs_that_picked_the_same_share_one_expression() -> None:
    found = {id(parse_cron("H * * * *", uid=uid)) for uid in UIDS}
    assert len(found) == 60


def test_without_h_the_job_does_not_matter() -> None:
    assert parse_cron("7 7 * * THU", uid="a") is parse_cron("7 7 * * THU", uid="b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("H * * * *", True), ("0 0 * * h", True), ("0 0 * MAR THU", False), ("@hourly", False),
     ("@every 1h", False)],
)  # fmt: skip
def test_an_entry_tells_whether_it_depends_on_the_job(text: str, expected: bool) -> None:
    assert is_hashed(text) is expected


def test_equal_texts_are_read_once() -> None:
    assert parse_cron("1 2 3 4 *") is parse_cron("1 2 3 4 *")
