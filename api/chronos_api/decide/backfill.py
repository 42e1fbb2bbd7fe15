"""What a backfill does with each scheduled second of a period."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from chronos_api.decide.account import Account, JobRecord
from chronos_api.decide.exclusion import NamedCalendar, find_excluding
from chronos_api.decide.pasttime import build_past_timetable
from chronos_api.schemas.backfills import BackfillOrder, BackfillStatus
from chronos_api.schemas.document import Json
from chronos_crds.ledger import Fate, LedgerLine
from chronos_crds.meta import format_time
from chronos_crds.naming import execution_name

_SECOND = timedelta(seconds=1)
# What a second has that ran or is going to.
_RAN = (Fate.STARTED, Fate.QUEUED)


@dataclass(frozen=True)
class BackfillStep:
    """One scheduled second, the name of its execution, and what is done about it."""

    second: datetime
    execution: str
    status: BackfillStatus
    reason: str | None = None

    def to_json(self) -> Json:
        """As it is answered."""
        told = {"reason": self.reason} if self.reason is not None else {}
        return {
            "scheduledTime": format_time(self.second),
            "execution": self.execution,
            "status": str(self.status),
            **told,
        }

    def becomes(self, status: BackfillStatus) -> BackfillStep:
        """The same second, with what became of it."""
        return replace(self, status=status)


def list_seconds(job: JobRecord, *, since: datetime, until: datetime, limit: int) -> list[datetime]:
    """The scheduled seconds of a valid job from ``since`` to ``until``, at most ``limit``."""
    if job.spec is None:
        raise ValueError("the job is not valid")
    timetable = build_past_timetable(
        job.spec.schedule, since=since, created_at=job.created_at, uid=job.uid
    )
    # A fraction of a second before ``since`` lies in the second before it.
    seconds = timetable.between(since - timedelta(microseconds=1), until)
    # In the very second of the job's creation nothing fires but what it was stored for.
    return list(islice((second for second in seconds if second != job.created_at), limit))


@dataclass(frozen=True)
class Evidence:
    """What is known of seconds that ran: the ledger, the live executions, the backfilled seconds
    whose executions are gone."""

    account: Account
    executions: Collection[str]
    backfilled: Collection[datetime]


def decide_backfill(
    name: str,
    job: JobRecord,
    seconds: Sequence[datetime],
    evidence: Evidence,
    calendars: Sequence[NamedCalendar],
    *,
    order: BackfillOrder,
) -> list[BackfillStep]:
    """A step for each second, in the order in which they are to be run.

    A second whose fate is not known is left alone: what ran must not run again.
    """
    ran = [line for line in evidence.account.lines if line.fate in _RAN]
    steps = []
    for second in seconds:
        execution = execution_name(name, second)
        status, reason = BackfillStatus.WOULD_CREATE, None
        calendar = find_excluding(calendars, second)
        unknown = _why_unknown(evidence.account, job, second)
        if execution in evidence.executions or second in evidence.backfilled or _is_in(ran, second):
            status = BackfillStatus.ALREADY_RAN
        elif unknown is not None:
            status, reason = BackfillStatus.UNKNOWN, unknown
        elif calendar is not None:
            status, reason = BackfillStatus.EXCLUDED, calendar
        steps.append(BackfillStep(second, execution, status, reason))
    return steps[::-1] if order is BackfillOrder.NEWEST_FIRST else steps


def _why_unknown(account: Account, job: JobRecord, second: datetime) -> str | None:
    """Why it is not known whether the second ran; before the job's creation it did not."""
    if second < job.created_at:
        return None
    if second > account.until:
        return "more of the ledger than is read for one request lies before it"
    return next((span.why for span in account.unknown if span.has(second)), None)


def _is_in(lines: Iterable[LedgerLine], second: datetime) -> bool:
    return any(line.time <= second <= line.last for line in lines)
