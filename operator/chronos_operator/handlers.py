"""kopf's handlers: each remembers what it saw and wakes a reconcile, nothing else."""

from __future__ import annotations

from typing import Any

import kopf

from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS, KUBE_JOBS, PODS
from chronos_crds.naming import LABEL_MANAGED_BY, MANAGED_BY
from chronos_operator.engine import Engine

OURS = {LABEL_MANAGED_BY: MANAGED_BY}


@kopf.on.event(JOBS.group, JOBS.version, JOBS.plural)
async def see_job(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    engine: Engine = memo.engine
    _tell(event, engine.sightings.saw_job, engine.sightings.lost_job)


@kopf.on.event(EXECUTIONS.group, EXECUTIONS.version, EXECUTIONS.plural)
async def see_execution(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    engine: Engine = memo.engine
    _tell(event, engine.sightings.saw_execution, engine.sightings.lost_execution)


@kopf.on.event(CALENDARS.group, CALENDARS.version, CALENDARS.plural)
async def see_calendar(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    engine: Engine = memo.engine
    _tell(event, engine.sightings.saw_calendar, engine.sightings.lost_calendar)


@kopf.on.event(KUBE_JOBS.group, KUBE_JOBS.version, KUBE_JOBS.plural, labels=OURS)
async def see_kube_job(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    engine: Engine = memo.engine
    _tell(event, engine.sightings.saw_kube_job, engine.sightings.lost_kube_job)


@kopf.on.event(PODS.version, PODS.plural, labels=OURS)
async def see_pod(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    engine: Engine = memo.engine
    _tell(event, engine.sightings.saw_pod, engine.sightings.lost_pod)


def _tell(event: kopf.RawEvent, saw: Any, lost: Any) -> None:
    body: dict[str, Any] = dict(event["object"])
    if event["type"] == "DELETED":
        # The last state tells how a pod ended, should no earlier event have.
        saw(body)
        lost((body["metadata"]["namespace"], body["metadata"]["name"]))
    else:
        saw(body)
