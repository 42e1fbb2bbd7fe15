"""The lines between one operator and the outside, cut or disturbed at a request of one's choice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from chronos_clients.errors import ClientError
from chronos_clients.kubernetes import Kubernetes, Page, Propagation
from chronos_clients.objectstore import ObjectStore, Upload
from chronos_clients.resources import Object, Resource

T = TypeVar("T")

# One way there and back; less than any wait of the operator, more than nothing.
LATENCY_SECONDS = 0.002


@dataclass(frozen=True)
class Fault:
    """What befalls the ``number``-th request, counted from 1, of both ports together.

    ``error`` None: the operator dies there. ``carried_out``: the request takes effect all the
    same, and only its answer is lost.
    """

    number: int
    error: ClientError | None = None
    carried_out: bool = False


class Wire:
    """Counts the requests of one operator; after its death none takes effect any more."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.requests: list[str] = []
        self.died = asyncio.Event()
        self._fault = fault

    @property
    def is_dead(self) -> bool:
        return self.died.is_set()

    @property
    def is_disturbed(self) -> bool:
        """Whether the fault has come to pass."""
        return self._fault is not None and len(self.requests) >= self._fault.number

    async def send(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """The answer to a call, or what the fault makes of it."""
        if self.is_dead:
            await self.hang()
        self.requests.append(what)
        fault = self._fault
        if fault is not None and fault.number != len(self.requests):
            fault = None
        await asyncio.sleep(LATENCY_SECONDS / 2)
        if self.is_dead:
            await self.hang()
        if fault is not None:
            if fault.carried_out:
                # Whatever the answer is, it never arrives.
                with suppress(ClientError):
                    await call()
            await self._befall(fault)
        answer = await call()
        await asyncio.sleep(LATENCY_SECONDS / 2)
        return answer

    async def hang(self) -> None:
        """What a dead process gets: nothing, ever."""
        await asyncio.Event().wait()

    async def _befall(self, fault: Fault) -> None:
        if fault.error is not None:
            raise fault.error
        self.died.set()
        await self.hang()


class WiredKubernetes:
    """A Kubernetes at the other end of a wire."""

    def __init__(self, wire: Wire, inner: Kubernetes) -> None:
        self._wire = wire
        self._inner = inner

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return await self._wire.send(
            f"get {resource.plural} {name}", lambda: self._inner.get(resource, namespace, name)
        )

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: Mapping[str, str] | None = None,
        limit: int = 500,
        next: str = "",
    ) -> Page:
        return await self._wire.send(
            f"list {resource.plural}",
            lambda: self._inner.list(resource, namespace, labels=labels, limit=limit, next=next),
        )

    async def create(
        self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False
    ) -> Object:
        return await self._wire.send(
            f"create {resource.plural} {body['metadata'].get('name')}",
            lambda: self._inner.create(resource, namespace, body, dry_run=dry_run),
        )

    async def replace(
        self, resource: Resource, namespace: str | None, name: str, body: Object
    ) -> Object:
        return await self._wire.send(
            f"replace {resource.plural} {name}",
            lambda: self._inner.replace(resource, namespace, name, body),
        )

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Object,
        *,
        subresource: str = "",
    ) -> Object:
        return await self._wire.send(
            f"patch {resource.plural} {name}",
            lambda: self._inner.patch(resource, namespace, name, body, subresource=subresource),
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str = "",
        propagation: Propagation = "Background",
    ) -> None:
        await self._wire.send(
            f"delete {resource.plural} {name}",
            lambda: self._inner.delete(resource, namespace, name, uid=uid, propagation=propagation),
        )

    async def follow_log(
        self, namespace: str, pod: str, container: str, *, since: datetime | None = None
    ) -> AsyncGenerator[bytes, None]:
        async def connect() -> None:
            return

        await self._wire.send(f"follow_log {pod}", connect)
        async for chunk in self._inner.follow_log(namespace, pod, container, since=since):
            if self._wire.is_dead:
                await self._wire.hang()
            yield chunk


class WiredObjectStore:
    """An object store at the other end of a wire."""

    def __init__(self, wire: Wire, inner: ObjectStore) -> None:
        self._wire = wire
        self._inner = inner

    async def ensure_bucket(self) -> None:
        await self._wire.send("ensure_bucket", self._inner.ensure_bucket)

    def open_upload(self, key: str) -> Upload:
        return _WiredUpload(self._wire, key, self._inner.open_upload(key))

    async def size(self, key: str) -> int:
        return await self._wire.send(f"size {key}", lambda: self._inner.size(key))

    def read(self, key: str) -> AsyncIterator[bytes]:
        return self._inner.read(key)

    async def put(self, key: str, data: bytes) -> None:
        await self._wire.send(f"put {key}", lambda: self._inner.put(key, data))

    async def get(self, key: str, *, limit: int) -> bytes:
        return await self._wire.send(f"get {key}", lambda: self._inner.get(key, limit=limit))

    async def list_keys(self, prefix: str, *, start_after: str = "", limit: int) -> list[str]:
        return await self._wire.send(
            f"list_keys {prefix}",
            lambda: self._inner.list_keys(prefix, start_after=start_after, limit=limit),
        )

    async def delete(self, key: str) -> None:
        await self._wire.send(f"delete {key}", lambda: self._inner.delete(key))

    async def link(self, key: str, *, seconds: int) -> str:
        return await self._inner.link(key, seconds=seconds)


class _WiredUpload:
    def __init__(self, wire: Wire, key: str, inner: Upload) -> None:
        self._wire = wire
        self._key = key
        self._inner = inner

    async def write(self, data: bytes) -> None:
        await self._wire.send(f"write {self._key}", lambda: self._inner.write(data))

    async def complete(self) -> None:
        await self._wire.send(f"complete {self._key}", self._inner.complete)

    async def abort(self) -> None:
        # A process that is killed aborts nothing.
        if not self._wire.is_dead:
            await self._inner.abort()
