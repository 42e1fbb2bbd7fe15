"""The ledger of a job: one line a scheduled second, bounded, with the oldest in the archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chronos_crds.execution import ExecutionState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_operator.decide.values import ExecutionView, KubeJobView

# From this many lines on the older ones go to the archive; the newest stay to be read at a glance.
ARCHIVE_FROM = 64
KEPT_LINES = 16
# With an archive that takes nothing the lines are summed up beyond this many, and then cut: an
# object in etcd has its bounds.
MOST_LINES = 192
# A start later than this counts as late.
LATE_AFTER = timedelta(seconds=1)

# Lines of these fates speak of one second each: each start has its own lateness.
_SINGLE = (Fate.STARTED, Fate.QUEUED)


@dataclass(frozen=True)
class Totals:
    """How many scheduled seconds had which fate; ``late`` are among the ``started``."""

    started: int = 0
    late: int = 0
    missed: int = 0
    skipped: int = 0


def compute_totals(lines: Iterable[LedgerLine]) -> Totals:
    """The sums over some lines; what is queued has no fate yet."""
    sums = dict.fromkeys(Fate, 0)
    late = 0
    for line in lines:
        sums[line.fate] += line.count
        late += line.fate is Fate.STARTED and (line.lateness_ms or 0) > LATE_AFTER // _MS
    return Totals(
        started=sums[Fate.STARTED],
        late=late,
        missed=sums[Fate.MISSED],
        skipped=sums[Fate.SKIPPED] + sums[Fate.SUSPENDED] + sums[Fate.EXCLUDED],
    )


_MS = timedelta(milliseconds=1)


def build_line(
    second: datetime,
    fate: Fate,
    *,
    reason: str | None = None,
    name: str | None = None,
    lateness: timedelta | None = None,
) -> LedgerLine:
    """The line of one second."""
    return LedgerLine(
        time=second,
        fate=fate,
        reason=reason,
        name=name[:253] if name else None,
        lateness_ms=None if lateness is None else max(0, lateness // _MS),
    )


def tell_record(
    execution: ExecutionView, kube_job: KubeJobView | None, *, due_at: datetime
) -> LedgerLine:
    """What an execution says about its second, which was due at ``due_at``; ``kube_job`` is its
    first attempt's."""
    second = execution.scheduled_at
    started_at = _started_at(execution, kube_job)
    if started_at is not None:
        return build_line(second, Fate.STARTED, lateness=started_at - due_at)
    status = execution.status
    if status.state is ExecutionState.MISSED:
        late = (status.completed_at or due_at) - due_at
        return build_line(second, Fate.MISSED, reason=status.reason, lateness=late)
    if status.state is ExecutionState.SKIPPED:
        return build_line(second, Fate.SKIPPED, reason=status.reason, name=execution.blocker)
    if status.state is not None and status.state.is_final:
        return build_line(second, Fate.SKIPPED, reason=status.reason)
    if execution.spec.is_recorded_first:
        return build_line(second, Fate.QUEUED, reason=status.reason)
    # Its first attempt was denied, or its kube job is gone: it was due, and it was begun.
    return build_line(second, Fate.STARTED)


def _started_at(execution: ExecutionView, kube_job: KubeJobView | None) -> datetime | None:
    if kube_job is not None and kube_job.started_at is not None:
        return kube_job.started_at
    first = next((it for it in execution.status.attempts if it.number == 1), None)
    if first is None:
        return None
    return first.started_at or first.completed_at


def resolve_queued(
    lines: Sequence[LedgerLine], known: Callable[[datetime], LedgerLine | None]
) -> tuple[tuple[LedgerLine, ...], tuple[LedgerLine, ...]]:
    """The lines with the fate of what has left the queue, and those among them that are new."""
    resolved = tuple(
        _resolve(line, known(line.time)) if line.fate is Fate.QUEUED else line for line in lines
    )
    news = tuple(
        after
        for before, after in zip(lines, resolved, strict=True)
        if before.fate is Fate.QUEUED and after.fate is not Fate.QUEUED
    )
    return resolved, news


def _resolve(line: LedgerLine, now_known: LedgerLine | None) -> LedgerLine:
    if now_known is None:
        return build_line(line.time, Fate.MISSED, reason="Deleted")
    return now_known if now_known.fate is not Fate.QUEUED else line


def append_lines(lines: Sequence[LedgerLine], more: Iterable[LedgerLine]) -> tuple[LedgerLine, ...]:
    """The lines with more behind them; a line that goes on with the one before is one with it."""
    out = list(lines)
    for line in more:
        if out and _goes_on(out[-1], line):
            out[-1] = _join(out[-1], line)
        else:
            out.append(line)
    return tuple(out)


def _goes_on(before: LedgerLine, after: LedgerLine) -> bool:
    return before.fate not in _SINGLE and (before.fate, before.reason, before.name) == (
        after.fate,
        after.reason,
        after.name,
    )


def _join(first: LedgerLine, second: LedgerLine) -> LedgerLine:
    latest = [line.lateness_ms for line in (first, second) if line.lateness_ms is not None]
    return LedgerLine(
        time=first.time,
        until=second.last,
        count=first.count + second.count,
        fate=first.fate,
        reason=first.reason if first.reason == second.reason else None,
        name=first.name if first.name == second.name else None,
        lateness_ms=max(latest, default=None),
    )


def select_archivable(lines: Sequence[LedgerLine]) -> tuple[LedgerLine, ...]:
    """The oldest lines that are to go to the archive now: none that may still change."""
    if len(lines) < ARCHIVE_FROM:
        return ()
    oldest = lines[: len(lines) - KEPT_LINES]
    queued = next((at for at, line in enumerate(oldest) if line.fate is Fate.QUEUED), len(oldest))
    return tuple(oldest[:queued])


def trim_archived(
    lines: Sequence[LedgerLine], archived_until: datetime | None
) -> tuple[LedgerLine, ...]:
    """The lines that are not in the archive yet."""
    if archived_until is None:
        return tuple(lines)
    return tuple(line for line in lines if line.last > archived_until)


def bound_lines(
    lines: Sequence[LedgerLine], ledger_from: datetime
) -> tuple[tuple[LedgerLine, ...], datetime]:
    """At most MOST_LINES lines, and from when on they cover all.

    The older half is summed up by fate first: every second stays accounted for, only the single
    latenesses and names go. Where that does not suffice it is cut, and the period is unknown.
    """
    if len(lines) <= MOST_LINES:
        return tuple(lines), ledger_from
    half = len(lines) // 2
    summed: list[LedgerLine] = []
    for line in lines[:half]:
        if summed and summed[-1].fate is line.fate and line.fate is not Fate.QUEUED:
            summed[-1] = _join(summed[-1], line)
        else:
            summed.append(line)
    kept = (*summed, *lines[half:])
    if len(kept) <= MOST_LINES:
        return kept, ledger_from
    return tuple(lines[half:]), lines[half - 1].last
