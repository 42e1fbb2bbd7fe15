"""Long stretches of one fate: counted at once they come out as they do one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NOON, build_spec
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_operator.decide.concurrency import Places
from chronos_operator.decide.ledger import append_lines, build_line
from chronos_operator.decide.schedule import JobFacts, SchedulePlan, decide_schedule
from chronos_operator.decide.stretch import MOST_SECONDS

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
# More than a stretch is worth, less than what takes a second to test one by one.
NOW = NOON + 2 * HOUR


def build_job(**fields: Any) -> ChronosJobSpec:
    manifest = {**build_spec().to_manifest(), "schedule": {"everySeconds": 1}, **fields}
    return ChronosJobSpec.model_validate(manifest)


def play(
    spec: ChronosJobSpec,
    state: JobState,
    touched: Callable[[], Iterable[datetime]],
    known: Callable[[datetime], LedgerLine | None] = lambda _: None,
) -> tuple[list[LedgerLine], list[datetime], int]:
    """All lines until something is to be opened, the seconds opened then, and the passes."""
    status = ChronosJobStatus(state=state, cursor_at=NOON, observed_schedule=spec.schedule)
    lines: tuple[LedgerLine, ...] = ()
    for passes in range(1, 1000):
        facts = JobFacts(
            name="hello",
            uid="7e8f",
            created_at=NOON - HOUR,
            known=known,
            is_begun=lambda _: False,
            touched=touched,
            edited_at=NOW - HOUR,
        )
        plan: SchedulePlan = decide_schedule(
            spec, status, Places(spec.concurrency, []), facts, now=NOW
        )
        lines = append_lines(lines, plan.lines)
        status = status.model_copy(update={"cursor_at": plan.cursor})
        if plan.openings or not plan.more:
            return list(lines), [it.scheduled_at for it in plan.openings], passes
    raise AssertionError("it never comes to an end")


def every_second() -> list[datetime]:
    """As if each had an execution: nothing may be counted at once."""
    return [NOON + n * SECOND for n in range(1, 7201)]


CASES: list[tuple[str, dict[str, Any], JobState]] = [
    ("a pause ended by an edit", {}, JobState.PAUSED),
    ("a pause that still lasts", {"suspend": True}, JobState.PAUSED),
    ("a pause that ended by itself", {"pausedUntil": "2026-03-01T13:30:00Z"}, JobState.PAUSED),
    (
        "a pause that is made up for",
        {"pausedUntil": "2026-03-01T13:30:00Z", "onResume": "CatchUp"},
        JobState.PAUSED,
    ),
    ("an invalid time", {}, JobState.INVALID),
    ("an outage, the latest made up", {}, JobState.SCHEDULED),
    ("an outage, none made up", {"missedRuns": {"policy": "None"}}, JobState.SCHEDULED),
    ("an outage, twenty made up", {"missedRuns": {"policy": "All", "limit": 20}}, JobState.RUNNING),
    ("an outage beyond a deadline", {"startingDeadlineSeconds": 600}, JobState.SCHEDULED),
    (
        "an outage with jitter and a deadline",
        {
            "schedule": {"everySeconds": 3, "jitterSeconds": 2},
            "startingDeadlineSeconds": 900,
            "missedRuns": {"policy": "None"},
        },
        JobState.SCHEDULED,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "state"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_seconds_counted_at_once_have_the_fates_they_have_one_by_one(
    fields: dict[str, Any], state: JobState
) -> None:
    spec = build_job(**fields)
    at_once, opened, _ = play(spec, state, tuple)
    one_by_one, opened_too, _ = play(spec, state, every_second)
    assert at_once == one_by_one
    assert opened == opened_too


def test_a_second_that_ran_is_told_apart_within_a_stretch() -> None:
    ran = NOON + HOUR
    lines, _, _ = play(
        build_job(missedRuns={"policy": "None"}),
        JobState.SCHEDULED,
        lambda: [ran],
        lambda second: build_line(second, Fate.STARTED) if second == ran else None,
    )
    fates = [(line.fate, line.count) for line in lines]
    # 3,599 s before it; 3,600 s after it, of which the last ten are not missed yet.
    assert fates == [(Fate.MISSED, 3599), (Fate.STARTED, 1), (Fate.MISSED, 3589)]


def test_a_year_of_seconds_takes_few_passes() -> None:
    spec = build_job(suspend=True)
    year = timedelta(days=365)
    status = ChronosJobStatus(
        state=JobState.PAUSED, cursor_at=NOON - year, observed_schedule=spec.schedule
    )
    edited = build_job(schedule={"everySeconds": 60}, suspend=True)
    facts = JobFacts("hello", "7e8f", NOON - year, lambda _: None, lambda _: False, edited_at=NOON)
    plan = decide_schedule(edited, status, Places(edited.concurrency, []), facts, now=NOON)
    assert plan.lines[0].count >= MOST_SECONDS
    assert plan.more
