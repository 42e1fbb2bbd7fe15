"""What is told of a schedule that cannot be, beyond what the schema says of each field."""

from __future__ import annotations

from typing import Any

import pytest

from builders import build_spec_body
from chronos_crds.validation import InvalidInput, Problem, parse_job_spec, parse_schedule


def problems_of(schedule: dict[str, Any]) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        parse_schedule(schedule)
    return list(caught.value.problems)


NOON = "2026-03-01T12:00:00Z"

# What is wrong, the schedule, the pointer, what is said, the remedy.
REFUSED: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("a mistake in the second expression", {"cron": ["* * * * *", "1,61 * * * *"]},
     "/schedule/cron/1", "'61' in the minute (at character 3 of '1,61 * * * *')", "0 to 59"),
    ("a year as the sixth field", {"cron": ["0 12 * * * 2026"]}, "/schedule/cron/0",
     "looks like a year (at character 12 of", "write '0 0 12 * * * 2026'"),
    ("Quartz under Unix", {"cron": ["0 0 12 ? * MON"], "cronDialect": "Unix"},
     "/schedule/cron/0", "'?' is Quartz, not Unix cron (at character 8", "cronDialect: Quartz"),
    ("Unix under Quartz", {"cron": ["0 12 * * MON"], "cronDialect": "Quartz"},
     "/schedule/cron/0", "has 5 fields, which is Unix cron", "second first"),
    ("both days under Quartz", {"cron": ["0 0 12 1 * MON"], "cronDialect": "Quartz"},
     "/schedule/cron/0", "which Quartz cannot (at character 8", "cronDialect: Unix"),
    ("an unknown dialect", {"cron": ["* * * * *"], "cronDialect": "Vixie"},
     "/schedule/cronDialect", "is not one of the known values", "'Quartz'"),
    ("a wrong interval", {"cron": ["@every 5 minutes"]}, "/schedule/cron/0",
     "without one duration (at character 7", "@every 90s"),
    ("an expression that can never fire", {"cron": ["0 0 30 2 *"]}, "/schedule/cron/0",
     "can never fire", "day of month"),
    ("an expression that can never fire for some jobs", {"cron": ["0 0 31 H *"]},
     "/schedule/cron/0", "can never fire for some jobs", "day of month"),
    ("an interval of no length", {"everySeconds": 0}, "/schedule/everySeconds",
     "is too small", "1 or more"),
    ("a longer interval than a year", {"everySeconds": 31_622_401}, "/schedule/everySeconds",
     "is too large", "31622400 or less"),
    ("an anchor of nothing", {"cron": ["* * * * *"], "anchorTime": NOON}, "/schedule/anchorTime",
     "has nothing to count from it", "everySeconds"),
    ("an end before the start", {"cron": ["* * * * *"], "startTime": NOON,
     "endTime": "2026-03-01T11:59:59Z"}, "/schedule/endTime",
     "2026-03-01T11:59:59Z lies before startTime", f"after {NOON}"),
    ("a one-time run before the start", {"at": [NOON, "2026-03-02T00:00:00Z"],
     "startTime": "2026-03-01T12:00:01Z"}, "/schedule/at/0", "lies outside", "move it"),
    ("a one-time run after the end", {"at": ["2026-03-01T00:00:00Z", NOON],
     "endTime": "2026-03-01T11:59:59Z"}, "/schedule/at/1", "lies outside", "move it"),
    ("a window without a scheduled second", {"cron": ["0 12 * * *"],
     "startTime": "2026-03-01T12:00:01Z", "endTime": "2026-03-02T11:59:59Z"},
     "/schedule/endTime", "leaves no scheduled second", "widen"),
    ("an end before the first of its years", {"cron": ["0 0 0 1 1 ? 2030"], "endTime": NOON},
     "/schedule/endTime", "leaves no scheduled second", "widen"),
    ("a start after the last of its years", {"cron": ["0 0 0 1 1 ? 2020"], "startTime": NOON},
     "/schedule/startTime", "leaves no scheduled second", "other times"),
    ("a window before the anchor", {"everySeconds": 60, "anchorTime": "2026-03-02T00:00:00Z",
     "endTime": NOON}, "/schedule/endTime", "leaves no scheduled second", "widen"),
    ("a window in which the zone's clock skips the day", {"cron": ["0 12 30 12 *"],
     "timeZone": "Pacific/Apia", "startTime": "2011-12-30T10:00:01Z",
     "endTime": "2011-12-31T10:00:00Z"}, "/schedule/endTime", "leaves no scheduled second",
     "widen"),
    ("a calendar in capitals", {"everySeconds": 60, "excludeCalendars": ["Freeze"]},
     "/schedule/excludeCalendars/0", "has a wrong form", "must match"),
    ("too many calendars", {"everySeconds": 60, "excludeCalendars": ["a"] * 17},
     "/schedule/excludeCalendars", "has too many items", "at most 16"),
    ("a jitter of more than a day", {"everySeconds": 60, "jitterSeconds": 86_401},
     "/schedule/jitterSeconds", "is too large", "86400"),
    ("an unknown rule of daylight saving", {"everySeconds": 60,
     "daylightSaving": {"skipped": "Never"}}, "/schedule/daylightSaving/skipped",
     "is not one of the known values", "'RunAfterGap'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "pointer", "said", "remedy"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_a_schedule_that_cannot_be_is_refused_in_peoples_words(
    schedule: dict[str, Any], pointer: str, said: str, remedy: str
) -> None:
    (problem,) = problems_of(schedule)
    assert problem.pointer == pointer
    assert said in problem.message
    assert remedy in problem.remedy


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("an anchor of everySeconds", {"everySeconds": 60, "anchorTime": NOON}),
    ("an anchor of @every", {"cron": ["@every 60s"], "anchorTime": NOON}),
    ("a window of one second", {"cron": ["0 12 * * *"], "startTime": NOON, "endTime": NOON}),
    ("one-time runs at both ends", {"at": [NOON], "startTime": NOON, "endTime": NOON}),
    ("immediate, which no window bounds", {"immediate": True, "startTime": NOON, "endTime": NOON}),
    ("an interval in a short window, which counts from its start",
     {"everySeconds": 86_400, "startTime": NOON, "endTime": NOON}),
    ("a day that is skipped runs at its end", {"cron": ["0 12 30 12 *"],
     "timeZone": "Pacific/Apia", "startTime": "2011-12-30T10:00:00Z",
     "endTime": "2011-12-30T10:00:00Z"}),
    ("H in a short window, for the job's UID is not known yet",
     {"cron": ["H H * * *"], "startTime": NOON, "endTime": NOON}),
    ("Quartz by its dialect", {"cron": ["0 0 12 * * 7"], "cronDialect": "Quartz"}),
]  # fmt: skip


@pytest.mark.parametrize("schedule", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_a_schedule_that_can_be_is_taken(schedule: dict[str, Any]) -> None:
    assert parse_schedule(schedule).to_manifest().items() >= schedule.items()


def test_all_problems_are_told_at_once() -> None:
    problems = problems_of(
        {
            "cron": ["x", "* * * * *"],
            "timeZone": "Moon",
            "anchorTime": NOON,
            "startTime": NOON,
            "endTime": "2026-01-01T00:00:00Z",
        }
    )
    assert [problem.pointer.rpartition("/")[2] for problem in problems] == [
        "0",
        "timeZone",
        "anchorTime",
        "endTime",
    ]


def test_a_job_is_told_the_same_words_one_level_deeper() -> None:
    body = build_spec_body(cron="0 12 * * * 2026")
    with pytest.raises(InvalidInput) as caught:
        parse_job_spec(body)
    (problem,) = caught.value.problems
    (alone,) = problems_of({"cron": ["0 12 * * * 2026"]})
    assert problem.pointer == f"/spec{alone.pointer}"
    assert (problem.message, problem.remedy) == (alone.message, alone.remedy)
