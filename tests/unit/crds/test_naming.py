"""Names fit where Kubernetes puts them, and no two things share one."""

from __future__ import annotations

import re

import pytest

from builders import NOON, utc
from chronos_crds.cron import LAST_YEAR
from chronos_crds.naming import (
    EXECUTION_NAME_MAX_LENGTH,
    JOB_NAME_MAX_LENGTH,
    attempt_name,
    execution_name,
    is_job_name,
    is_scheduled_name,
    log_key,
    manual_prefix,
)

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LONGEST_JOB = "j" * JOB_NAME_MAX_LENGTH
MOST_ATTEMPTS = 100

LATEST = [
    ("the last second that cron knows", f"{LAST_YEAR}-12-31 23:59:59"),
    ("the last second that a one-time run can name", "9999-12-31 23:59:59"),
    ("the first second of all", "1970-01-01 00:00:00"),
]


@pytest.mark.parametrize("scheduled", [row[1] for row in LATEST], ids=[row[0] for row in LATEST])
def test_the_longest_names_fit_in_a_label(scheduled: str) -> None:
    execution = execution_name(LONGEST_JOB, utc(scheduled))
    for name in (execution, attempt_name(execution, 1), attempt_name(execution, MOST_ATTEMPTS)):
        assert len(name) <= 63
        assert LABEL.fullmatch(name)


def test_an_execution_is_named_by_its_second() -> None:
    assert execution_name("hello", NOON) == "hello-1772366400"
    assert execution_name("hello", NOON.replace(microsecond=999_999)) == "hello-1772366400"
    assert execution_name("hello", utc("2026-03-01 13:00:00+01:00")) == "hello-1772366400"


def test_an_attempt_is_named_by_its_number() -> None:
    assert attempt_name("hello-1772366400", 3) == "hello-1772366400-3"


def test_a_job_named_like_anothers_execution_is_still_told_apart_by_length_of_time() -> None:
    # The job "a-1772366400" and the execution of "a" at that second are of different kinds; their
    # children's names differ by a second number of seconds.
    child = execution_name("a-1772366400", NOON)
    assert child == "a-1772366400-1772366400"
    assert child != attempt_name(execution_name("a", NOON), 1)


def test_a_log_lies_under_its_tenant_and_the_jobs_uid() -> None:
    key = log_key(prefix="p/", tenant="team", job_uid="u", execution="hello-1", attempt=2)
    assert key == "p/team/u/hello-1/2.log"


def test_logs_of_two_jobs_of_one_name_lie_apart() -> None:
    fields = {"prefix": "", "tenant": "team", "execution": "hello-1", "attempt": 1}
    assert log_key(job_uid="a", **fields) != log_key(job_uid="b", **fields)


@pytest.mark.parametrize("name", ["a", "a1", "1a", "a-b", LONGEST_JOB])
def test_good_job_names(name: str) -> None:
    assert is_job_name(name)


@pytest.mark.parametrize("name", ["", "A", "a-", "-a", "a.b", "a\n", LONGEST_JOB + "j"])
def test_bad_job_names(name: str) -> None:
    assert not is_job_name(name)


def test_the_longest_name_by_hand_fits_in_a_label() -> None:
    # The API server adds five characters.
    name = manual_prefix(LONGEST_JOB) + "abcde"
    assert len(name) == EXECUTION_NAME_MAX_LENGTH
    assert len(attempt_name(name, MOST_ATTEMPTS)) == 63


SCHEDULED = [
    ("an execution of our time", "hello-1772366400", True),
    ("one long ago", execution_name("hello", utc("1974-01-01 00:00:00")), True),
    ("the last that a one-time run can name", execution_name("hello", utc("9999-12-31")), True),
    ("one by hand", "hello-manual-abcde", False),
    ("one by hand whose five characters are digits", "hello-manual-12345", False),
    ("a name of one's own", "hello", False),
    ("an attempt of one", "hello-1772366400-1", False),
    ("digits without a dash", "hello1772366400", False),
]


@pytest.mark.parametrize(
    ("name", "is_scheduled"),
    [row[1:] for row in SCHEDULED],
    ids=[row[0] for row in SCHEDULED],
)
def test_which_names_belong_to_the_schedule(name: str, is_scheduled: bool) -> None:
    assert is_scheduled_name(name) is is_scheduled
