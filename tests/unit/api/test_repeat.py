"""Plain words and the cron they are stored as."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from chronos_api.schemas.repeat import translate_schedule
from chronos_clients.resources import JOBS
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import build_timetable
from chronos_crds.validation import InvalidInput, parse_model

from .conftest import World, job_body, problem_of

START = datetime(2026, 3, 28, tzinfo=UTC)


def words(repeat: str, **more: Any) -> dict[str, Any]:
    return {"repeat": repeat, **more}


@pytest.mark.parametrize(
    ("given", "cron", "first"),
    [
        pytest.param(words("hourly"), ["0 * * * *"], "03-28 01:00", id="hourly, at the hour"),
        pytest.param(words("hourly", at=15), ["15 * * * *"], "03-28 00:15", id="a minute"),
        pytest.param(words("hourly", at=":05"), ["5 * * * *"], "03-28 00:05", id=":05"),
        pytest.param(
            words("hourly", at=":05:30"), ["30 5 * * * *"], "03-28 00:05:30", id="with seconds"
        ),
        pytest.param(words("daily", at="00:00"), ["0 0 * * *"], "03-29 00:00", id="midnight"),
        pytest.param(words("daily", at="09:30"), ["30 9 * * *"], "03-28 09:30", id="daily"),
        pytest.param(
            words("daily", at="09:30:15"), ["15 30 9 * * *"], "03-28 09:30:15", id="to the second"
        ),
        pytest.param(
            words("daily", at="09:30:00"), ["30 9 * * *"], "03-28 09:30", id="no second to speak of"
        ),
        pytest.param(
            words("weekly", on=["MON"], at="09:30"), ["30 9 * * MON"], "03-30 09:30", id="weekly"
        ),
        pytest.param(
            words("weekly", on=["sunday", "Fri", "FRI"], at="23:59"),
            ["59 23 * * FRI,SUN"],
            "03-29 23:59",
            id="days in any spelling and order",
        ),
        pytest.param(
            words("monthly", on=[15, 1], at="06:00"), ["0 6 1,15 * *"], "04-01 06:00", id="monthly"
        ),
        pytest.param(
            words("monthly", on=["last"], at="06:00"),
            ["0 6 L * *"],
            "03-31 06:00",
            id="the last day of the month",
        ),
        pytest.param(
            words("monthly", on=[10, "last"], at="06:00"),
            ["0 6 10,L * *"],
            "03-31 06:00",
            id="a day and the last",
        ),
        pytest.param(
            words("monthly", on=[31], at="06:00"),
            ["0 6 31 * *"],
            "03-31 06:00",
            id="a day that not each month has",
        ),
        pytest.param(
            words("yearly", on=["12-24"], at="18:00"), ["0 18 24 12 *"], "12-24 18:00", id="yearly"
        ),
        pytest.param(
            words("yearly", on=["12-31", "04-02", "12-24"], at="18:00"),
            ["0 18 2 4 *", "0 18 24,31 12 *"],
            "04-02 18:00",
            id="days of several months",
        ),
        pytest.param(
            words("yearly", on=["02-29"], at="01:00"),
            ["0 1 29 2 *"],
            "2028-02-29 01:00",
            id="a leap day",
        ),
    ],
)
def test_words_become_cron_that_fires_then(
    given: dict[str, Any], cron: list[str], first: str
) -> None:
    translated = translate_schedule(given)
    assert translated == {"cron": cron}
    timetable = build_timetable(parse_model(Schedule, translated), created_at=START)
    text = first if first.startswith("20") else f"2026-{first}"
    assert timetable.next_after(START) == datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        pytest.param(words("fortnightly", at="09:30"), ["repeat"], id="an unknown word"),
        pytest.param(words("Daily", at="09:30"), ["repeat"], id="a word in capitals"),
        pytest.param({"repeat": 7}, ["repeat"], id="a number as a word"),
        pytest.param({"repeat": ["daily"]}, ["repeat"], id="a list as a word"),
        pytest.param(words("daily"), ["at"], id="daily without a time"),
        pytest.param(words("daily", at=None), ["at"], id="null as a time"),
        pytest.param(words("daily", at="9:30"), ["at"], id="a time with one digit"),
        pytest.param(words("daily", at="24:00"), ["at"], id="a time that is none"),
        pytest.param(words("daily", at="09:30\n"), ["at"], id="a time with a newline"),
        pytest.param(words("daily", at="٠٩:٣٠"), ["at"], id="digits of another script"),
        pytest.param(words("daily", at=930), ["at"], id="a number as a time"),
        pytest.param(words("daily", at=["09:30"]), ["at"], id="a list of times"),
        pytest.param(
            words("daily", at="2026-03-28T09:30:00Z"), ["at"], id="a moment as a time of day"
        ),
        pytest.param(words("daily", on=["MON"], at="09:30"), ["on"], id="daily on a day"),
        pytest.param(words("hourly", at="09:30"), ["at"], id="hourly at a time of day"),
        pytest.param(words("hourly", at=60), ["at"], id="minute 60"),
        pytest.param(words("hourly", at=True), ["at"], id="a truth value as a minute"),
        pytest.param(words("hourly", on=["MON"]), ["on"], id="hourly on a day"),
        pytest.param(words("weekly", at="09:30"), ["on"], id="weekly on no day"),
        pytest.param(words("weekly", on=[], at="09:30"), ["on"], id="weekly on an empty list"),
        pytest.param(words("weekly", on="MON", at="09:30"), ["on"], id="a day that is no list"),
        pytest.param(
            words("weekly", on=["MON", "MOON", 3], at="09:30"), ["on/1", "on/2"], id="no weekdays"
        ),
        pytest.param(
            words("monthly", on=[0, 32, True, "15", "LAST", 15], at="09:30"),
            ["on/0", "on/1", "on/2", "on/3", "on/4"],
            id="no days of a month",
        ),
        pytest.param(
            words("yearly", on=["02-30", "12-24", "13-01", "2026-12-24", 5], at="09:30"),
            ["on/0", "on/2", "on/3", "on/4"],
            id="no days of a year",
        ),
        pytest.param(
            words("weekly", on=["MON"], at="09:30", cron=["* * * * *"], everySeconds=5),
            ["cron", "everySeconds"],
            id="another schedule beside the words",
        ),
        pytest.param(words("weekly", on=["NO"], at="x"), ["at", "on/0"], id="two mistakes"),
        pytest.param(words("monthly", on=[1] * 367, at="09:30"), ["on"], id="too many days"),
    ],
)
def test_words_that_do_not_fit_are_named(given: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        translate_schedule(given)
    problems = caught.value.problems
    assert [problem.pointer for problem in problems] == [f"/schedule/{it}" for it in pointers]
    assert all(problem.message and problem.remedy for problem in problems)


@pytest.mark.parametrize(
    "given", [None, 5, "daily", ["repeat"], {"cron": ["* * * * *"]}, {"at": ["x"]}, {}]
)
def test_what_holds_no_words_stays_as_it_is(given: object) -> None:
    assert translate_schedule(given) == given


async def test_words_are_stored_as_cron_with_what_stands_beside_them(
    world: World, api: httpx.AsyncClient
) -> None:
    await api.post("/api/v1/calendars", json={"name": "holidays", "dates": ["12-25"]})
    beside = {"timeZone": "Europe/Berlin", "maxRuns": 3, "excludeCalendars": ["holidays"]}
    schedule = words("weekly", on=["MON"], at="09:30", **beside)
    answer = await api.post("/api/v1/jobs", json=job_body(schedule=schedule))
    assert answer.status_code == 201, answer.text
    (stored,) = world.kubernetes.objects(JOBS, "default")
    kept = stored["spec"]["schedule"]
    assert kept["cron"] == ["30 9 * * MON"]
    assert {key: kept[key] for key in beside} == beside
    assert kept.keys().isdisjoint({"repeat", "on", "at"})
    # What was answered may be handed in again.
    put = await api.put("/api/v1/jobs/hello", json=job_body(schedule=answer.json()["schedule"]))
    assert put.status_code == 200, put.text


async def test_a_mistake_in_the_words_hides_no_other(api: httpx.AsyncClient) -> None:
    body = job_body("Capital", schedule=words("daily", at="25:00"), colour="red")
    errors = problem_of(await api.post("/api/v1/jobs", json=body), 422, "invalid")["errors"]
    assert {it["pointer"] for it in errors} == {"/name", "/schedule/at", "/colour"}


async def test_what_stands_beside_the_words_is_checked(api: httpx.AsyncClient) -> None:
    body = job_body(schedule=words("daily", at="09:30", timeZone="Europe/Berln"))
    (error,) = problem_of(await api.post("/api/v1/jobs", json=body), 422, "invalid")["errors"]
    assert error["pointer"] == "/schedule/timeZone"
    assert "Europe/Berlin" in error["remedy"]
