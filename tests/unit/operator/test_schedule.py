"""Which scheduled seconds are opened, skipped or missed: nothing early, double or silent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NOON, build_spec, utc
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_operator.decide.schedule import (
    PASS_SECONDS,
    PASS_STARTS,
    STARTING_DEADLINE,
    NeverDue,
    SchedulePlan,
    decide_schedule,
    schedule_digest,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def plan_of(
    spec: ChronosJobSpec,
    *,
    now: datetime,
    cursor: datetime | None = None,
    state: JobState | None = None,
    recorded: Iterable[datetime] = (),
    created: datetime = NOON,
    edited_from: ChronosJobSpec | None = None,
) -> SchedulePlan:
    """The plan for a job created at noon; ``cursor`` is up to where it is accounted for."""
    known = set(recorded)
    if state is None and cursor is not None:
        state = JobState.SCHEDULED
    status = ChronosJobStatus(
        cursor_at=cursor,
        state=state,
        schedule_digest=schedule_digest((edited_from or spec).schedule) if cursor else None,
    )
    return decide_schedule(
        spec, status, created_at=created, is_recorded=known.__contains__, now=now
    )


def minutes(*numbers: int) -> tuple[datetime, ...]:
    return tuple(NOON + number * MINUTE for number in numbers)


EACH_MINUTE = build_spec(cron="* * * * *")
EACH_SECOND = build_spec(cron="* * * * * *")

# Each row: what was, the plan's arguments, to_open, recorded, cursor, next (minutes after noon).
MINUTES: list[tuple[str, dict[str, Any], list[int], list[int], int, int]] = [
    ("just created: the first minute is waited for", {"now": 0.5}, [], [], 0, 1),
    ("never ran, due now", {"now": 1}, [1], [], 0, 2),
    ("never ran, due a moment ago", {"now": 1.001}, [1], [], 0, 2),
    ("a moment before it is due nothing is opened", {"now": 0.9999}, [], [], 0, 1),
    ("never ran, three are due, oldest first", {"now": 3.5}, [1, 2, 3], [], 0, 4),
    ("what is recorded is passed over", {"now": 1, "recorded": [1]}, [], [1], 1, 2),
    ("ran before, due now", {"now": 2, "cursor": 1}, [2], [], 1, 3),
    ("ran before, nothing due", {"now": 2.5, "cursor": 2}, [], [], 2, 3),
    ("recorded by a process that died before the cursor moved",
     {"now": 3, "cursor": 1, "recorded": [2, 3]}, [], [2, 3], 3, 4),
    ("recorded out of order: the cursor stops before the gap",
     {"now": 3, "cursor": 0, "recorded": [1, 3]}, [2], [1], 1, 4),
    ("recorded only later: nothing before it is passed",
     {"now": 3, "cursor": 0, "recorded": [3]}, [1, 2], [], 0, 4),
    ("the clock has gone back", {"now": 3, "cursor": 5}, [], [], 5, 4),
    ("the clock has gone back before the creation", {"now": -9, "cursor": 5}, [], [], 5, 1),
    ("the clock has come forward again", {"now": 6, "cursor": 5}, [6], [], 5, 7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "to_open", "recorded", "cursor", "next_at"),
    [row[1:] for row in MINUTES],
    ids=[row[0] for row in MINUTES],
)
def test_a_job_of_each_minute(
    given: dict[str, Any], to_open: list[int], recorded: list[int], cursor: int, next_at: int
) -> None:
    plan = plan_of(
        EACH_MINUTE,
        now=NOON + given["now"] * MINUTE,
        cursor=NOON + given["cursor"] * MINUTE if "cursor" in given else None,
        recorded=minutes(*given.get("recorded", ())),
        created=NOON,
    )
    # Before the first second is recorded the cursor stands just before the creation.
    wanted = NOON + cursor * MINUTE if cursor or "cursor" in given else NOON - SECOND
    assert plan.to_open == minutes(*to_open)
    assert plan.recorded == minutes(*recorded)
    assert plan.cursor == wanted
    assert plan.next_at == NOON + next_at * MINUTE
    assert (plan.skipped, plan.missed) == (0, 0)
    assert plan.more is bool(to_open)


def test_exactly_an_hour_late_is_made_up_and_a_second_more_is_missed() -> None:
    now = NOON + 61 * MINUTE
    plan = plan_of(EACH_MINUTE, now=now, cursor=NOON)
    assert plan.missed == 0
    assert plan.to_open[0] == now - STARTING_DEADLINE
    plan = plan_of(EACH_MINUTE, now=now + SECOND, cursor=NOON)
    assert plan.missed == 1
    assert (plan.missed_from, plan.missed_until) == (NOON + MINUTE, NOON + MINUTE)
    assert plan.cursor == NOON + MINUTE
    assert plan.to_open[0] == NOON + 2 * MINUTE


def test_a_long_outage_is_missed_with_its_bounds_and_the_last_hour_made_up() -> None:
    # 5 hours away: 240 minutes are older than an hour, 60 are not.
    plan = plan_of(EACH_MINUTE, now=NOON + 5 * HOUR + SECOND, cursor=NOON)
    assert plan.missed == 240
    assert (plan.missed_from, plan.missed_until) == (NOON + MINUTE, NOON + 4 * HOUR)
    assert plan.cursor == NOON + 4 * HOUR
    assert plan.to_open == tuple(NOON + 4 * HOUR + n * MINUTE for n in range(1, PASS_STARTS + 1))
    assert plan.more


def test_a_missed_second_that_was_started_in_time_is_not_missed() -> None:
    plan = plan_of(EACH_MINUTE, now=NOON + 3 * HOUR, cursor=NOON, recorded=minutes(1, 2))
    assert plan.recorded == minutes(1, 2)
    assert plan.missed_from == NOON + 3 * MINUTE


def test_one_pass_opens_a_bounded_number() -> None:
    plan = plan_of(EACH_SECOND, now=NOON + 100 * SECOND, cursor=NOON)
    assert plan.to_open == tuple(NOON + n * SECOND for n in range(1, PASS_STARTS + 1))
    assert plan.cursor == NOON
    assert plan.more


def test_one_pass_looks_at_a_bounded_number() -> None:
    plan = plan_of(EACH_SECOND, now=NOON + 100 * HOUR, cursor=NOON)
    assert plan.missed == PASS_SECONDS
    assert plan.cursor == NOON + PASS_SECONDS * SECOND
    assert plan.to_open == ()
    assert plan.more


def run_passes(spec: ChronosJobSpec, *, now: datetime, cursor: datetime) -> dict[datetime, str]:
    """Pass after pass as the reconciler makes them; what became of each second."""
    fates: dict[datetime, str] = {}
    for _ in range(500):
        plan = plan_of(
            spec, now=now, cursor=cursor, recorded=[t for t, f in fates.items() if f == "opened"]
        )
        assert plan.cursor >= cursor
        if plan.missed_from is not None and plan.missed_until is not None:
            count = (plan.missed_until - plan.missed_from) // SECOND + 1
            assert count == plan.missed
            fates |= {plan.missed_from + n * SECOND: "missed" for n in range(count)}
        assert not set(plan.to_open) & set(fates), "a second is opened once"
        fates |= dict.fromkeys(plan.to_open, "opened")
        cursor = plan.cursor
        if not plan.more:
            assert plan.cursor == max(fates)
            return fates
    raise AssertionError("the passes never come to an end")


def test_passes_come_to_an_end_with_each_second_accounted_for() -> None:
    now = NOON + 2 * HOUR
    fates = run_passes(EACH_SECOND, now=now, cursor=NOON)
    assert sorted(fates) == [NOON + n * SECOND for n in range(1, 7201)]
    assert sum(fate == "missed" for fate in fates.values()) == 3599
    assert fates[now - HOUR] == "opened"
    assert fates[now - HOUR - SECOND] == "missed"


def test_a_suspended_job_does_nothing_and_costs_no_write() -> None:
    spec = build_spec(cron="* * * * *", suspend=True)
    plan = plan_of(spec, now=NOON + 5 * HOUR, cursor=NOON, state=JobState.PAUSED)
    assert plan == SchedulePlan((), (), NOON, 0, 0, None, None, None, more=False)


def test_a_job_suspended_while_something_was_due_starts_it_no_more() -> None:
    spec = build_spec(cron="* * * * *", suspend=True)
    plan = plan_of(spec, now=NOON + 3 * MINUTE, cursor=NOON, state=JobState.RUNNING)
    assert plan.to_open == ()
    assert plan.cursor == NOON


@pytest.mark.parametrize("state", [JobState.PAUSED, JobState.INVALID])
def test_what_passed_while_it_was_off_is_skipped_when_it_comes_back(state: JobState) -> None:
    plan = plan_of(EACH_MINUTE, now=NOON + 3 * MINUTE, cursor=NOON, state=state)
    assert plan.skipped == 3
    assert plan.to_open == ()
    assert plan.cursor == NOON + 3 * MINUTE
    assert plan.next_at == NOON + 4 * MINUTE
    assert not plan.more


def test_a_long_pause_is_counted_in_several_passes() -> None:
    now = NOON + timedelta(seconds=PASS_SECONDS + 500)
    plan = plan_of(EACH_SECOND, now=now, cursor=NOON, state=JobState.PAUSED)
    assert (plan.skipped, plan.more) == (PASS_SECONDS, True)
    plan = plan_of(EACH_SECOND, now=now, cursor=plan.cursor, state=JobState.PAUSED)
    assert (plan.skipped, plan.more) == (500, False)
    assert plan.cursor == now


def test_a_job_that_was_never_valid_skips_from_its_creation_on() -> None:
    plan = plan_of(EACH_MINUTE, now=NOON + 3 * MINUTE, state=JobState.INVALID)
    assert plan.skipped == 3
    assert plan.to_open == ()


def test_an_edit_counts_from_now() -> None:
    new = build_spec(cron="*/2 * * * *")
    plan = plan_of(new, now=NOON + 9.5 * MINUTE, cursor=NOON + 9 * MINUTE, edited_from=EACH_MINUTE)
    assert plan.to_open == ()
    assert plan.cursor == NOON + 9.5 * MINUTE
    assert plan.next_at == NOON + 10 * MINUTE


def test_an_edit_never_fires_the_second_in_which_it_is_seen() -> None:
    plan = plan_of(
        build_spec(cron="* * * * * *"),
        now=NOON + 9 * MINUTE + 0.3 * SECOND,
        cursor=NOON + 8 * MINUTE,
        edited_from=EACH_MINUTE,
    )
    assert plan.to_open == ()
    assert plan.cursor == NOON + 9 * MINUTE
    assert plan.next_at == NOON + 9 * MINUTE + SECOND


def test_an_edit_while_the_clock_is_back_does_not_move_the_cursor_back() -> None:
    plan = plan_of(
        build_spec(cron="*/2 * * * *"),
        now=NOON,
        cursor=NOON + 9 * MINUTE,
        edited_from=EACH_MINUTE,
    )
    assert plan.cursor == NOON + 9 * MINUTE


def test_another_text_of_the_same_fields_is_no_edit() -> None:
    # Only a change of what the schedule says is one: a default written out is not.
    explicit = build_spec(cron="* * * * *", zone="Etc/UTC", immediate=False)
    assert schedule_digest(explicit.schedule) == schedule_digest(EACH_MINUTE.schedule)
    assert schedule_digest(EACH_SECOND.schedule) != schedule_digest(EACH_MINUTE.schedule)


def test_immediate_is_due_at_once_and_then_never_again() -> None:
    spec = build_spec(immediate=True)
    plan = plan_of(spec, now=NOON + 0.2 * SECOND)
    assert plan.to_open == (NOON,)
    assert plan.next_at is None
    plan = plan_of(spec, now=NOON + 0.2 * SECOND, recorded=[NOON])
    assert plan.recorded == (NOON,)
    assert plan.cursor == NOON
    assert not plan.more
    plan = plan_of(spec, now=NOON + HOUR, cursor=NOON)
    assert (plan.to_open, plan.recorded, plan.missed) == ((), (), 0)


def test_immediate_seen_more_than_an_hour_late_is_missed_and_said_so() -> None:
    plan = plan_of(build_spec(immediate=True), now=NOON + HOUR + SECOND)
    assert (plan.missed, plan.missed_from) == (1, NOON)
    assert plan.cursor == NOON


def test_one_time_runs_are_opened_each_at_its_second() -> None:
    spec = build_spec(at=["2026-03-01T12:00:00Z", "2026-03-01T12:00:07Z"])
    assert plan_of(spec, now=NOON).to_open == (NOON,)
    plan = plan_of(spec, now=NOON + 6 * SECOND, cursor=NOON)
    assert (plan.to_open, plan.next_at) == ((), NOON + 7 * SECOND)
    plan = plan_of(spec, now=NOON + 7 * SECOND, cursor=NOON)
    assert (plan.to_open, plan.next_at) == ((NOON + 7 * SECOND,), None)


def test_a_new_job_whose_times_are_all_past_is_told_so() -> None:
    with pytest.raises(NeverDue, match="names no time at or after the job's creation"):
        plan_of(build_spec(at=["2026-03-01T11:59:59Z"]), now=NOON)


def test_a_job_that_ran_and_has_no_time_left_is_not_told_so() -> None:
    plan = plan_of(build_spec(at=["2026-03-01T12:00:00Z"]), now=NOON + HOUR, cursor=NOON)
    assert (plan.to_open, plan.next_at, plan.more) == ((), None, False)


def test_cron_years_that_are_over_before_the_creation_are_told_so() -> None:
    with pytest.raises(NeverDue):
        plan_of(build_spec(cron="0 0 0 1 1 ? 2025"), now=NOON)


@pytest.mark.parametrize("micros", [0, 1, 499_999, 999_999])
def test_nothing_is_opened_before_its_second_whatever_the_fraction(micros: int) -> None:
    now = NOON + 5 * SECOND + timedelta(microseconds=micros)
    plan = plan_of(EACH_SECOND, now=now, cursor=NOON)
    assert max(plan.to_open) == NOON + 5 * SECOND <= now
    assert plan.next_at is not None
    assert plan.next_at > now


def test_a_gap_in_the_local_day_is_opened_once_at_its_end() -> None:
    spec = build_spec(cron="30 2 * * *", zone="Europe/Berlin")
    end = utc("2026-03-29 01:00:00")
    cursor = utc("2026-03-28 01:30:00")
    assert plan_of(spec, now=end - SECOND, cursor=cursor).to_open == ()
    assert plan_of(spec, now=end, cursor=cursor).to_open == (end,)
    assert plan_of(spec, now=end + HOUR, cursor=end).to_open == ()
