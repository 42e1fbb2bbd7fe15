"""A whole cluster with its operator in one process, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from chronos_clients.resources import (
    CALENDARS,
    EVENTS,
    EXECUTIONS,
    JOBS,
    KUBE_JOBS,
    PODS,
    Object,
    Resource,
)
from chronos_clients.testing import FakeObjectStore
from chronos_crds import API_VERSION
from chronos_operator.config import Config
from chronos_operator.engine import Engine
from chronos_operator.testing.clock import VirtualClock, run_in_virtual_time
from chronos_operator.testing.cluster import WatchedKubernetes
from chronos_operator.testing.kubelet import Command, Kubelet, Script
from chronos_operator.testing.watch import CLEAR, Watch, Weather
from chronos_operator.testing.wire import Wire, WiredKubernetes, WiredObjectStore

NAMESPACE = "default"


class Simulation:
    """A cluster, a store and a kubelet; operators come and go by ``serve``."""

    def __init__(self, start: datetime, script: Script = lambda _: Command()) -> None:
        self.clock = VirtualClock(start)
        self.cluster = WatchedKubernetes(self.clock.now)
        self.store = FakeObjectStore(has_bucket=False)
        self.script = script
        self.kubelet = Kubelet(self.cluster, self.clock, script)

    async def create_job(self, name: str, spec: Object) -> Object:
        """What ``kubectl apply`` of a ChronosJob does."""
        body = {"apiVersion": API_VERSION, "kind": "ChronosJob", "metadata": {"name": name}}
        return await self.cluster.create(JOBS, NAMESPACE, {**body, "spec": spec})

    async def change_job(self, name: str, spec: Object) -> Object:
        """What ``kubectl patch`` of its spec does."""
        return await self.cluster.patch(JOBS, NAMESPACE, name, {"spec": spec})

    async def run_by_hand(self, job: str, name: str, **spec: Any) -> Object:
        """What ``kubectl create`` of a ChronosExecution does."""
        body = {
            "apiVersion": API_VERSION,
            "kind": "ChronosExecution",
            "metadata": {"name": name},
            "spec": {"jobRef": {"name": job}, **spec},
        }
        return await self.cluster.create(EXECUTIONS, NAMESPACE, body)

    async def create_calendar(self, name: str, spec: Object) -> Object:
        """What ``kubectl apply`` of a ChronosCalendar does."""
        body = {"apiVersion": API_VERSION, "kind": "ChronosCalendar", "metadata": {"name": name}}
        return await self.cluster.create(CALENDARS, NAMESPACE, {**body, "spec": spec})

    async def change_calendar(self, name: str, spec: Object) -> Object:
        """What ``kubectl patch`` of its spec does."""
        return await self.cluster.patch(CALENDARS, NAMESPACE, name, {"spec": spec})

    async def delete(self, resource: Resource, name: str) -> None:
        """What ``kubectl delete`` does."""
        await self.cluster.delete(resource, NAMESPACE, name)

    async def fail_kube_job(self, name: str) -> None:
        """What the kube job controller does when a pod is lost."""
        await self.kubelet.fail_kube_job(NAMESPACE, name)

    async def sleep_until(self, moment: datetime) -> None:
        """Lets time pass."""
        await asyncio.sleep((moment - self.clock.now()).total_seconds())

    @asynccontextmanager
    async def serving(
        self, wire: Wire | None = None, weather: Weather = CLEAR, *, resync_seconds: float = 60.0
    ) -> AsyncIterator[Engine]:
        """An operator that serves while the context lasts."""
        wire = wire or Wire()
        engine = Engine(
            Config(resync_seconds=resync_seconds, workers=4),
            WiredKubernetes(wire, self.cluster),
            WiredObjectStore(wire, self.store),
            self.clock,
        )
        async with engine.running():
            watch = Watch(self.cluster, engine.sightings, weather)
            try:
                yield engine
            finally:
                watch.close()

    async def serve_until(
        self,
        is_enough: Callable[[], bool],
        *,
        within: float,
        wire: Wire | None = None,
        **how: Any,
    ) -> bool:
        """Lets an operator serve until there is enough, or it dies, or the time (seconds) is up;
        whether there was enough."""
        wire = wire or Wire()

        async def serve() -> None:
            async with self.serving(wire, **how):
                await asyncio.Event().wait()

        task = asyncio.create_task(serve())
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        try:
            while not (enough := is_enough()) and not wire.is_dead and loop.time() < end:
                await asyncio.sleep(0.25)
                if task.done():
                    task.result()
            return enough
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def jobs(self) -> list[Object]:
        """All ChronosJobs."""
        return list(self.cluster.objects(JOBS, NAMESPACE))

    def job(self, name: str) -> Object:
        """The ChronosJob of that name."""
        return next(body for body in self.jobs() if body["metadata"]["name"] == name)

    def executions(self, job: str | None = None) -> list[Object]:
        """The executions, in the order of their names."""
        found = self.cluster.objects(EXECUTIONS, NAMESPACE)
        return [body for body in found if job in (None, body["spec"]["jobRef"]["name"])]

    def kube_jobs(self) -> list[Object]:
        """All kube jobs."""
        return list(self.cluster.objects(KUBE_JOBS, NAMESPACE))

    def pods(self) -> list[Object]:
        """All pods."""
        return list(self.cluster.objects(PODS, NAMESPACE))

    def events(self, name: str) -> list[str]:
        """The reasons of the Events about an object, in the order of their times."""
        found = [
            body
            for body in self.cluster.objects(EVENTS, NAMESPACE)
            if body["involvedObject"]["name"] == name
        ]
        return [body["reason"] for body in sorted(found, key=lambda it: it["firstTimestamp"])]

    async def settle(self, within: float = 60) -> None:
        """Lets an operator serve until all is at rest; AssertionError where it never is."""
        if not await self.serve_until(self.is_settled, within=within):
            raise AssertionError(f"it is not at rest within {within} s")

    def is_settled(self) -> bool:
        """Whether every job is completed and every execution ended, with a word on each log."""
        return all(
            (body.get("status") or {}).get("state") == "Completed" for body in self.jobs()
        ) and all(_is_settled(body) for body in self.executions())


def simulate(
    start: datetime,
    act: Callable[[Simulation], Coroutine[Any, Any, None]],
    script: Script = lambda _: Command(),
) -> Simulation:
    """Lets ``act`` happen in a cluster in which it is ``start``; what came of it."""
    held: list[Simulation] = []

    async def run() -> None:
        simulation = Simulation(start, script)
        held.append(simulation)
        await act(simulation)
        await simulation.kubelet.close()

    run_in_virtual_time(run())
    return held[0]


def _is_settled(execution: Object) -> bool:
    status = execution.get("status") or {}
    ends = ("Succeeded", "Failed", "Cancelled", "Skipped", "Missed")
    return status.get("state") in ends and all(
        "log" in attempt or "pod" not in attempt for attempt in status.get("attempts") or ()
    )
