"""The ledger's lines: each second in exactly one, whatever is joined, put away or summed up."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOON, build_attempt, build_execution, build_kube_job
from chronos_crds.execution import ExecutionState, ExecutionStatus, Outcome, Trigger
from chronos_crds.ledger import Fate, LedgerLine
from chronos_operator.decide.ledger import (
    ARCHIVE_FROM,
    KEPT_LINES,
    MOST_LINES,
    append_lines,
    bound_lines,
    build_line,
    compute_totals,
    resolve_queued,
    select_archivable,
    tell_record,
    trim_archived,
)
from chronos_operator.decide.values import ExecutionView, KubeJobView

SECOND = timedelta(seconds=1)
PAUSED = {"fate": Fate.SUSPENDED, "reason": "Paused"}


def at(seconds: float) -> datetime:
    return NOON + seconds * SECOND


def line(second: float, fate: Fate = Fate.STARTED, until: float | None = None, **more: Any) -> Any:
    """A line of one second, or of each second up to ``until``."""
    if until is not None:
        more |= {"until": at(until), "count": int(until - second) + 1}
    return LedgerLine(time=at(second), fate=fate, **more)


def spans(lines: tuple[LedgerLine, ...]) -> list[tuple[float, float, int]]:
    return [((it.time - NOON) / SECOND, (it.last - NOON) / SECOND, it.count) for it in lines]


# --- what an execution says of its second

RUNNING, ENDED = ExecutionState.RUNNING, ExecutionState.SUCCEEDED


def status(state: ExecutionState | None, *attempts: Any, **fields: Any) -> ExecutionStatus:
    return ExecutionStatus(state=state, attempts=attempts, **fields)


QUEUED = {"queued": True}
BACKFILLED = {"trigger": Trigger.BACKFILL}
DENIED = build_attempt(outcome=Outcome.DENIED, started_at=None, completed_at=at(2))

TOLD: list[tuple[str, ExecutionView, KubeJobView | None, Fate, str | None, int | None]] = [
    ("its kube job is there", build_execution(NOON), build_kube_job(scheduled=NOON),
     Fate.STARTED, None, 0),
    ("its first attempt is recorded",
     build_execution(NOON, status=status(RUNNING, build_attempt(started_at=at(3)))), None,
     Fate.STARTED, None, 3000),
    ("its second attempt says nothing about its start",
     build_execution(NOON, status=status(RUNNING, build_attempt(started_at=at(0.25)),
                                         build_attempt(2, started_at=at(60)))), None,
     Fate.STARTED, None, 250),
    ("its first attempt was refused", build_execution(NOON, status=status(RUNNING, DENIED)), None,
     Fate.STARTED, None, 2000),
    ("its kube job is gone before anything was written", build_execution(NOON), None,
     Fate.STARTED, None, None),
    ("it waits its turn",
     build_execution(NOON, **QUEUED, status=status(ExecutionState.QUEUED, reason="Queue")), None,
     Fate.QUEUED, "Queue", None),
    ("it was only just recorded to wait", build_execution(NOON, **QUEUED), None,
     Fate.QUEUED, None, None),
    ("it waited, and its kube job is there", build_execution(NOON, **QUEUED),
     build_kube_job(scheduled=NOON), Fate.STARTED, None, 0),
    ("its deadline passed in the queue",
     build_execution(NOON, **QUEUED, status=status(ExecutionState.MISSED,
                     reason="DeadlineExceeded", completed_at=at(60))), None,
     Fate.MISSED, "DeadlineExceeded", 60_000),
    ("another took its place",
     build_execution(NOON, **QUEUED, status=status(ExecutionState.SKIPPED, reason="Replaced")),
     None, Fate.SKIPPED, "Replaced", None),
    ("it was cancelled before it began",
     build_execution(NOON, **QUEUED, status=status(ExecutionState.CANCELLED, reason="Replaced")),
     None, Fate.SKIPPED, "Replaced", None),
    ("it was cancelled while it ran",
     build_execution(NOON, status=status(ExecutionState.CANCELLED, build_attempt(
         outcome=Outcome.CANCELLED, started_at=at(1)), reason="Replaced")), None,
     Fate.STARTED, None, 1000),
    ("a backfill waits for it",
     build_execution(NOON, **BACKFILLED, status=status(ExecutionState.QUEUED, reason="Backfill")),
     None, Fate.QUEUED, "Backfill", None),
    ("clocks differ: a start is never early",
     build_execution(NOON, status=status(RUNNING, build_attempt(started_at=at(-1)))), None,
     Fate.STARTED, None, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("execution", "kube_job", "fate", "reason", "lateness"),
    [row[1:] for row in TOLD],
    ids=[row[0] for row in TOLD],
)
def test_what_an_execution_says_of_its_second(
    execution: ExecutionView,
    kube_job: KubeJobView | None,
    fate: Fate,
    reason: str | None,
    lateness: int | None,
) -> None:
    told = tell_record(execution, kube_job, due_at=NOON)
    assert (told.time, told.count) == (NOON, 1)
    assert (told.fate, told.reason, told.lateness_ms) == (fate, reason, lateness)


def test_who_stood_in_the_way_is_named() -> None:
    blocked = status(ExecutionState.SKIPPED, reason="Forbid", blocked_by="hello-1")
    assert tell_record(build_execution(status=blocked), None, due_at=NOON).name == "hello-1"


# --- lines in a row

JOINED: list[tuple[str, list[LedgerLine], list[LedgerLine], list[tuple[float, float, int]]]] = [
    ("the first line", [], [line(1)], [(1, 1, 1)]),
    ("two starts stay two", [line(1)], [line(2)], [(1, 1, 1), (2, 2, 1)]),
    ("two that wait stay two", [line(1, Fate.QUEUED)], [line(2, Fate.QUEUED)],
     [(1, 1, 1), (2, 2, 1)]),
    ("what goes on is one", [line(1, **PAUSED)], [line(2, **PAUSED), line(9, **PAUSED)],
     [(1, 9, 3)]),
    ("long ones add up", [line(1, until=4, **PAUSED)], [line(5, until=9, **PAUSED)], [(1, 9, 9)]),
    ("another reason is another line", [line(1, Fate.SKIPPED, reason="Forbid")],
     [line(2, Fate.SKIPPED, reason="Invalid")], [(1, 1, 1), (2, 2, 1)]),
    ("another in the way is another line", [line(1, Fate.SKIPPED, reason="Forbid", name="a")],
     [line(2, Fate.SKIPPED, reason="Forbid", name="b")], [(1, 1, 1), (2, 2, 1)]),
    ("a start between ends the row", [line(1, **PAUSED)], [line(2), line(3, **PAUSED)],
     [(1, 1, 1), (2, 2, 1), (3, 3, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "more", "told"), [row[1:] for row in JOINED], ids=[row[0] for row in JOINED]
)
def test_lines_in_a_row(
    lines: list[LedgerLine], more: list[LedgerLine], told: list[tuple[float, float, int]]
) -> None:
    assert spans(append_lines(lines, more)) == told


def test_of_several_misses_the_latest_lateness_is_told() -> None:
    (joined,) = append_lines(
        [line(1, Fate.MISSED, lateness_ms=9000)], [line(2, Fate.MISSED, lateness_ms=8000)]
    )
    assert joined.lateness_ms == 9000


def test_what_is_appended_changes_nothing_that_was_handed_over() -> None:
    before = [line(1, **PAUSED)]
    append_lines(before, [line(2, **PAUSED)])
    assert before == [line(1, **PAUSED)]


# --- what waited

WAITS = line(1, Fate.QUEUED, reason="Queue")


def test_what_waits_still_stays_as_it_is() -> None:
    assert resolve_queued([WAITS], {at(1): WAITS}.get) == ((WAITS,), ())


def test_what_has_its_fate_now_is_news_once() -> None:
    begun = line(1, lateness_ms=5000)
    lines, news = resolve_queued([line(0), WAITS], {at(1): begun}.get)
    assert (lines, news) == ((line(0), begun), (begun,))
    assert resolve_queued(lines, {at(1): begun}.get) == (lines, ())


def test_what_waited_and_is_gone_was_missed() -> None:
    _, (news,) = resolve_queued([WAITS], lambda _: None)
    assert (news.fate, news.reason, news.time) == (Fate.MISSED, "Deleted", at(1))


# --- what goes to the archive


def test_few_lines_stay() -> None:
    assert select_archivable([line(n) for n in range(ARCHIVE_FROM - 1)]) == ()


def test_of_many_the_newest_stay() -> None:
    lines = [line(n) for n in range(ARCHIVE_FROM)]
    assert list(select_archivable(lines)) == lines[:-KEPT_LINES]


def test_what_waits_and_all_behind_it_stays() -> None:
    lines = [line(n) for n in range(ARCHIVE_FROM)]
    lines[5] = line(5, Fate.QUEUED)
    assert list(select_archivable(lines)) == lines[:5]
    lines[0] = line(0, Fate.QUEUED)
    assert select_archivable(lines) == ()


def test_what_is_archived_is_cut_off_and_nothing_else() -> None:
    lines = [line(1), line(2, until=5, **PAUSED), line(6)]
    assert spans(trim_archived(lines, None)) == [(1, 1, 1), (2, 5, 4), (6, 6, 1)]
    assert spans(trim_archived(lines, at(5))) == [(6, 6, 1)]
    assert spans(trim_archived(lines, at(1))) == [(2, 5, 4), (6, 6, 1)]


# --- when the archive takes nothing


def test_as_many_as_may_be_stay_untouched() -> None:
    lines = [line(n) for n in range(MOST_LINES)]
    assert bound_lines(lines, at(-1)) == (tuple(lines), at(-1))


def test_more_are_summed_up_by_fate_and_no_second_is_lost() -> None:
    lines = [line(n, Fate.STARTED if n % 50 else Fate.MISSED) for n in range(MOST_LINES + 1)]
    kept, since = bound_lines(lines, at(-1))
    assert since == at(-1)
    assert len(kept) < MOST_LINES - KEPT_LINES
    assert sum(it.count for it in kept) == MOST_LINES + 1
    assert compute_totals(kept).started == compute_totals(lines).started


def test_what_waits_is_never_summed_up() -> None:
    lines = [line(n, Fate.QUEUED) for n in range(5)]
    lines += [line(n) for n in range(5, MOST_LINES + 1)]
    kept, _ = bound_lines(lines, at(-1))
    assert list(kept[:5]) == lines[:5]


def test_what_cannot_be_summed_up_is_cut_and_the_period_is_told() -> None:
    fates = (Fate.STARTED, Fate.MISSED)
    lines = [line(n, fates[n % 2]) for n in range(MOST_LINES + 1)]
    kept, since = bound_lines(lines, at(-1))
    assert len(kept) <= MOST_LINES
    assert since == kept[0].time - SECOND
    assert sum(it.count for it in kept) == (at(MOST_LINES) - since) // SECOND


# --- sums


def test_totals_count_seconds_and_not_lines() -> None:
    totals = compute_totals(
        [
            line(1, lateness_ms=1000),
            line(2, lateness_ms=1001),
            line(3, Fate.QUEUED),
            line(4, Fate.MISSED, until=8),
            line(9, Fate.SKIPPED, until=10),
            line(11, Fate.SUSPENDED),
            line(12, Fate.EXCLUDED, until=14),
        ]
    )
    assert (totals.started, totals.late, totals.missed, totals.skipped) == (2, 1, 5, 6)


def test_a_name_is_cut_to_what_the_schema_takes() -> None:
    assert build_line(NOON, Fate.SKIPPED, name="x" * 300).name == "x" * 253


# --- whatever is appended, archived and summed up

FATES = st.sampled_from(list(Fate))
SCRIPT = st.lists(st.tuples(FATES, st.integers(1, 3), st.booleans()), max_size=300)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(script=SCRIPT)
def test_each_second_is_in_exactly_one_line(script: list[tuple[Fate, int, bool]]) -> None:
    """Seconds come, are put away now and then, and what waits gets its fate some time."""
    lines: tuple[LedgerLine, ...] = ()
    since, archive, second = at(-1), [], 0
    for fate, count, is_archived in script:
        for _ in range(count):
            lines = append_lines(lines, [line(second, fate)])
            second += 1
        if is_archived:
            lines, _ = resolve_queued(lines, lambda moment: build_line(moment, Fate.STARTED))
            put = select_archivable(lines)
            archive += put
            since = put[-1].last if put else since
            lines = trim_archived(lines, since)
        lines, since = bound_lines(lines, since)
        assert len(lines) <= MOST_LINES
    told = [*archive, *lines]
    assert all(one.last < other.time for one, other in pairwise(told))
    # Only what was cut, because nobody took it in time, is told by no line.
    first = archive[-1].last if archive else at(-1)
    cut = max(0, (since - first) // SECOND)
    assert sum(it.count for it in told) + cut == second
