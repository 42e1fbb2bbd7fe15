"""The periodic listing: finds whatever the watches have lost, and fills memory after a start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from chronos_clients.errors import ClientError
from chronos_clients.kubernetes import Kubernetes, list_all
from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS, KUBE_JOBS, PODS, Object, Resource
from chronos_crds.naming import LABEL_MANAGED_BY, MANAGED_BY
from chronos_operator.observed import Name, Observed, Shelf
from chronos_operator.sightings import Sightings

V = TypeVar("V")

OURS = {LABEL_MANAGED_BY: MANAGED_BY}

log = logging.getLogger(__name__)


@dataclass
class Resync:
    """Lists all kinds into what is observed, and wakes all that is not at rest."""

    kubernetes: Kubernetes
    observed: Observed
    sightings: Sightings
    namespaces: tuple[str, ...]
    is_synced: bool = False

    async def run_first(self) -> None:
        """Lists until it has worked once; until the CRDs are served it does not."""
        while not self.is_synced:
            self.is_synced = await self._try_listing()
            if not self.is_synced:
                await asyncio.sleep(1.0)

    async def run(self, every_seconds: float) -> None:
        """Lists periodically until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            await self._try_listing()

    async def _try_listing(self) -> bool:
        try:
            await self.list_everything()
        except ClientError as error:
            log.warning("listing failed", extra={"error": str(error)})
            return False
        return True

    async def list_everything(self) -> None:
        """One round. Executions are listed before kube jobs: a kube job is created before its
        execution, so that each execution seen has its kube job seen."""
        sightings, observed = self.sightings, self.observed
        observed.begin_round()
        await self._list(
            CALENDARS, observed.calendars, sightings.saw_calendar, sightings.lost_calendar
        )
        await self._list(JOBS, observed.jobs, sightings.saw_job, sightings.lost_job)
        await self._list(
            EXECUTIONS, observed.executions, sightings.saw_execution, sightings.lost_execution
        )
        await self._list(
            KUBE_JOBS, observed.kube_jobs, sightings.saw_kube_job, sightings.lost_kube_job
        )
        await self._list(PODS, observed.pods, sightings.saw_pod, sightings.lost_pod)
        sightings.wake_all()

    async def _list(
        self,
        resource: Resource,
        shelf: Shelf[V],
        saw: Callable[[Object], None],
        lost: Callable[[Name], None],
    ) -> None:
        labels = OURS if resource in (KUBE_JOBS, PODS) else None
        before, listed = shelf.names(), set()
        for namespace in self._scopes():
            for body in await list_all(self.kubernetes, resource, namespace, labels=labels):
                listed.add((body["metadata"]["namespace"], body["metadata"]["name"]))
                saw(body)
        for name in before - listed:
            lost(name)

    def _scopes(self) -> Iterator[str | None]:
        yield from self.namespaces or (None,)
