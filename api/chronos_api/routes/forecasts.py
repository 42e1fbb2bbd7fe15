"""What the fleet is going to start, and where it piles up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import json_answer, problems
from chronos_api.computing import Budget
from chronos_api.decide.forecast import MINUTE, Calendars
from chronos_api.decide.forecast import Forecast as Count
from chronos_api.deps import Parts, PartsDep, ScopeDep
from chronos_api.errors import FieldError, InvalidRequest
from chronos_api.schemas.forecasts import Forecast
from chronos_api.schemas.queries import ForecastQuery
from chronos_api.tenants import Scope
from chronos_clients.resources import Object
from chronos_crds.meta import format_time

router = APIRouter(tags=["schedules"])

MAX_DAYS = 7
MAX_JOBS = 20_000
# Of CPU for one page of jobs, and for the whole answer.
PAGE_CPU_SECONDS = 10.0
ANSWER_SECONDS = 30.0


@router.get(
    "/forecast",
    operation_id="getForecast",
    summary="See what will start, by minute",
    description=(
        "Counted by the schedules of now: pauses, calendars, maxRuns and jitter count, what stands "
        "in the way at the time (concurrency, quotas) does not."
    ),
    responses={
        **problems(403, 404, 422),
        200: {"model": Forecast, "description": "What starts, and the fullest minutes."},
    },
)
async def get_forecast(
    parts: PartsDep, scope: ScopeDep, query: Annotated[ForecastQuery, Query()]
) -> Response:
    count = _build_count(parts, query)
    began = parts.clock.elapsed()
    calendars = await _load_calendars(parts, scope)
    async for page in _pages(parts, scope):
        left = ANSWER_SECONDS - (parts.clock.elapsed() - began)
        if left <= 0:
            count.incomplete = f"not all jobs could be looked at within {ANSWER_SECONDS:g} s"
            break
        room = MAX_JOBS - count.jobs
        work = partial(_add_page, parts, count, page[:room], calendars)
        await parts.long_computer.run(work, seconds=left)
        if len(page) > room:
            count.incomplete = f"of more than {MAX_JOBS} jobs only so many are looked at"
            break
    return json_answer(await parts.long_computer.run(count.to_json, seconds=ANSWER_SECONDS))


def _build_count(parts: Parts, query: ForecastQuery) -> Count:
    now = parts.clock.now().replace(microsecond=0)
    since = query.since or now
    until = query.until or since + timedelta(days=1)
    if since < now - timedelta(seconds=MINUTE):
        message = "lies in the past"
        remedy = f"give a time from {format_time(now)} on; the ledger tells what has been"
        raise _refused(message, remedy, "from")
    if until <= since:
        raise _refused("is not after from", "give a later time", "to")
    if until - since > timedelta(days=MAX_DAYS):
        last = format_time(since + timedelta(days=MAX_DAYS))
        raise _refused(f"is more than {MAX_DAYS} days after from", f"give {last} at most", "to")
    return Count(since, until, now)


def _refused(message: str, remedy: str, parameter: str) -> InvalidRequest:
    field = FieldError(message, remedy, parameter=parameter)
    return InvalidRequest(f"{parameter} {message}", errors=[field])


async def _pages(parts: Parts, scope: Scope) -> AsyncIterator[Sequence[Object]]:
    """The jobs of the tenants meant, page by page."""
    for namespace in scope.namespaces:
        async for page in parts.jobs.pages(namespace):
            yield [job for job in page if scope.has(job["metadata"]["namespace"])]


async def _load_calendars(parts: Parts, scope: Scope) -> dict[str, Calendars]:
    """The readable calendars of the tenants meant, by tenant and name."""
    found: dict[str, Calendars] = {}
    for namespace in scope.namespaces:
        async for page in parts.calendars.pages(namespace):
            for tenant, name, calendar in await parts.long_computer.run(
                partial(parts.calendars.read_page, page), seconds=ANSWER_SECONDS
            ):
                found[tenant] = {**found.get(tenant, {}), name: calendar}
    return found


def _add_page(
    parts: Parts, count: Count, page: Sequence[Object], calendars: dict[str, Calendars]
) -> None:
    count.is_spent = Budget(parts.clock, PAGE_CPU_SECONDS).is_spent
    for job in page:
        count.add(job, calendars.get(job["metadata"]["namespace"], {}))
