"""Backfills: running the scheduled seconds of a period that has passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import BODY, json_answer, json_body, problems
from chronos_api.decide.account import JobRecord, compute_account, read_job_record
from chronos_api.decide.backfill import BackfillStep, Evidence, decide_backfill, list_seconds
from chronos_api.decide.exclusion import NamedCalendar
from chronos_api.decide.spans import Span
from chronos_api.deps import BodyDep, Parts, PartsDep, TenantDep
from chronos_api.errors import ApiError, JobInvalid
from chronos_api.routes.ledgers import read_archive
from chronos_api.schemas.backfills import Backfill, BackfillRequest, BackfillStatus
from chronos_api.schemas.document import Json
from chronos_api.schemas.queries import TenantQuery
from chronos_api.store.executions import random_letters
from chronos_api.tenants import Tenant
from chronos_api.validity import check_valid
from chronos_clients.resources import Object
from chronos_crds.execution import BackfillPart, ExecutionSpec, JobRef, Trigger
from chronos_crds.meta import format_time
from chronos_crds.validation import InvalidInput, Problem, parse_model

router = APIRouter(tags=["jobs"])

COMPUTE_SECONDS = 10.0
# For all creations of one request; they follow each other, because the operator starts them in the
# order in which it comes to see them.
CREATE_SECONDS = 45.0
# A ledger of so many lines is not told apart any more.
MAX_LINES = 100_000


@router.post(
    "/jobs/{name}/backfill",
    operation_id="backfillJob",
    summary="Run the scheduled seconds of a period that has passed",
    description=(
        "The job's schedule of now decides which seconds they are; a second that already ran is "
        "left out, as is one of which that is not known. At most 1000 at a time. They obey the "
        "job's concurrency unless they say Ignore: under Forbid they wait."
    ),
    status_code=201,
    responses={
        **problems(*BODY, 403, 404, 409),
        200: {"model": Backfill, "description": "What would be done, or that nothing was."},
        201: {"model": Backfill, "description": "What was created."},
    },
    openapi_extra=json_body(BackfillRequest),
)
async def backfill_job(
    name: str,
    parts: PartsDep,
    tenant: TenantDep,
    _: Annotated[TenantQuery, Query()],
    body: BodyDep,
) -> Response:
    request = parse_model(BackfillRequest, body)
    now = parts.clock.now()
    _check_period(request, now)
    stored = await parts.jobs.get(tenant, name)
    check_valid(stored)
    steps = await _plan(parts, tenant, stored, request, now)
    if request.dry_run:
        return json_answer(_tell(steps, id=None, created=0))
    id = random_letters(10)
    done, incomplete = await _create(parts, tenant, stored, steps, request, id)
    created = sum(step.status is BackfillStatus.CREATED for step in done)
    document = _tell(done, id=id, created=created, incomplete=incomplete)
    return json_answer(document, status=201 if created else 200)


def _check_period(request: BackfillRequest, now: datetime) -> None:
    if request.until < request.since:
        raise InvalidInput([Problem("/to", "lies before from", "exchange the two")])
    if request.until > now:
        remedy = f"give a time up to {format_time(now.replace(microsecond=0))}"
        raise InvalidInput([Problem("/to", "lies ahead: a backfill is about the past", remedy)])


async def _plan(
    parts: Parts, tenant: Tenant, stored: Object, request: BackfillRequest, now: datetime
) -> Sequence[BackfillStep]:
    """What to do about each second of the period; raises InvalidInput, JobInvalid."""
    job = await parts.computer.run(partial(read_job_record, stored), seconds=COMPUTE_SECONDS)
    calendars = await _load_calendars(parts, tenant, job)
    work = partial(
        list_seconds, job, since=request.since, until=request.until, limit=request.limit + 1
    )
    seconds = await parts.computer.run(work, seconds=COMPUTE_SECONDS)
    _check_seconds(seconds, job, request)
    evidence = await _gather(parts, tenant, stored, job, seconds, now)
    name = stored["metadata"]["name"]
    decide = partial(decide_backfill, name, job, seconds, evidence, calendars, order=request.order)
    return await parts.computer.run(decide, seconds=COMPUTE_SECONDS)


def _check_seconds(seconds: Sequence[datetime], job: JobRecord, request: BackfillRequest) -> None:
    if len(seconds) > request.limit:
        message = f"holds more than {request.limit} scheduled seconds"
        shown = format_time(seconds[request.limit - 1])
        remedy = f"backfill in several steps, the first of them up to {shown}"
        raise InvalidInput([Problem("/to", message, remedy)])
    if seconds and seconds[-1] > job.accounted_until:
        last = format_time(job.accounted_until)
        message = f"reaches beyond {last}, up to which the job's seconds are accounted for"
        remedy = "give an earlier time, or resume the job where it is paused"
        raise InvalidInput([Problem("/to", message, remedy)])


async def _load_calendars(parts: Parts, tenant: Tenant, job: JobRecord) -> Sequence[NamedCalendar]:
    names = () if job.spec is None else job.spec.schedule.exclude_calendars
    try:
        return await parts.calendars.load(tenant, names, at="/schedule/excludeCalendars")
    except InvalidInput as error:
        raise JobInvalid(f"the job is not valid: {error}") from error


async def _gather(
    parts: Parts,
    tenant: Tenant,
    stored: Object,
    job: JobRecord,
    seconds: Sequence[datetime],
    now: datetime,
) -> Evidence:
    """What is known of these seconds; raises ObjectStoreUnavailable."""
    # The executions before the archive: one that is removed meanwhile is in the archive by then.
    executions = await parts.executions.all_of(tenant, stored)
    names = frozenset(it["metadata"]["name"] for it in executions)
    first = seconds[0] if seconds else now.replace(microsecond=0)
    asked = Span(first, seconds[-1] if seconds else first)
    archived = await read_archive(parts, tenant, job, asked, enough=MAX_LINES)
    work = partial(compute_account, job, archived, asked=asked, now=now, limit=MAX_LINES, anew=True)
    account = await parts.computer.run(work, seconds=COMPUTE_SECONDS)
    backfilled = await parts.archive.list_backfilled(
        tenant, job.uid, since=asked.first, until=asked.last
    )
    return Evidence(account, names, backfilled)


async def _create(
    parts: Parts,
    tenant: Tenant,
    stored: Object,
    steps: Sequence[BackfillStep],
    request: BackfillRequest,
    id: str,
) -> tuple[Sequence[BackfillStep], str]:
    """The steps as they went, and why not all were taken; raises what stops the very first."""
    done: list[BackfillStep] = []
    incomplete, position = "", 0
    deadline = parts.clock.elapsed() + CREATE_SECONDS
    for step in steps:
        if step.status is not BackfillStatus.WOULD_CREATE:
            done.append(step)
            continue
        position += 1
        if not incomplete and parts.clock.elapsed() > deadline:
            incomplete = f"they could not all be created within {CREATE_SECONDS:g} s"
        status = BackfillStatus.NOT_CREATED
        if not incomplete:
            spec = _build_spec(stored, step, request, id=id, position=position)
            try:
                # Somebody else's of the same second, come meanwhile: it does not run twice.
                is_new = await parts.executions.create(tenant, stored, step.execution, spec)
                status = BackfillStatus.CREATED if is_new else BackfillStatus.ALREADY_RAN
            except ApiError as error:
                if position == 1:
                    raise
                incomplete = error.detail
        done.append(step.becomes(status))
    return done, incomplete


def _build_spec(
    stored: Object, step: BackfillStep, request: BackfillRequest, *, id: str, position: int
) -> ExecutionSpec:
    meta = stored["metadata"]
    return ExecutionSpec(
        job_ref=JobRef(name=meta["name"], uid=meta["uid"]),
        scheduled_at=step.second,
        trigger=Trigger.BACKFILL,
        concurrency=request.concurrency,
        backfill=BackfillPart(id=id, position=position, parallel=request.parallel),
    )


def _tell(
    steps: Sequence[BackfillStep], *, id: str | None, created: int, incomplete: str = ""
) -> Json:
    return {
        **({"id": id} if id is not None else {}),
        "dryRun": id is None,
        "created": created,
        "times": [step.to_json() for step in steps],
        **({"incomplete": incomplete} if incomplete else {}),
    }
