"""What became of each scheduled second of a job."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import json_answer, problems
from chronos_api.decide.account import (
    Account,
    Archived,
    JobRecord,
    compute_account,
    compute_totals,
    read_job_record,
)
from chronos_api.decide.spans import Span
from chronos_api.deps import Parts, PartsDep, TenantDep
from chronos_api.errors import FieldError, InvalidRequest, ObjectStoreUnavailable
from chronos_api.schemas.document import Json
from chronos_api.schemas.ledgers import Ledger
from chronos_api.schemas.queries import LedgerQuery
from chronos_api.store.listing import bad_token
from chronos_api.tenants import Tenant
from chronos_clients.resources import Object
from chronos_crds.ledger import LedgerLine
from chronos_crds.meta import format_time, parse_time
from chronos_crds.naming import execution_name

router = APIRouter(tags=["jobs"])

ANSWER_SECONDS = 10.0
_SECOND = timedelta(seconds=1)


@router.get(
    "/jobs/{name}/ledger",
    operation_id="getJobLedger",
    summary="Read what became of each scheduled second",
    description=(
        "From the job's status and the archive; what of the period is not known is named, with "
        "the reason. A line of several seconds is given whole where it reaches into the period."
    ),
    responses={
        **problems(403, 404, 422),
        200: {"model": Ledger, "description": "A page of the ledger, oldest first."},
    },
)
async def get_ledger(
    name: str, parts: PartsDep, tenant: TenantDep, query: Annotated[LedgerQuery, Query()]
) -> Response:
    now = parts.clock.now()
    stored = await parts.jobs.get(tenant, name)
    # The executions first: one that is removed meanwhile is in the archive by then.
    executions = await parts.executions.all_of(tenant, stored)
    job = await parts.computer.run(partial(read_job_record, stored), seconds=ANSWER_SECONDS)
    asked = _read_period(query, job, now)
    archived = await read_archive(parts, tenant, job, asked, enough=query.limit)
    work = partial(
        compute_account,
        job,
        archived,
        asked=asked,
        now=now,
        limit=query.limit,
        anew=not query.next,
    )
    account = await parts.computer.run(work, seconds=ANSWER_SECONDS)
    part = Span(asked.first, max(account.until, asked.first))
    backfilled, incomplete = await _find_backfilled(parts, tenant, job, part)
    known = _Known(name, {it["metadata"]["name"]: it for it in executions})
    return json_answer(
        {
            "job": name,
            "from": format_time(part.first),
            "to": format_time(part.last),
            "accountedUntil": format_time(job.accounted_until),
            "lines": [*known.tell_lines(account)],
            "totals": compute_totals(account.lines),
            "unknown": [
                {"from": format_time(it.first), "to": format_time(it.last), "why": it.why}
                for it in account.unknown
            ],
            "backfilled": known.tell_backfilled(backfilled, part),
            **({"incomplete": incomplete} if incomplete else {}),
            "continue": _write_token(account.until) if account.more else "",
        }
    )


async def read_archive(
    parts: Parts, tenant: Tenant, job: JobRecord, asked: Span, *, enough: int
) -> Archived:
    """What the archive holds of the period, where it reaches into it."""
    until = min(asked.last, job.archived_until)
    since = max(asked.first, job.created_at)
    if until < since:
        return Archived()
    found = await parts.archive.read(tenant, job.uid, since=since, until=until, enough=enough)
    return Archived(found.lines, found.known, found.broken, found.end, found.failed)


async def _find_backfilled(
    parts: Parts, tenant: Tenant, job: JobRecord, part: Span
) -> tuple[Iterable[datetime], str]:
    """The backfilled seconds whose executions are gone, and why they are not known if so."""
    try:
        found = await parts.archive.list_backfilled(
            tenant, job.uid, since=part.first, until=part.last
        )
    except ObjectStoreUnavailable as error:
        return (), f"backfilled seconds whose executions are gone are not shown: {error.detail}"
    return found, ""


@dataclass(frozen=True)
class _Known:
    """A job's executions that are still there, by their names."""

    job: str
    executions: Mapping[str, Object]

    def tell_lines(self, account: Account) -> Iterable[Json]:
        """Lines as they are answered."""
        for line in account.lines:
            is_last = line is account.lines[-1]
            yield {
                **line.to_manifest(),
                **self._tell_execution(line),
                **({"computed": True} if account.computed and is_last else {}),
                **({"atLeast": True} if account.at_least and is_last else {}),
            }

    def _tell_execution(self, line: LedgerLine) -> Json:
        name = execution_name(self.job, line.time)
        stored = self.executions.get(name)
        if stored is None or line.count != 1:
            return {}
        told = {"id": name, "state": _state(stored), "trigger": stored["spec"]["trigger"]}
        return {"execution": told}

    def tell_backfilled(self, gone: Iterable[datetime], part: Span) -> list[Json]:
        """Backfilled seconds as they are answered, oldest first."""
        told = {second: {"execution": execution_name(self.job, second)} for second in gone}
        for name, stored in self.executions.items():
            if stored["spec"].get("trigger") == "Backfill":
                second = parse_time(stored["spec"].get("scheduledTime"))
                told[second] = {"execution": name, "state": _state(stored)}
        return [
            {"time": format_time(second), **told[second]}
            for second in sorted(told)
            if part.has(second)
        ]


def _state(execution: Object) -> str:
    return str((execution.get("status") or {}).get("state", "Pending"))


def _read_period(query: LedgerQuery, job: JobRecord, now: datetime) -> Span:
    """The whole seconds asked for; raises InvalidRequest where there are none."""
    since = query.since or job.created_at
    until = (query.until or max(now, since)).replace(microsecond=0)
    first = since.replace(microsecond=0) + (_SECOND if since.microsecond else timedelta())
    if first > until:
        field = FieldError("lies before from", "exchange the two", parameter="to")
        raise InvalidRequest("the period ends before it begins", errors=[field])
    if query.next:
        position = _read_token(query.next) + _SECOND
        if not first <= position <= until:
            raise bad_token()
        first = position
    return Span(first, until)


def _write_token(until: datetime) -> str:
    return base64.urlsafe_b64encode(format_time(until).encode()).decode()


def _read_token(token: str) -> datetime:
    try:
        moment = parse_time(base64.b64decode(token, altchars=b"-_", validate=True).decode())
    except (ValueError, binascii.Error) as error:
        raise bad_token() from error
    if moment.microsecond:
        raise bad_token()
    return moment
