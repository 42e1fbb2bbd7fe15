"""What becomes of each scheduled second: nothing early, double or silent.

Seconds are written as minutes after noon, and a plan as people would tell it: "3 starts",
"1-2 Missed NotLatest", "4 waits Queue".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from builders import JOB, JOB_UID, NOON, build_spec, utc
from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.naming import execution_name
from chronos_crds.timetable import build_timetable, load_zone
from chronos_operator.decide.concurrency import Active, Places, Verdict
from chronos_operator.decide.ledger import append_lines, build_line
from chronos_operator.decide.schedule import NeverDue, SchedulePlan, decide_schedule
from chronos_operator.decide.walk import (
    MISSED_AFTER,
    PASS_LINES,
    PASS_SECONDS,
    PASS_STARTS,
    JobFacts,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

SCHEDULED, RUNNING = JobState.SCHEDULED, JobState.RUNNING
PAUSED, INVALID = JobState.PAUSED, JobState.INVALID


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def text(minutes: float) -> str:
    return at(minutes).isoformat()


def started(second: datetime) -> LedgerLine:
    return build_line(second, Fate.STARTED, lateness=timedelta())


def plan_of(
    spec: ChronosJobSpec,
    *,
    now: float,
    cursor: float | None = None,
    state: JobState | None = None,
    recorded: Iterable[float] = (),
    begun: Iterable[float] = (),
    active: Iterable[float] = (),
    waiting: Iterable[float] = (),
    edited_from: ChronosJobSpec | None = None,
    edited: float | None = None,
    ledger: tuple[LedgerLine, ...] = (),
    runs: int = 0,
    calendars: Mapping[str, ChronosCalendarSpec] | None = None,
) -> SchedulePlan:
    """The plan for a job that was created at noon and is accounted for up to ``cursor``."""
    if state is None and cursor is not None:
        state = SCHEDULED
    status = ChronosJobStatus(
        cursor_at=None if cursor is None else at(cursor),
        state=state,
        observed_schedule=None if cursor is None else (edited_from or spec).schedule,
        started=runs,
        ledger=ledger,
    )
    lines = {at(minute): started(at(minute)) for minute in recorded}
    first_kube_jobs = {at(minute) for minute in begun}
    places = Places(
        spec.concurrency,
        [Active(execution_name(JOB, at(minute)), at(minute)) for minute in active],
        [execution_name(JOB, at(minute)) for minute in waiting],
    )
    facts = JobFacts(
        name=JOB,
        uid=JOB_UID,
        created_at=NOON,
        known=lines.get,
        is_begun=first_kube_jobs.__contains__,
        touched=lambda: {*lines, *first_kube_jobs},
        edited_at=None if edited is None else at(edited),
        calendars={
            name: (calendar, load_zone(calendar.time_zone))
            for name, calendar in (calendars or {}).items()
        },
    )
    return decide_schedule(spec, status, places, facts, now=at(now))


def tell(plan: SchedulePlan) -> list[str]:
    """What became of which second, in order."""
    told = [(line.time, _line_text(line)) for line in plan.lines]
    told += [
        (
            opening.scheduled_at,
            f"{_minute(opening.scheduled_at)} "
            + {Verdict.START: "starts", Verdict.WAIT: f"waits {opening.admission.reason}"}[
                opening.admission.verdict
            ],
        )
        for opening in plan.openings
    ]
    assert [sentence for _, sentence in told] == [sentence for _, sentence in sorted(told)]
    return [sentence for _, sentence in told]


def _line_text(line: LedgerLine) -> str:
    span = _minute(line.time) + (f"-{_minute(line.last)}" if line.count > 1 else "")
    return " ".join([span, str(line.fate), *([line.reason] if line.reason else [])])


def _minute(moment: datetime) -> str:
    return f"{(moment - NOON) / MINUTE:g}"


def job(**fields: Any) -> ChronosJobSpec:
    return build_spec(**{"cron": "* * * * *", **fields})


def missed(policy: str, **fields: Any) -> dict[str, Any]:
    return {"missedRuns": {"policy": policy, **fields}}


def concurrent(policy: str, **fields: Any) -> dict[str, Any]:
    return {"concurrency": {"policy": policy, **fields}}


ALL, NONE = missed("All"), missed("None")
FORBID, QUEUE, REPLACE = concurrent("Forbid"), concurrent("Queue"), concurrent("Replace")
BY_DEADLINE = {"startingDeadlineSeconds": 90}

Row = tuple[str, dict[str, Any], dict[str, Any], list[str]]

# What was, what the spec says besides a run each minute, what is given, what is told.
ROWS: list[Row] = [
    # The decisions of Kubernetes' CronJob controller, per policy.
    ("just created: the first minute is waited for", {}, {"now": 0.5}, []),
    ("a moment before it is due nothing is opened", {}, {"now": 0.9999}, []),
    ("never ran, due now", {}, {"now": 1}, ["1 starts"]),
    ("never ran, due a moment ago", {}, {"now": 1.001}, ["1 starts"]),
    ("never ran, due in time whatever missedRuns says", NONE, {"now": 1.1}, ["1 starts"]),
    ("ran before, nothing due", {}, {"now": 2.5, "cursor": 2}, []),
    ("ran before, due now", {}, {"now": 2, "cursor": 1}, ["2 starts"]),
    ("exactly as late as is still in time", NONE, {"now": 1 + 10 / 60}, ["1 starts"]),
    ("a moment later than that, and none is made up", NONE, {"now": 1 + 10.1 / 60},
     ["1 Missed NotMadeUp"]),
    ("a moment later than that, and the latest is", {}, {"now": 1 + 10.1 / 60}, ["1 starts"]),
    ("many missed: the latest is made up", {}, {"now": 5.5, "cursor": 0},
     ["1-4 Missed NotLatest", "5 starts"]),
    ("many missed, the latest in time", {}, {"now": 5, "cursor": 0},
     ["1-4 Missed NotLatest", "5 starts"]),
    ("many missed: all are made up, oldest first", ALL, {"now": 3.5, "cursor": 0},
     ["1 starts", "2 starts", "3 starts"]),
    ("many missed: all that the limit lets", missed("All", limit=2), {"now": 4.5, "cursor": 0},
     ["1-2 Missed OverLimit", "3 starts", "4 starts"]),
    ("many missed: none is made up", NONE, {"now": 3.5, "cursor": 0}, ["1-3 Missed NotMadeUp"]),
    ("many missed, the last in time: that one starts", NONE, {"now": 3, "cursor": 0},
     ["1-2 Missed NotMadeUp", "3 starts"]),
    ("past its deadline", BY_DEADLINE, {"now": 2.6, "cursor": 0},
     ["1 Missed DeadlineExceeded", "2 starts"]),
    ("within its deadline, but not the latest", BY_DEADLINE, {"now": 2.4, "cursor": 0},
     ["1 Missed NotLatest", "2 starts"]),
    ("exactly at its deadline", {**ALL, **BY_DEADLINE}, {"now": 2.5, "cursor": 0},
     ["1 starts", "2 starts"]),
    ("past its deadline, where all are made up", {**ALL, **BY_DEADLINE}, {"now": 2.51, "cursor": 0},
     ["1 Missed DeadlineExceeded", "2 starts"]),
    ("a deadline shorter than what is in time", {"startingDeadlineSeconds": 3},
     {"now": 1 + 4 / 60}, ["1 Missed DeadlineExceeded"]),
    # Concurrency.
    ("still active, and allowed", {}, {"now": 2, "cursor": 1, "active": [1]}, ["2 starts"]),
    ("still active, and forbidden", FORBID, {"now": 2, "cursor": 1, "active": [1]},
     ["2 Skipped Forbid"]),
    ("still active, and queued", QUEUE, {"now": 2, "cursor": 1, "active": [1]}, ["2 waits Queue"]),
    ("still active, and replaced", REPLACE, {"now": 2, "cursor": 1, "active": [1]},
     ["2 waits Replace"]),
    ("as many active as may be", concurrent("Forbid", limit=2),
     {"now": 3, "cursor": 2, "active": [1, 2]}, ["3 Skipped Forbid"]),
    ("one fewer active than may be", concurrent("Forbid", limit=2),
     {"now": 3, "cursor": 2, "active": [1]}, ["3 starts"]),
    ("one waits already: nobody overtakes it", QUEUE, {"now": 3, "cursor": 2, "waiting": [2]},
     ["3 waits Queue"]),
    ("the queue is full", concurrent("Queue", queueLimit=1),
     {"now": 3, "cursor": 2, "active": [1], "waiting": [2]}, ["3 Skipped QueueFull"]),
    ("all made up, one at a time: what comes behind the first waits to be told",
     {**ALL, **FORBID}, {"now": 3.5, "cursor": 0}, ["1 starts"]),
    ("all made up, one after the other", {**ALL, **QUEUE}, {"now": 3.5, "cursor": 0},
     ["1 starts", "2 waits Queue", "3 waits Queue"]),
    ("what is missed is missed before anybody asks who is active", {**NONE, **FORBID},
     {"now": 1.5, "cursor": 0, "active": [0]}, ["1 Missed NotMadeUp"]),
    # Repeats after a crash.
    ("what is recorded is not started again", {}, {"now": 1, "recorded": [1]}, ["1 Started"]),
    ("recorded by a process that died before the cursor moved", {},
     {"now": 3, "cursor": 1, "recorded": [2, 3]}, ["2 Started", "3 Started"]),
    ("recorded only later: what is before it comes first", ALL,
     {"now": 3, "cursor": 0, "recorded": [3]}, ["1 starts", "2 starts"]),
    ("begun and not recorded: it is recorded, however late", NONE, {"now": 8.5, "begun": [2]},
     ["1 Missed NotMadeUp", "2 starts"]),
    ("begun and not recorded, past its deadline", {**BY_DEADLINE, **NONE},
     {"now": 8.5, "cursor": 1, "begun": [2]}, ["2 starts"]),
    ("begun and not recorded: it counts as active before any other is let in", {**ALL, **FORBID},
     {"now": 3, "cursor": 1, "begun": [3]}, ["2 Skipped Forbid", "3 starts"]),
    ("begun and not recorded, and another is active", FORBID,
     {"now": 2, "cursor": 1, "active": [1], "begun": [2]}, ["2 starts"]),
    ("begun and not recorded, and paused since", {"suspend": True},
     {"now": 2.5, "cursor": 1, "begun": [2], "edited": 2.4}, ["2 starts"]),
    # The clock.
    ("the clock has gone back", {}, {"now": 3, "cursor": 5}, []),
    ("the clock has gone back before the creation", {}, {"now": -9, "cursor": 5}, []),
    ("the clock has come forward again", {}, {"now": 6, "cursor": 5}, ["6 starts"]),
    ("the clock has jumped ahead", {}, {"now": 65.5, "cursor": 5},
     ["6-64 Missed NotLatest", "65 starts"]),
    # Pauses.
    ("suspended since its creation", {"suspend": True}, {"now": 5}, []),
    ("suspended, and was before", {"suspend": True}, {"now": 5, "cursor": 1, "state": PAUSED}, []),
    ("just suspended: what was due before and had not started is missed", {"suspend": True},
     {"now": 2.1, "cursor": 1, "edited": 2.05}, ["2 Missed Paused"]),
    ("just suspended: what came due since does not", {"suspend": True},
     {"now": 2.1, "cursor": 1, "edited": 1.95}, []),
    ("suspended when nothing tells when", {"suspend": True}, {"now": 2.1, "cursor": 1},
     ["2 Missed Paused"]),
    ("paused until later", {"pausedUntil": text(9)}, {"now": 5, "cursor": 1, "state": PAUSED}, []),
    ("resumed by its own time", {"pausedUntil": text(4)},
     {"now": 5, "cursor": 1, "state": PAUSED}, ["2-3 Suspended Paused", "4 Missed NotLatest",
                                                "5 starts"]),
    ("resumed by its own time, in time", {"pausedUntil": text(4)},
     {"now": 4, "cursor": 1, "state": PAUSED}, ["2-3 Suspended Paused", "4 starts"]),
    ("a pause that came and went while nobody looked", {"pausedUntil": text(4)},
     {"now": 4, "cursor": 1, "edited": 1.5}, ["2-3 Suspended Paused", "4 starts"]),
    ("resumed by an edit", {}, {"now": 5, "cursor": 1, "state": PAUSED, "edited": 4.9},
     ["2-4 Suspended Paused", "5 starts"]),
    ("resumed by an edit in the very second", {},
     {"now": 5, "cursor": 1, "state": PAUSED, "edited": 5}, ["2-5 Suspended Paused"]),
    ("resumed by an edit long ago, when nobody looked", {},
     {"now": 5, "cursor": 1, "state": PAUSED, "edited": 2.5},
     ["2 Suspended Paused", "3-4 Missed NotLatest", "5 starts"]),
    ("resumed when nothing tells when", {}, {"now": 5, "cursor": 1, "state": PAUSED},
     ["2-5 Suspended Paused"]),
    ("suspended and resumed after a pause that had ended by its time",
     {"pausedUntil": text(-60)}, {"now": 5, "cursor": 1, "state": PAUSED, "edited": 4.9},
     ["2-4 Suspended Paused", "5 starts"]),
    ("resumed, and the pause is made up as missedRuns says", {"onResume": "CatchUp"},
     {"now": 5, "cursor": 1, "state": PAUSED, "edited": 4.9}, ["2-4 Missed NotLatest", "5 starts"]),
    ("resumed, and all of the pause is made up", {"onResume": "CatchUp", **ALL},
     {"now": 5, "cursor": 2, "state": PAUSED, "edited": 4.9},
     ["3 starts", "4 starts", "5 starts"]),
    ("resumed by its time, and all is made up",
     {"onResume": "CatchUp", "pausedUntil": text(4), **ALL},
     {"now": 4, "cursor": 2, "state": PAUSED}, ["3 starts", "4 starts"]),
    ("still suspended, whatever is to be made up", {"suspend": True, "onResume": "CatchUp", **ALL},
     {"now": 5, "cursor": 1, "state": PAUSED}, []),
    # A job that could not be read.
    ("what passed while it was invalid is skipped", {}, {"now": 3, "cursor": 0, "state": INVALID},
     ["1-3 Skipped Invalid"]),
    ("a job that was never valid skips from its creation on", {}, {"now": 3, "state": INVALID},
     ["1-3 Skipped Invalid"]),
    ("begun before it became invalid", {},
     {"now": 3, "cursor": 0, "state": INVALID, "recorded": [1], "begun": [2]},
     ["1 Started", "2 starts"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "given", "told"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_job_of_each_minute(
    fields: dict[str, Any], given: dict[str, Any], told: list[str]
) -> None:
    plan = plan_of(job(**fields), **given)
    assert tell(plan) == told
    # The cursor stands behind the last second that is accounted for, and nowhere else.
    before = at(given["cursor"]) if "cursor" in given else NOON - SECOND
    assert plan.cursor == (plan.lines[-1].last if plan.lines else before)
    assert plan.more is bool(plan.openings)
    assert plan.next_at is None or plan.next_at > at(given["now"])
    assert plan.wake_at is None or plan.wake_at > at(given["now"])


@pytest.mark.parametrize(
    ("fields", "given"), [row[1:3] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_plan_repeated_is_the_same(fields: dict[str, Any], given: dict[str, Any]) -> None:
    assert plan_of(job(**fields), **given) == plan_of(job(**fields), **given)


# --- what comes next, and when to look again (minutes after noon)

NEXT: list[tuple[str, dict[str, Any], dict[str, Any], float | None, float | None]] = [
    ("the next minute", {}, {"now": 0.5}, 1, 1),
    ("what is due now is not next", {}, {"now": 1, "cursor": 0}, 2, 2),
    ("the clock has gone back: what has run is not next", {}, {"now": 3, "cursor": 5}, 6, 6),
    ("suspended: nothing", {"suspend": True}, {"now": 3, "cursor": 3, "state": PAUSED}, None, None),
    ("paused: the first behind the pause", {"pausedUntil": text(7.5)}, {"now": 3, "cursor": 3}, 8,
     7.5),
    ("paused: its end is let in", {"pausedUntil": text(7)}, {"now": 3, "cursor": 3}, 7, 7),
    ("paused, with no run left", {"pausedUntil": text(7)}, {"now": 3, "cursor": 3, "runs": 2},
     None, 7),
    ("no run left", {}, {"now": 3, "cursor": 3, "runs": 2}, None, None),
    ("one run left", {}, {"now": 3, "cursor": 3, "runs": 1}, 4, 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "given", "next_at", "wake_at"),
    [row[1:] for row in NEXT],
    ids=[row[0] for row in NEXT],
)
def test_what_is_next(
    fields: dict[str, Any], given: dict[str, Any], next_at: float | None, wake_at: float | None
) -> None:
    spec = job(**fields)
    if "runs" in given:
        spec = with_schedule(spec, max_runs=2)
    plan = plan_of(spec, **given)
    assert plan.next_at == (None if next_at is None else at(next_at))
    assert plan.wake_at == (None if wake_at is None else at(wake_at))


def with_schedule(spec: ChronosJobSpec, **schedule: Any) -> ChronosJobSpec:
    return spec.model_copy(update={"schedule": spec.schedule.model_copy(update=schedule)})


# --- edits

EACH_MINUTE = job()
EVEN = job(cron="*/2 * * * *")
EACH_SECOND = job(cron="* * * * * *")

# From what, to what, what is given, what is told, and up to where (minutes after noon).
EDITS: list[tuple[str, ChronosJobSpec, ChronosJobSpec, dict[str, Any], list[str], float]] = [
    ("an edit counts from when it was made", EACH_MINUTE, EVEN,
     {"now": 9.6, "cursor": 9, "edited": 9.5}, [], 9.5),
    ("an edit starts nothing in the second in which it was made", EACH_MINUTE, EACH_SECOND,
     {"now": 9.005, "cursor": 8, "edited": 9, "recorded": [9]}, ["9 Started"], 9),
    ("what was due before the edit is the old schedule's", EACH_MINUTE, EVEN,
     {"now": 9.02, "cursor": 8, "edited": 9.01}, ["9 starts"], 8),
    ("what was due before the edit and has run is the old schedule's", EACH_MINUTE, EVEN,
     {"now": 9.02, "cursor": 8, "edited": 9.01, "recorded": [9]}, ["9 Started"], 9.01),
    ("an edit seen late: what is due of the new one since starts", EVEN, EACH_MINUTE,
     {"now": 9, "cursor": 8, "edited": 8.5}, ["9 starts"], 8.5),
    ("an edit seen late: what would be due of the old one since does not", EACH_MINUTE, EVEN,
     {"now": 9, "cursor": 8, "edited": 8.5}, [], 8.5),
    ("an edit seen very late: the old one's latest, and the new one's only then",
     EACH_MINUTE, EVEN, {"now": 12.5, "cursor": 5, "edited": 7.5},
     ["6 Missed NotLatest", "7 starts"], 6),
    ("an edit of which nobody tells when", EACH_MINUTE, EVEN, {"now": 9.5, "cursor": 9}, [], 9.5),
    ("an edit that lies ahead, because clocks differ", EACH_MINUTE, EVEN,
     {"now": 9.5, "cursor": 9, "edited": 11}, [], 9.5),
    ("an edit of something else long ago never moves the cursor back", EACH_MINUTE, EVEN,
     {"now": 9.5, "cursor": 9, "edited": 2}, [], 9),
    ("an edit while the clock is back does not move the cursor back", EACH_MINUTE, EVEN,
     {"now": 0, "cursor": 9, "edited": 0}, [], 9),
    ("an edit while it is paused: the old seconds are the pause's", EACH_MINUTE, job(
        cron="*/2 * * * *", suspend=True),
     {"now": 9.5, "cursor": 5, "edited": 8.5, "state": PAUSED}, ["6-8 Suspended Paused"], 8.5),
    ("an edit that resumes: nothing of the pause is started", EACH_MINUTE, EVEN,
     {"now": 8.6, "cursor": 5, "edited": 8.5, "state": PAUSED}, ["6-8 Suspended Paused"], 8.5),
    ("an edit that suspends: what was due before it does not start", EACH_MINUTE, job(
        cron="*/2 * * * *", suspend=True),
     {"now": 9.1, "cursor": 8, "edited": 9.05}, ["9 Missed Paused"], 9.05),
    ("an edit that makes it valid: what passed till then is skipped", EACH_MINUTE, EVEN,
     {"now": 8.6, "cursor": 5, "edited": 8.5, "state": INVALID}, ["6-8 Skipped Invalid"], 8.5),
    ("another zone: what has run does not run again",
     job(cron="0 13 * * *", zone="Europe/Berlin"), job(cron="0 12 * * *", zone="Europe/London"),
     {"now": 0.5, "cursor": 0, "edited": 0.4}, [], 24 / 60),
    ("other calendars are an edit, too", EACH_MINUTE,
     with_schedule(EACH_MINUTE, exclude_calendars=("freeze",)),
     {"now": 9.6, "cursor": 9, "edited": 9.5}, [], 9.5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "given", "told", "cursor"),
    [row[1:] for row in EDITS],
    ids=[row[0] for row in EDITS],
)
def test_an_edit(
    old: ChronosJobSpec,
    new: ChronosJobSpec,
    given: dict[str, Any],
    told: list[str],
    cursor: float,
) -> None:
    plan = plan_of(new, edited_from=old, **given)
    assert tell(plan) == told
    assert plan.cursor == at(cursor).replace(microsecond=0)
    # The old schedule is kept in mind for as long as something of it is not accounted for.
    assert plan.schedule == (
        old.schedule
        if plan.openings and plan.openings[0].scheduled_at <= at(given.get("edited", given["now"]))
        else new.schedule
    )


def test_another_text_of_the_same_fields_is_no_edit() -> None:
    # Only a change of what the schedule says is one: a default written out is not.
    explicit = job(cron="* * * * *", zone="Etc/UTC", immediate=False)
    plan = plan_of(explicit, edited_from=EACH_MINUTE, now=9, cursor=8, edited=9)
    assert tell(plan) == ["9 starts"]


def test_two_edits_while_nobody_looked_are_one() -> None:
    """What was between them never was anybody's plan: the old one holds until the second."""
    plan = plan_of(EVEN, edited_from=EACH_MINUTE, now=12.5, cursor=9, edited=12.4,
                   recorded=[10, 11, 12])  # fmt: skip
    assert tell(plan) == ["10 Started", "11 Started", "12 Started"]
    assert plan.next_at == at(14)


def test_an_edit_takes_effect_although_the_old_schedule_holds_a_second_back() -> None:
    slow = with_schedule(job(cron="0 * * * *"), jitter_seconds=3600)
    times = build_timetable(slow.schedule, created_at=NOON, uid=JOB_UID)
    hour = next(n for n in range(60, 6000, 60) if times.delay_of(at(n)) > 30 * MINUTE)
    edit = {"edited_from": slow, "now": hour + 5, "cursor": hour - 1, "edited": hour + 0.5}
    # Its second has come, and only the jitter of a schedule that is no more holds it back.
    plan = plan_of(EACH_MINUTE, **edit)
    assert [it.scheduled_at for it in plan.openings] == [at(hour)]
    plan = plan_of(EACH_MINUTE, **edit, recorded=[hour])
    assert [it.scheduled_at for it in plan.openings] == [at(hour + 5)]


def test_a_second_started_while_the_news_of_an_edit_were_under_way_is_told() -> None:
    """The edit was made just before the tick, and the operator heard of it just after."""
    hourly = job(cron="0 * * * *")
    plan = plan_of(hourly, edited_from=EACH_MINUTE, now=9.001, cursor=8, edited=8.99, recorded=[9])
    assert tell(plan) == ["9 Started"]


# --- calendars, jitter, the number of runs

FREEZE = {"freeze": ChronosCalendarSpec.model_validate({"dates": ["2026-03-01"]})}
EVENING = {
    "freeze": ChronosCalendarSpec.model_validate(
        {"weekly": [{"days": ["SUN"], "from": "13:03", "to": "13:05"}], "timeZone": "Europe/Berlin"}
    )
}
FROZEN = with_schedule(EACH_MINUTE, exclude_calendars=("freeze",))


def test_a_second_in_a_calendar_is_excluded_with_the_calendars_name() -> None:
    plan = plan_of(FROZEN, now=3, cursor=0, calendars=FREEZE)
    assert tell(plan) == ["1-3 Excluded Calendar"]
    assert [line.name for line in plan.lines] == ["freeze"]
    # Farther ahead than is looked; but never one that is excluded.
    assert plan.next_at is None
    hourly = with_schedule(job(cron="0 * * * *"), exclude_calendars=("freeze",))
    assert plan_of(hourly, now=3, cursor=0, calendars=FREEZE).next_at == utc("2026-03-02 00:00:00")


def test_a_calendar_is_read_in_its_own_zone_to_the_minute() -> None:
    # 13:03 to 13:05 in Berlin are 12:03 and 12:04.
    plan = plan_of(with_missed(FROZEN, "All"), now=6, cursor=1, calendars=EVENING)
    assert tell(plan) == ["2 starts", "5 starts", "6 starts"]
    plan = plan_of(FROZEN, now=4.5, cursor=2, calendars=EVENING)
    assert tell(plan) == ["3-4 Excluded Calendar"]
    assert plan.next_at == at(5)


def test_the_latest_that_is_made_up_is_none_that_a_calendar_excludes() -> None:
    plan = plan_of(FROZEN, now=4.5, cursor=0, calendars=EVENING)
    assert tell(plan) == ["1 Missed NotLatest", "2 starts"]


def test_a_calendar_excludes_while_it_is_paused_or_invalid_too() -> None:
    plan = plan_of(FROZEN, now=3, cursor=0, state=PAUSED, calendars=FREEZE)
    assert tell(plan) == ["1-3 Excluded Calendar"]


def test_what_runs_at_once_asks_no_calendar() -> None:
    spec = with_schedule(build_spec(immediate=True), exclude_calendars=("freeze",))
    assert tell(plan_of(spec, now=0.001, calendars=FREEZE)) == ["0 starts"]


def with_missed(spec: ChronosJobSpec, policy: str) -> ChronosJobSpec:
    rule = spec.missed_runs.model_validate({"policy": policy})
    return spec.model_copy(update={"missed_runs": rule})


JITTERED = with_schedule(EACH_MINUTE, jitter_seconds=60)
DELAYS = {
    minute: build_timetable(JITTERED.schedule, created_at=NOON, uid=JOB_UID).delay_of(at(minute))
    for minute in range(1, 9)
}


def test_jitter_holds_a_second_back_until_it_is_due_and_keeps_its_name() -> None:
    due = 1 + DELAYS[1] / MINUTE
    early = plan_of(JITTERED, now=due - 0.00001)
    assert tell(early) == []
    assert (early.wake_at, early.cursor) == (NOON + MINUTE + DELAYS[1], NOON - SECOND)
    assert tell(plan_of(JITTERED, now=due)) == ["1 starts"]


def test_jitter_keeps_the_order_and_each_second_within_its_own_minute() -> None:
    dues = [NOON + minute * MINUTE + delay for minute, delay in DELAYS.items()]
    assert dues == sorted(dues)
    assert all(timedelta() <= delay < MINUTE for delay in DELAYS.values())
    assert len({delay.total_seconds() for delay in DELAYS.values()}) > 4


def test_lateness_counts_from_when_jitter_had_it_due() -> None:
    spec = with_missed(JITTERED, "None")
    due = at(1) + DELAYS[1]
    in_time = (due + MISSED_AFTER - NOON) / MINUTE
    assert tell(plan_of(spec, now=in_time)) == ["1 starts"]
    late = plan_of(spec, now=in_time + 0.001)
    assert tell(late)[0] == "1 Missed NotMadeUp"
    assert late.lines[0].lateness_ms == pytest.approx(10_060, abs=1)


def test_a_second_held_back_when_the_job_is_suspended_belongs_to_the_pause() -> None:
    """It was to start within the pause; nothing starts in a pause."""
    due = 1 + DELAYS[1] / MINUTE
    spec = JITTERED.model_copy(update={"suspend": True})
    held = plan_of(spec, now=due - 0.001, cursor=0, edited=due - 0.002)
    assert tell(held) == []
    over = plan_of(JITTERED, now=due + 0.001, cursor=0, state=PAUSED, edited=due)
    assert tell(over) == ["1 Suspended Paused"]


THRICE = with_schedule(EACH_MINUTE, max_runs=3)
QUEUED_LINE = build_line(at(1), Fate.QUEUED, reason="Queue")

RUNS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("none so far: as many as may be are opened", ALL, {"now": 5.5, "cursor": 0},
     ["1 starts", "2 starts", "3 starts"]),
    ("two so far", ALL, {"now": 5.5, "cursor": 2, "runs": 2}, ["3 starts"]),
    ("all so far", ALL, {"now": 5.5, "cursor": 3, "runs": 3}, []),
    ("what waits in the queue counts", ALL,
     {"now": 5.5, "cursor": 1, "runs": 1, "ledger": (QUEUED_LINE,)}, ["2 starts"]),
    ("what was missed or skipped does not count", NONE, {"now": 4, "cursor": 0, "runs": 2},
     ["1-3 Missed NotMadeUp", "4 starts"]),
    ("what was begun and not recorded counts", ALL, {"now": 5.5, "cursor": 0, "runs": 1,
     "begun": [1]}, ["1 starts", "2 starts"]),
    ("what was recorded before a crash counts", ALL, {"now": 5.5, "cursor": 0, "runs": 1,
     "recorded": [1]}, ["1 Started", "2 starts"]),
    ("what was recorded last counts, and nothing comes behind it", ALL,
     {"now": 5.5, "cursor": 0, "runs": 2, "recorded": [1]}, ["1 Started"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "given", "told"), [row[1:] for row in RUNS], ids=[row[0] for row in RUNS]
)
def test_at_most_three_runs(fields: dict[str, Any], given: dict[str, Any], told: list[str]) -> None:
    spec = with_schedule(job(**fields), max_runs=3)
    assert tell(plan_of(spec, **given)) == told


def test_a_job_whose_runs_are_used_up_is_at_rest_however_much_time_passes() -> None:
    spec = with_schedule(EACH_SECOND, max_runs=3)
    plan = plan_of(spec, now=7 * 24 * 60, cursor=0, runs=3)
    assert (plan.lines, plan.openings, plan.more) == ((), (), False)
    assert (plan.next_at, plan.wake_at, plan.is_settled) == (None, None, True)


def test_more_runs_given_later_begin_at_the_edit() -> None:
    more = with_schedule(EACH_MINUTE, max_runs=9)
    plan = plan_of(more, edited_from=THRICE, now=90.5, cursor=3, edited=90.2, runs=3)
    assert tell(plan) == []
    assert plan.next_at == at(91)


# --- the bounds of a pass


def test_one_pass_opens_a_bounded_number() -> None:
    plan = plan_of(with_missed(EACH_SECOND, "All"), now=100 / 60, cursor=0)
    assert [opening.scheduled_at for opening in plan.openings] == [
        NOON + n * SECOND for n in range(1, PASS_STARTS + 1)
    ]
    assert plan.cursor == NOON
    assert plan.more


def test_one_pass_writes_a_bounded_number_of_lines() -> None:
    recorded = [n / 60 for n in range(1, 3 * PASS_LINES)]
    plan = plan_of(EACH_SECOND, now=3 * PASS_LINES / 60, cursor=0, recorded=recorded)
    assert len(plan.lines) == PASS_LINES
    assert plan.cursor == NOON + PASS_LINES * SECOND
    assert plan.more


def pass_on(spec: ChronosJobSpec, plan: SchedulePlan, **given: Any) -> tuple[LedgerLine, ...]:
    """Pass after pass, as the reconciler makes them, in which each that starts ends at once."""
    lines, recorded = plan.lines, {(it.scheduled_at - NOON) / MINUTE for it in plan.openings}
    for _ in range(300):
        if not plan.more:
            return lines
        cursor = (plan.cursor - NOON) / MINUTE
        plan = plan_of(spec, cursor=cursor, recorded=recorded, **given)
        recorded |= {(it.scheduled_at - NOON) / MINUTE for it in plan.openings}
        lines = append_lines(lines, plan.lines)
    raise AssertionError("the passes never come to an end")


POLICIES = [("All", 100), ("Latest", 1), ("None", 0)]


@pytest.mark.parametrize(("policy", "made_up"), POLICIES)
@pytest.mark.parametrize("hours", [1, 26])
def test_passes_come_to_an_end_with_each_second_accounted_for(
    policy: str, made_up: int, hours: int
) -> None:
    spec = with_missed(EACH_SECOND, policy)
    now = 60.0 * hours
    lines = pass_on(spec, plan_of(spec, now=now, cursor=0), now=now)
    assert sum(line.count for line in lines) == 3600 * hours
    begun = [line.time for line in lines if line.fate is Fate.STARTED]
    # The last eleven came in time, and of those All makes up 89 more.
    newest = max(made_up, 11)
    assert begun == [at(now) - n * SECOND for n in reversed(range(newest))]
    assert all(one.last < other.time for one, other in pairwise(lines))


@pytest.mark.parametrize("state", [PAUSED, INVALID])
def test_a_long_rest_is_counted_whole(state: JobState) -> None:
    days = 30 * 24 * 60.0
    plan = plan_of(EACH_SECOND, now=days, cursor=0, state=state)
    lines = pass_on(EACH_SECOND, plan, now=days, state=state)
    assert [(line.count, line.time, line.last) for line in lines] == [
        (30 * 86_400, NOON + SECOND, at(days))
    ]


def test_a_long_rest_with_a_run_inside_is_counted_around_it() -> None:
    plan = plan_of(EACH_SECOND, cursor=0, now=120, state=PAUSED, recorded=[60.5])
    assert [(line.count, str(line.fate)) for line in plan.lines] == [
        (3629, "Suspended"), (1, "Started"), (3570, "Suspended"),
    ]  # fmt: skip


def test_one_pass_looks_at_a_bounded_number_where_each_must_be_looked_at() -> None:
    spec = with_schedule(EACH_SECOND, exclude_calendars=("freeze",))
    plan = plan_of(spec, now=100, cursor=0, calendars=FREEZE)
    assert sum(line.count for line in plan.lines) == PASS_SECONDS
    assert (plan.more, plan.is_settled) == (True, False)


# --- what runs once


def test_immediate_is_due_at_once_and_then_never_again() -> None:
    spec = build_spec(immediate=True)
    plan = plan_of(spec, now=0.004)
    assert tell(plan) == ["0 starts"]
    assert (plan.next_at, plan.wake_at) == (None, None)
    assert tell(plan_of(spec, now=0.004, recorded=[0])) == ["0 Started"]
    assert tell(plan_of(spec, now=60, cursor=0)) == []


@pytest.mark.parametrize("policy", ["Latest", "All", "None"])
def test_immediate_seen_late_still_runs_for_nothing_else_would_run_it(policy: str) -> None:
    spec = with_missed(build_spec(immediate=True), policy)
    assert tell(plan_of(spec, now=500)) == ["0 starts"]


def test_immediate_seen_after_its_deadline_is_missed_and_said_so() -> None:
    spec = build_spec(immediate=True, startingDeadlineSeconds=60)
    assert tell(plan_of(spec, now=500)) == ["0 Missed DeadlineExceeded"]


def test_a_job_to_run_at_once_that_was_never_valid_runs_when_it_is() -> None:
    assert tell(plan_of(build_spec(immediate=True), now=30, state=INVALID)) == ["0 starts"]
    spec = build_spec(immediate=True, cron="* * * * *")
    assert tell(plan_of(spec, now=2.1, state=INVALID)) == ["0 starts"]


def test_one_time_runs_are_opened_each_at_its_second() -> None:
    spec = build_spec(at=[text(0), text(7)])
    assert tell(plan_of(spec, now=0)) == ["0 starts"]
    plan = plan_of(spec, now=6, cursor=0)
    assert (tell(plan), plan.next_at) == ([], at(7))
    plan = plan_of(spec, now=7, cursor=0)
    assert (tell(plan), plan.next_at) == (["7 starts"], None)


def test_a_new_job_whose_times_are_all_past_is_told_so() -> None:
    with pytest.raises(NeverDue, match="names no time at or after the job's creation"):
        plan_of(build_spec(at=[text(-1 / 60)]), now=0)


def test_a_job_that_ran_and_has_no_time_left_is_not_told_so() -> None:
    plan = plan_of(build_spec(at=[text(0)]), now=60, cursor=0)
    assert (tell(plan), plan.next_at, plan.more) == ([], None, False)


def test_cron_years_that_are_over_before_the_creation_are_told_so() -> None:
    with pytest.raises(NeverDue):
        plan_of(build_spec(cron="0 0 0 1 1 ? 2025"), now=0)


@pytest.mark.parametrize("micros", [0, 1, 499_999, 999_999])
def test_nothing_is_opened_before_its_second_whatever_the_fraction(micros: int) -> None:
    now = (5 * SECOND + timedelta(microseconds=micros)) / MINUTE
    plan = plan_of(EACH_SECOND, now=now, cursor=0)
    assert max(it.scheduled_at for it in plan.openings) == NOON + 5 * SECOND
    assert plan.next_at is not None
    assert plan.next_at > at(now)


def test_a_gap_in_the_local_day_is_opened_once_at_its_end() -> None:
    spec = job(cron="30 2 * * *", zone="Europe/Berlin")
    end = (utc("2026-03-29 01:00:00") - NOON) / MINUTE
    cursor = (utc("2026-03-28 01:30:00") - NOON) / MINUTE
    assert tell(plan_of(spec, now=end - 0.01, cursor=cursor)) == []
    assert len(plan_of(spec, now=end, cursor=cursor).openings) == 1
    assert tell(plan_of(spec, now=end + 60, cursor=end)) == []


def test_replacing_names_the_oldest_of_those_that_have_to_end() -> None:
    spec = job(**concurrent("Replace", limit=2))
    places = Places(spec.concurrency, [Active("b", at(2)), Active("a", at(1))])
    facts = JobFacts(JOB, JOB_UID, NOON, lambda _: None, lambda _: False)
    status = ChronosJobStatus(cursor_at=at(2), state=RUNNING, observed_schedule=spec.schedule)
    plan = decide_schedule(spec, status, places, facts, now=at(3))
    assert tell(plan) == ["3 waits Replace"]
    assert places.cancelled == ["a"]


def test_only_the_calendars_that_a_schedule_names_count() -> None:
    assert tell(plan_of(EACH_MINUTE, now=1, cursor=0, calendars=FREEZE)) == ["1 starts"]


def test_a_plan_is_made_of_values_alone() -> None:
    plan = plan_of(EACH_MINUTE, now=1)
    assert replace(plan) == plan
    assert hash(plan.openings) == hash(plan_of(EACH_MINUTE, now=1).openings)
