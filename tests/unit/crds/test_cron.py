"""Reading cron expressions: what each field may say, and what is said of a mistake."""

from __future__ import annotations

from datetime import date

import pytest

from builders import wall
from chronos_crds.cron import LAST_YEAR, MACROS, MAX_LENGTH, CronError, next_wall_time, parse_cron

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
    assert getattr(parse_cron(text), field) == numbers


@pytest.mark.parametrize(("macro", "meaning"), MACROS.items())
def test_a_macro_is_short_for_five_fields(macro: str, meaning: str) -> None:
    for text in (macro, macro.upper(), f"  {macro} "):
        assert parse_cron(text).canonical == parse_cron(meaning).canonical


def test_hourly_is_on_the_hour() -> None:
    # croniter with seconds first reads @hourly as a minute past.
    found = next_wall_time(parse_cron("@hourly"), wall("2026-03-01 11:30:00"))
    assert found == wall("2026-03-01 12:00:00")


@pytest.mark.parametrize("space", ["  ", "\t", " \t "])
def test_any_white_space_parts_fields(space: str) -> None:
    text = space + space.join("0 30 2 * * MON".split()) + space
    assert parse_cron(text).canonical == parse_cron("0 30 2 * * 1").canonical


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
    cron = parse_cron(text)
    assert [day for day in fires if not cron.is_day(date(2026, 6, day))] == []
    assert [day for day in rests if cron.is_day(date(2026, 6, day))] == []


@pytest.mark.parametrize("text", [row[1] for row in DAYS if row[2]])
def test_the_walk_agrees_with_the_rule_of_days(text: str) -> None:
    cron = parse_cron(text)
    moment, end, walked = wall("2026-05-31 23:59"), wall("2026-07-01"), set()
    while (moment := next_wall_time(cron, moment) or end) < end:
        walked.add(moment.day)
        moment = moment.replace(hour=23, minute=59)
    assert walked == {day for day in range(1, 31) if cron.is_day(date(2026, 6, day))}


MISTAKES = [
    ("nothing", "", 0, "has 0 fields", "write five"),
    ("only spaces", "   ", 3, "has 0 fields", "write five"),
    ("one word", "tomorrow", 8, "has 1 fields", "write five"),
    ("four fields", "* * * *", 7, "has 4 fields", "write five"),
    ("eight fields", "* * * * * * * *", 15, "has 8 fields", "seven"),
    ("an unknown macro", "@fortnightly", 0, "not a known macro", "@daily"),
    ("@reboot, which is no time", "@reboot", 0, "not a known macro", "@yearly"),
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
    ("L, which is not known yet", "0 0 L * *", 4, "'L' in the day of month", "1 to 31"),
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
    assert parse_cron(longest).minutes == {0, 1}
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


def test_equal_texts_are_read_once() -> None:
    assert parse_cron("1 2 3 4 *") is parse_cron("1 2 3 4 *")
