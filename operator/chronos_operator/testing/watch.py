"""What kopf does for the operator: brings each change to its sightings; or fails to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from chronos_clients.resources import (
    CALENDARS,
    EXECUTIONS,
    JOBS,
    KUBE_JOBS,
    PODS,
    Object,
    Resource,
)
from chronos_crds.naming import LABEL_MANAGED_BY, MANAGED_BY
from chronos_operator.observed import Name
from chronos_operator.sightings import Sightings
from chronos_operator.testing.cluster import WATCHED, Change, WatchedKubernetes


@dataclass(frozen=True)
class Weather:
    """How news travel: what part of them is lost, comes twice, and how late they are at most.

    Without a ``seed`` each kind's news come all, once and in order; with one they are also mixed.
    """

    seed: int | None = None
    lost: float = 0.0
    twice: float = 0.0
    latest_seconds: float = 0.01


CLEAR = Weather()


class Watch:
    """Brings the news until it is closed; begins with everything there is."""

    def __init__(
        self, cluster: WatchedKubernetes, sightings: Sightings, weather: Weather = CLEAR
    ) -> None:
        self._sightings = sightings
        self._weather = weather
        self._dice = random.Random(weather.seed)  # noqa: S311 - chance that can be repeated
        self._timers: list[asyncio.TimerHandle] = []
        self._waiting: list[Change] = []
        for resource in WATCHED:
            for body in cluster.objects(resource):
                self._hear(Change("ADDED", resource, body))
        self._stop = cluster.watch(self._hear)

    def close(self) -> None:
        """No more news, and none of those under way."""
        self._stop()
        for timer in self._timers:
            timer.cancel()

    def _hear(self, change: Change) -> None:
        if change.resource in (KUBE_JOBS, PODS):
            labels = change.body["metadata"].get("labels") or {}
            if labels.get(LABEL_MANAGED_BY) != MANAGED_BY:
                return
        loop, latest = asyncio.get_running_loop(), self._weather.latest_seconds
        if self._weather.seed is None:
            # All wait as long: the next one that comes due is the first one that was heard.
            self._waiting.append(change)
            timer = loop.call_later(latest, lambda: self._tell(self._waiting.pop(0)))
            self._timers.append(timer)
            return
        if self._dice.random() < self._weather.lost:
            return
        for _ in range(2 if self._dice.random() < self._weather.twice else 1):
            delay = self._dice.uniform(0, latest)
            self._timers.append(loop.call_later(delay, self._tell, change))

    def _tell(self, change: Change) -> None:
        saw, lost = _ears(self._sightings, change.resource)
        saw(change.body)
        if change.type == "DELETED":
            meta = change.body["metadata"]
            lost((meta["namespace"], meta["name"]))


def _ears(
    sightings: Sightings, resource: Resource
) -> tuple[Callable[[Object], None], Callable[[Name], None]]:
    return {
        CALENDARS: (sightings.saw_calendar, sightings.lost_calendar),
        JOBS: (sightings.saw_job, sightings.lost_job),
        EXECUTIONS: (sightings.saw_execution, sightings.lost_execution),
        KUBE_JOBS: (sightings.saw_kube_job, sightings.lost_kube_job),
        PODS: (sightings.saw_pod, sightings.lost_pod),
    }[resource]
