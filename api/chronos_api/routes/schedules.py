"""Schedules that are not stored yet: what they say, and when they fire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from chronos_api.answers import BODY, json_answer, json_body, problems
from chronos_api.computing import Budget
from chronos_api.decide.exclusion import NamedCalendar
from chronos_api.decide.pasttime import build_past_timetable
from chronos_api.decide.preview import compute_preview
from chronos_api.deps import BodyDep, Parts, PartsDep, TenantDep
from chronos_api.schemas.document import Json
from chronos_api.schemas.queries import TenantQuery
from chronos_api.schemas.schedules import (
    Preview,
    PreviewQuestion,
    PreviewRequest,
    parse_preview_request,
)
from chronos_clients.resources import Object
from chronos_crds.describe import describe_in_english
from chronos_crds.meta import format_time
from chronos_crds.schedule import Schedule
from chronos_crds.timetable import build_timetable
from chronos_crds.zones import load_zone

router = APIRouter(tags=["schedules"])

# Of CPU, for the search; what is expensive to check is bounded by its check.
SEARCH_SECONDS = 0.03
# Waiting for a thread included.
ANSWER_SECONDS = 10.0


@router.post(
    "/schedules/preview",
    operation_id="previewSchedule",
    summary="See when a schedule would fire",
    description=(
        "Nothing is stored. Calendars that the schedule names are those of the tenant. Without a "
        "job it is read as if a job with it were stored at `after`."
    ),
    responses={
        **problems(*BODY, 403, 404),
        200: {"model": Preview, "description": "The next times, and the schedule in words."},
    },
    openapi_extra=json_body(PreviewRequest),
)
async def preview_schedule(
    parts: PartsDep, tenant: TenantDep, _: Annotated[TenantQuery, Query()], body: BodyDep
) -> Response:
    question, schedule = await parts.computer.run(
        partial(parse_preview_request, body), seconds=ANSWER_SECONDS
    )
    job = None if question.job is None else await parts.jobs.get(tenant, question.job)
    names = schedule.exclude_calendars
    calendars = await parts.calendars.load(tenant, names, at="/schedule/excludeCalendars")
    after = question.after or parts.clock.now()
    work = partial(_preview, parts, question, schedule, job, calendars, after)
    return json_answer(await parts.computer.run(work, seconds=ANSWER_SECONDS))


def _preview(
    parts: Parts,
    question: PreviewQuestion,
    schedule: Schedule,
    job: Object | None,
    calendars: Sequence[NamedCalendar],
    after: datetime,
) -> Json:
    budget = Budget(parts.clock, SEARCH_SECONDS)
    count, first = question.count, []
    if job is None:
        recurring = schedule.model_copy(update={"immediate": False})
        timetable = build_timetable(recurring, created_at=after)
        first = [after.replace(microsecond=0)] if schedule.immediate else []
    else:
        created_at = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
        timetable = build_past_timetable(
            schedule, since=after, created_at=created_at, uid=job["metadata"]["uid"]
        )
    if schedule.max_runs is not None:
        count = min(count, schedule.max_runs - _count_started(job))
    found = compute_preview(
        timetable, calendars, after=after, count=count - len(first), is_spent=budget.is_spent
    )
    zone = load_zone(schedule.time_zone)
    note = found.note
    if count < question.count and note is None:
        note = f"there are no more: maxRuns is {schedule.max_runs}"
    return {
        "times": [
            {"utc": format_time(second), "local": second.astimezone(zone).isoformat()}
            for second in (*first, *found.times)
        ],
        "text": describe_in_english(schedule, after=after),
        "excluded": found.excluded,
        **({"note": note} if note is not None else {}),
        "schedule": schedule.to_manifest(),
        "timeZoneData": version("tzdata"),
    }


def _count_started(job: Object | None) -> int:
    status = {} if job is None else job.get("status") or {}
    started = status.get("started", 0)
    return started if isinstance(started, int) else 0
