"""A job's ledger over a period: the archive, the status and what can be told without either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from chronos_api.decide.spans import Span, find_unknown
from chronos_api.schemas.document import Json
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus, JobState
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.timetable import Timetable, build_timetable
from chronos_crds.validation import InvalidInput, parse_job_spec, parse_model

# The seconds of a pause are counted one by one, and a pause may be long.
MAX_COUNTED = 200_000

_SECOND = timedelta(seconds=1)
_BEFORE = "before the job was stored"
_AHEAD = "not past yet"
_OPEN = "not accounted for yet"
_MISSING = "no segment of the archive covers it"


@dataclass(frozen=True)
class JobRecord:
    """What a stored job says that its ledger is read by; ``spec`` is None where it is not valid.

    ``is_observed``: the operator has seen this version of the job.
    """

    uid: str
    created_at: datetime
    spec: ChronosJobSpec | None
    status: ChronosJobStatus
    is_observed: bool

    @property
    def archived_until(self) -> datetime:
        """The ledger up to here lies in the archive."""
        return self.status.ledger_from or self.created_at - _SECOND

    @property
    def accounted_until(self) -> datetime:
        """Every scheduled second up to here is in the ledger."""
        return self.status.cursor_at or self.created_at - _SECOND

    def build_timetable(self) -> Timetable | None:
        """Its scheduled seconds; None where the job is not valid."""
        if self.spec is None:
            return None
        return build_timetable(self.spec.schedule, created_at=self.created_at, uid=self.uid)


def read_job_record(stored: Json) -> JobRecord:
    """What a stored job says; a status that cannot be read is taken for none at all."""
    meta, told = stored["metadata"], stored.get("status") or {}
    try:
        spec = parse_job_spec(stored.get("spec"))
    except InvalidInput:
        spec = None
    try:
        status = parse_model(ChronosJobStatus, told, known_only=True)
    except InvalidInput:
        status = ChronosJobStatus()
    return JobRecord(
        uid=meta["uid"],
        created_at=datetime.fromisoformat(meta["creationTimestamp"]),
        spec=spec,
        status=status,
        is_observed=status.observed_generation == meta.get("generation"),
    )


@dataclass(frozen=True)
class Archived:
    """What the archive gave: see ``store.archive.Excerpt``."""

    lines: Sequence[LedgerLine] = ()
    known: Sequence[Span] = ()
    broken: Sequence[Span] = ()
    end: datetime | None = None
    failed: str = ""


@dataclass(frozen=True)
class Account:
    """Some lines of a ledger, oldest first, and what is not known between them.

    ``until``: up to when it speaks. ``more``: there is more behind it. ``computed``: the last line
    is not recorded yet, but can be told: the job is paused. ``at_least``: its count is a lower
    bound.
    """

    lines: Sequence[LedgerLine]
    unknown: Sequence[Span]
    until: datetime
    more: bool
    computed: bool = False
    at_least: bool = False


def compute_account(
    job: JobRecord, archived: Archived, *, asked: Span, now: datetime, limit: int, anew: bool
) -> Account:
    """The first ``limit`` lines of the ledger in ``asked``.

    ``anew``: a line that only reaches into the period counts; otherwise it was given before.
    """
    until = asked.last if archived.end is None else min(asked.last, archived.end)
    found = _merge(archived.lines, job.status.ledger)
    lines = [
        line
        for line in found
        if line.time <= until and (line.last if anew else line.time) >= asked.first
    ]
    tail = _find_tail(job, Span(asked.first, until), now)
    computed = tail.line is not None and len(lines) < limit
    if tail.line is not None:
        lines.append(tail.line)
    more = len(lines) > limit or until < asked.last
    if len(lines) > limit:
        lines = lines[:limit]
        until = lines[-1].last
    part = Span(asked.first, max(until, asked.first))
    known = [*archived.known, *tail.known]
    if job.accounted_until > job.archived_until:
        known.append(Span(job.archived_until + _SECOND, job.accounted_until))
    unknown = find_unknown(
        part,
        known,
        _reasons(job, archived, part, now),
        default=archived.failed or _MISSING,
    )
    return Account(lines, unknown, until, more, computed, computed and tail.at_least)


def _merge(archived: Iterable[LedgerLine], live: Iterable[LedgerLine]) -> list[LedgerLine]:
    """All lines in order; a later word about a second counts, the status's last of all."""
    by_time = {line.time: line for line in archived}
    for line in live:
        by_time[line.time] = line
    return [by_time[moment] for moment in sorted(by_time)]


def _reasons(job: JobRecord, archived: Archived, part: Span, now: datetime) -> list[Span]:
    reasons = list(archived.broken)
    created = job.created_at
    if part.first < created:
        reasons.append(Span(part.first, created - _SECOND, _BEFORE))
    if part.last > now:
        reasons.append(Span(now.replace(microsecond=0) + _SECOND, part.last, _AHEAD))
    if part.last > job.accounted_until:
        why = _OPEN if job.spec is not None else "the job is not valid"
        reasons.append(Span(max(created, job.accounted_until + _SECOND), part.last, why))
    return reasons


@dataclass(frozen=True)
class _Tail:
    """What can be told of the time that is not accounted for yet."""

    known: Sequence[Span] = ()
    line: LedgerLine | None = None
    at_least: bool = False


def _find_tail(job: JobRecord, asked: Span, now: datetime) -> _Tail:
    """Between the cursor and now: nothing was scheduled, or the job is paused or has ended."""
    first = max(job.accounted_until + _SECOND, asked.first)
    last = min(now.replace(microsecond=0), asked.last)
    timetable = job.build_timetable()
    if timetable is None or not job.is_observed or first > last:
        return _Tail()
    seconds = list(islice(timetable.between(first - _SECOND, last), MAX_COUNTED + 1))
    span = Span(first, last)
    if not seconds or job.status.state is JobState.COMPLETED:
        return _Tail(known=[span])
    if not _is_paused(job, now):
        return _Tail(known=[Span(first, seconds[0] - _SECOND)])
    at_least = len(seconds) > MAX_COUNTED
    newest = timetable.newest(last, after=first - _SECOND, limit=1)[0]
    line = LedgerLine(
        time=seconds[0],
        until=newest if len(seconds) > 1 else None,
        count=min(len(seconds), MAX_COUNTED),
        fate=Fate.SUSPENDED,
        reason="Paused",
    )
    return _Tail([span], line, at_least)


def _is_paused(job: JobRecord, now: datetime) -> bool:
    spec = job.spec
    if spec is None or job.status.state is not JobState.PAUSED:
        return False
    return spec.suspend or (spec.paused_until is not None and now < spec.paused_until)


def compute_totals(lines: Iterable[LedgerLine]) -> dict[str, int]:
    """How many scheduled seconds the lines give to each fate, and how many started late."""
    totals = dict.fromkeys((fate.value.lower() for fate in Fate), 0) | {"late": 0}
    for line in lines:
        totals[line.fate.value.lower()] += line.count
        is_late = line.fate is Fate.STARTED and (line.lateness_ms or 0) > 1000
        totals["late"] += is_late
    return totals
