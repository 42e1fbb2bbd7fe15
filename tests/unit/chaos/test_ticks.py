"""The audit's own reading of schedules, checked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chaos.fleet import Span, build_fleet
from chaos.ticks import list_ticks

Json = dict[str, Any]

CREATED = datetime(2026, 3, 2, 10, 0, 3, tzinfo=UTC)


def seconds(schedule: Json, *, within: int = 60) -> list[int]:
    """The ticks of the first minute, counted from 10:00:00."""
    ticks = list_ticks(
        {"schedule": schedule}, created_at=CREATED, until=CREATED + timedelta(seconds=within)
    )
    begin = CREATED.replace(second=0)
    return [int((tick - begin).total_seconds()) for tick in ticks]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param({"everySeconds": 20}, [23, 43, 63], id="an interval from the creation"),
        pytest.param(
            {"everySeconds": 20, "anchorTime": "2026-01-01T00:00:00Z"},
            [20, 40, 60],
            id="an interval from an anchor",
        ),
        pytest.param({"cron": ["@every 25s"]}, [28, 53], id="@every"),
        pytest.param({"cron": ["*/20 * * * * *"]}, [20, 40, 60], id="steps of seconds"),
        pytest.param({"cron": ["5,45 * * * * *"]}, [5, 45], id="a list of seconds"),
        pytest.param({"cron": ["* * * * *"]}, [60], id="five fields"),
        pytest.param({"immediate": True, "everySeconds": 40}, [3, 43], id="immediate"),
        pytest.param(
            {"everySeconds": 20, "startTime": "2026-03-02T10:00:30Z"}, [30, 50], id="startTime"
        ),
        pytest.param(
            {"everySeconds": 20, "endTime": "2026-03-02T10:00:43Z"}, [23, 43], id="endTime"
        ),
        pytest.param({"at": ["2026-03-02T10:00:07Z"]}, [7], id="a time"),
    ],
)
def test_seconds_of_a_schedule(schedule: Json, expected: list[int]) -> None:
    assert seconds(schedule) == expected


def test_minutes_are_those_of_the_zone() -> None:
    # 10:00 UTC is 15:30 in Kolkata; the job is stored three seconds too late for it.
    half_past = {"cron": ["0 30 * * * *"], "timeZone": "Asia/Kolkata"}
    assert seconds(half_past, within=7200) == [3600, 7200]


def test_what_it_does_not_know_it_says() -> None:
    with pytest.raises(ValueError, match="does not know"):
        seconds({"cron": ["0 30 2 * * MON"]})


def test_the_fleet_is_thirty_jobs_that_it_can_read_and_that_start_about_once_a_second() -> None:
    span = Span(CREATED, CREATED + timedelta(minutes=10))
    jobs = [it for it in build_fleet(span, image="busybox") if it["kind"] == "ChronosJob"]
    assert len(jobs) == 30
    assert len({it["metadata"]["name"] for it in jobs}) == 30
    ticks = [len(list_ticks(it["spec"], created_at=CREATED, until=span.ends_at)) for it in jobs]
    assert all(ticks)
    assert 600 <= sum(ticks) <= 1500
