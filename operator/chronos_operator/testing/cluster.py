"""The in-memory API server with what operators and audits need besides: watches, and a memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from chronos_clients.resources import (
    CALENDARS,
    EXECUTIONS,
    JOBS,
    KUBE_JOBS,
    PODS,
    Object,
    Resource,
)
from chronos_clients.testing import FakeKubernetes

WATCHED = (CALENDARS, JOBS, EXECUTIONS, KUBE_JOBS, PODS)


@dataclass(frozen=True)
class Change:
    """One watch event."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: Resource
    body: Object


@dataclass(frozen=True)
class Birth:
    """That an object was created, and when, whatever became of it."""

    resource: Resource
    name: str
    at: datetime
    body: Object


class WatchedKubernetes(FakeKubernetes):
    """Tells every change of the five kinds that the operator watches, each version of each object,
    in the order in which they happen; and remembers each object that ever was."""

    def __init__(self, clock: Callable[[], datetime], **fields: Any) -> None:
        self.births: list[Birth] = []
        self._watchers: list[Callable[[Change], None]] = []
        self._told: dict[Resource, dict[tuple[str, str], tuple[str, Object]]] = {
            kind: {} for kind in WATCHED
        }
        super().__init__(clock, **fields)

    def watch(self, tell: Callable[[Change], None]) -> Callable[[], None]:
        """Calls ``tell`` for each change from now on, until what is returned is called."""
        self._watchers.append(tell)

        def stop() -> None:
            self._watchers = [known for known in self._watchers if known != tell]

        return stop

    async def create(self, resource: Resource, *args: Any, **fields: Any) -> Object:
        answer = await super().create(resource, *args, **fields)
        self._look()
        return answer

    async def replace(self, resource: Resource, *args: Any, **fields: Any) -> Object:
        answer = await super().replace(resource, *args, **fields)
        self._look()
        return answer

    async def patch(self, resource: Resource, *args: Any, **fields: Any) -> Object:
        answer = await super().patch(resource, *args, **fields)
        self._look()
        return answer

    async def delete(self, resource: Resource, *args: Any, **fields: Any) -> None:
        await super().delete(resource, *args, **fields)
        self._look()

    def _look(self) -> None:
        for resource in WATCHED:
            for change in list(self._changes(resource)):
                if change.type == "ADDED":
                    name = change.body["metadata"]["name"]
                    self.births.append(Birth(resource, name, self._clock(), change.body))
                for tell in list(self._watchers):
                    tell(change)

    def _changes(self, resource: Resource) -> Iterator[Change]:
        stored, told = self._objects.get(resource, {}), self._told[resource]
        for key in [key for key in told if key not in stored]:
            _, gone = told.pop(key)
            meta = {**gone["metadata"], "resourceVersion": self._next_number()}
            yield Change("DELETED", resource, {**gone, "metadata": meta})
        for key, body in stored.items():
            version, before = body["metadata"]["resourceVersion"], told.get(key)
            if before is not None and before[0] == version:
                continue
            told[key] = (version, {**body, "metadata": {**body["metadata"]}})
            yield Change("ADDED" if before is None else "MODIFIED", resource, told[key][1])
