"""What people are told about input that is refused: where, what, and the remedy."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from builders import NOON, build_spec, build_spec_body
from chronos_crds.execution import ExecutionSpec, Trigger
from chronos_crds.job import ChronosJobSpec
from chronos_crds.validation import (
    InvalidInput,
    Problem,
    check_name,
    check_times_ahead,
    parse_job_spec,
    parse_model,
)

DELETE = object()


def changed(path: str, value: object) -> dict[str, Any]:
    """A good spec with one value set, or left out by DELETE, at a dotted path."""
    body = deepcopy(build_spec_body(cron="* * * * *"))
    *parents, last = path.split(".")
    inner: Any = body
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner.pop(last, None)
    if value is not DELETE:
        inner[last] = value
    return body


def problems_of(data: object) -> list[Problem]:
    with pytest.raises(InvalidInput) as caught:
        parse_job_spec(data)
    return list(caught.value.problems)


# What is wrong, path, value, pointer (None: the path's own), said, remedy.
REFUSED: list[tuple[str, str, object, str | None, str, str]] = [
    ("no schedule", "schedule", DELETE, None, "is required", "add it"),
    ("no workload", "workload", DELETE, None, "is required", "add it"),
    ("no image", "workload.container", {}, "/workload/container/image", "is required", "add it"),
    ("an unknown field", "scheduel", {}, None, "is not a known field", "check its spelling"),
    ("an unknown field of the container", "workload.container.privileged", True, None,
     "is not a known field", "remove it"),
    ("a field in snake case", "schedule.time_zone_", "Etc/UTC", None,
     "is not a known field", "spelling"),
    ("a number for a word", "description", 5, None, "must be a string", "quotes"),
    ("a word for a number", "retry.maxAttempts", "3", None, "must be a whole number", "quotes"),
    ("a fraction for a whole number", "retry.maxAttempts", 1.5, None,
     "must be a whole number", "fraction"),
    ("true for a number", "retry.maxAttempts", True, None, "must be a whole number", "quotes"),
    ("a word for a fraction", "retry.factor", "2", None, "must be a number", "quotes"),
    ("true for a fraction", "retry.factor", True, None, "must be a number", "quotes"),
    ("no number", "retry.factor", float("nan"), None, "", ""),
    ("an endless number", "retry.factor", float("inf"), None, "is too large", "10"),
    ("a word for a truth", "suspend", "true", None, "must be true or false", "quotes"),
    ("a number for a truth", "suspend", 1, None, "must be true or false", "quotes"),
    ("null for a truth", "suspend", None, None, "must be true or false", ""),
    ("a word for a list", "schedule.cron", "* * * * *", None, "must be a list", "[ ]"),
    ("an object for a list", "schedule.cron", {}, None, "must be a list", "[ ]"),
    ("a word for an object", "schedule", "daily", None, "must be an object", "{ }"),
    ("a list for an object", "workload", [], None, "must be an object", "{ }"),
    ("a number in a list of words", "schedule.cron", [5], "/schedule/cron/0",
     "must be a string", "quotes"),
    ("a negative number", "retry.initialSeconds", -1, None, "is too small", "0 or more"),
    ("no attempt at all", "retry.maxAttempts", 0, None, "is too small", "1 or more"),
    ("too many attempts", "retry.maxAttempts", 101, None, "is too large", "100 or less"),
    ("a factor that shrinks", "retry.factor", 0.5, None, "is too small", "1.0 or more"),
    ("root", "workload.container.runAsUser", 0, None, "is too small", "1 or more"),
    ("an empty word", "workload.container.image", "", None, "must not be empty", "value"),
    ("an empty list", "schedule.cron", [], None, "must not be empty", "leave the field out"),
    ("a long word", "description", "x" * 1025, None, "is too long", "1024 characters"),
    ("a long expression", "schedule.cron", ["* " * 150], "/schedule/cron/0", "is too long", "256"),
    ("a long list", "schedule.cron", ["* * * * *"] * 33, None, "has too many items", "at most 32"),
    ("an image with a space", "workload.container.image", "busy box", None,
     "has a wrong form", "must match"),
    ("a quantity in words", "workload.container.resources", {"limits": {"memory": "a lot"}},
     "/workload/container/resources/limits/memory", "has a wrong form", "must match"),
    ("an unknown type of work", "workload.type", "vm", None,
     "is not one of the known values", "'container'"),
    ("a type without its part", "workload", {"type": "container"}, None,
     "has type container but no container", "add container.image"),
    ("a variable twice", "workload.container.env", [{"name": "A"}, {"name": "A"}],
     "/workload/container", "names a variable twice", "keep one"),
    ("a variable's name with a space", "workload.container.env", [{"name": "A B"}],
     "/workload/container/env/0/name", "has a wrong form", "must match"),
    ("a variable's value as a number", "workload.container.env", [{"name": "A", "value": 1}],
     "/workload/container/env/0/value", "must be a string", "quotes"),
    ("no time at all", "schedule", {}, None, "says no time",
     "give at least one of cron, everySeconds, at"),
    ("immediate: false alone", "schedule", {"immediate": False}, None, "says no time", "give"),
    ("a time without an offset", "schedule.at", ["2026-03-01T12:00:00"], "/schedule/at/0",
     "RFC 3339", "write it like 2026-"),
    ("a time in unix seconds", "schedule.at", [1772366400], "/schedule/at/0",
     "RFC 3339", "write it like 2026-"),
    ("a time in words", "schedule.at", ["noon"], "/schedule/at/0",
     "RFC 3339", "write it like 2026-"),
    ("a time with a fraction", "schedule.at", ["2026-03-01T12:00:00.5Z"], "/schedule",
     "must be whole seconds", "leave the fraction out"),
    ("a window that opens in the year 1", "schedule.startTime", "0001-01-01T00:00:00Z", None,
     "is out of reach", "from 1970 to 2099"),
    ("a pause for ever", "pausedUntil", "9999-12-31T23:59:59Z", None,
     "is out of reach", "from 1970 to 2099"),
    ("a limit where there is none", "concurrency", {"policy": "Allow", "limit": 2}, None,
     "gives a limit under policy Allow", "choose Forbid, Replace or Queue"),
    ("a bad expression", "schedule.cron", ["* * * * *", "61 * * * *"], "/schedule/cron/1",
     "'61' in the minute (at character 1 of '61 * * * *')", "0 to 59"),
    ("an impossible expression", "schedule.cron", ["0 0 31 2 *"], "/schedule/cron/0",
     "can never fire", "day of month"),
    ("an unknown zone", "schedule.timeZone", "Europe/Berln", None,
     "is not an IANA time zone", "did you mean Europe/Berlin?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "pointer", "said", "remedy"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_bad_input_is_refused_in_peoples_words(
    path: str, value: object, pointer: str | None, said: str, remedy: str
) -> None:
    (problem,) = problems_of(changed(path, value))
    assert problem.pointer == "/spec" + (pointer or "/" + path.replace(".", "/"))
    assert said in problem.message
    assert remedy in problem.remedy
    assert problem.message
    assert problem.remedy


def test_all_problems_are_told_at_once() -> None:
    body = changed("retry", {"maxAttempts": 0, "factor": 99})
    body |= {"descripton": "x", "workload": {"container": {"image": 5}}}
    assert {problem.pointer for problem in problems_of(body)} == {
        "/spec/retry/maxAttempts",
        "/spec/retry/factor",
        "/spec/descripton",
        "/spec/workload/container/image",
    }


def test_all_problems_of_a_schedule_are_told_at_once() -> None:
    body = changed("schedule", {"cron": ["99 * * * *", "* * * * *", "x"], "timeZone": "Moon"})
    assert [problem.pointer for problem in problems_of(body)] == [
        "/spec/schedule/cron/0",
        "/spec/schedule/cron/2",
        "/spec/schedule/timeZone",
    ]


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_what_is_no_object_is_told_so(data: object) -> None:
    (problem,) = problems_of(data)
    assert problem.pointer == "/spec"
    assert problem.message == "must be an object"


def test_the_pointer_escapes_what_rfc_6901_says() -> None:
    (problem,) = problems_of(changed("a/b~c", 1))
    assert problem.pointer == "/spec/a~1b~0c"


def test_the_pointer_begins_where_the_caller_says() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_model(ChronosJobSpec, {}, at="")
    assert [problem.pointer for problem in caught.value.problems] == ["/schedule", "/workload"]
    with pytest.raises(InvalidInput) as caught:
        parse_job_spec({}, at="")
    assert [problem.pointer for problem in caught.value.problems] == ["/schedule", "/workload"]


def test_a_problem_reads_as_one_sentence() -> None:
    (problem,) = problems_of(changed("retry.maxAttempts", 0))
    assert str(problem) == "spec.retry.maxAttempts: is too small; give 1 or more"
    assert str(Problem("", "must be an object", "put it in { }")).startswith("the object: ")


def test_several_problems_read_as_one_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_model(ChronosJobSpec, {})
    assert str(caught.value) == "schedule: is required; add it; workload: is required; add it"


def test_both_ways_of_writing_a_field_are_one_field() -> None:
    # The API server only knows camel case; Python code may write the other.
    spec = ChronosJobSpec.model_validate(changed("retry.max_attempts", 4))
    assert spec.retry.max_attempts == 4
    assert spec.to_manifest()["retry"]["maxAttempts"] == 4


def test_an_execution_is_read_by_the_same_words() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_model(
            ExecutionSpec,
            {"jobRef": {}, "trigger": "Never", "scheduledTime": "soon", "concurrency": 1},
            at="/spec",
        )
    assert {problem.pointer for problem in caught.value.problems} == {
        "/spec/jobRef/name",
        "/spec/scheduledTime",
        "/spec/trigger",
        "/spec/concurrency",
    }


def test_the_name_of_its_job_is_all_that_an_execution_needs() -> None:
    spec = parse_model(ExecutionSpec, {"jobRef": {"name": "x"}}, at="/spec")
    assert spec.trigger is Trigger.MANUAL
    assert not spec.is_complete


def test_a_whole_number_is_good_for_a_fraction() -> None:
    spec = parse_job_spec(changed("retry.factor", 2))
    assert spec.retry.factor == 2.0


NAMES = [
    ("a word", "hello", True),
    ("one letter", "a", True),
    ("one digit", "7", True),
    ("dashes inside", "a--b-c", True),
    ("46 characters", "a" * 46, True),
    ("47 characters", "a" * 47, False),
    ("60 characters", "a" * 60, False),
    ("nothing", "", False),
    ("capitals", "Hello", False),
    ("a dash in front", "-a", False),
    ("a dash at the end", "a-", False),
    ("a dot", "a.b", False),
    ("an underscore", "a_b", False),
    ("a slash", "a/b", False),
    ("a space", "a b", False),
    ("a line's end behind it", "a\n", False),
    ("a letter with an umlaut", "ä", False),
    ("a digit of another script", "a٣", False),
]


@pytest.mark.parametrize(
    ("name", "good"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES]
)
def test_a_jobs_name(name: str, good: bool) -> None:
    if good:
        check_name(name)
        return
    with pytest.raises(InvalidInput) as caught:
        check_name(name)
    (problem,) = caught.value.problems
    assert problem.pointer == "/name"
    assert "46 lower-case letters" in problem.remedy
    assert len(str(problem)) < 400


def test_a_very_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_name("x" * 100_000)
    assert len(str(caught.value)) < 400
    assert "100000 characters" in str(caught.value)


def test_times_in_the_past_are_told_each() -> None:
    schedule = build_spec(
        at=["2026-03-01T11:59:59Z", "2026-03-01T12:00:01Z", "2025-03-01T13:00:00+01:00"]
    ).schedule
    with pytest.raises(InvalidInput) as caught:
        check_times_ahead(schedule, now=NOON, at="/schedule")
    assert [problem.pointer for problem in caught.value.problems] == [
        "/schedule/at/0",
        "/schedule/at/2",
    ]
    assert caught.value.problems[1].message == "2025-03-01T12:00:00Z is in the past"
    assert "2026-03-01T12:00:00Z" in caught.value.problems[0].remedy


def test_a_time_in_the_past_that_was_there_before_may_stay() -> None:
    schedule = build_spec(at=["2026-03-01T11:00:00Z", "2026-03-01T13:00:00Z"]).schedule
    check_times_ahead(schedule, now=NOON, known=(schedule.at or ())[:1])


@pytest.mark.parametrize("fields", [{"immediate": True}, {"cron": "* * * * *"}])
def test_other_schedules_have_no_times_to_check(fields: dict[str, Any]) -> None:
    check_times_ahead(build_spec(**fields).schedule, now=NOON)
