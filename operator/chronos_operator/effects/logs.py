"""Ships each attempt's log to the object store while its command runs.

One task an attempt. It outlives dropped connections and a store that is away, and ends with a word
about the log (``AttemptLog``) in every case. Memory per log: one part of an upload.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta

from chronos_clients.errors import ClientError, NotFound, PermanentError
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.objectstore import ObjectStore
from chronos_crds.execution import AttemptLog
from chronos_operator.clock import Clock
from chronos_operator.decide.values import PodView
from chronos_operator.effects.follower import Follower, LogSource

RETRY_SECONDS = (1, 2, 5, 10, 30, 60)
# A store that is away for longer than this loses the log, visibly.
STORE_PATIENCE = timedelta(hours=1)

log = logging.getLogger(__name__)


class LogShipper:
    """Ships logs, one pod's under each key.

    ``on_shipped`` is called with a pod once there is a word about its log.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        store: ObjectStore,
        clock: Clock,
        on_shipped: Callable[[PodView], None],
    ) -> None:
        self._kubernetes = kubernetes
        self._store = store
        self._clock = clock
        self._on_shipped = on_shipped
        self._sources: dict[str, LogSource] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._results: dict[str, AttemptLog] = {}

    def ship_log(self, key: str, pod: PodView) -> None:
        """Begins to ship the pod's log, or tells the task that does of the pod's news."""
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = LogSource(pod, is_gone=pod.is_gone)
            task = asyncio.create_task(self._run(key, source), name=f"log of {pod.name}")
            self._tasks[key] = task
        elif source.pod != pod:
            source.pod = pod
            source.is_gone |= pod.is_gone
            source.changed.set()

    def result(self, key: str) -> AttemptLog | None:
        """The word about a log; None while it is on its way."""
        return self._results.get(key)

    def is_shipping(self, key: str) -> bool:
        """Whether there will be a word about that log."""
        return key in self._tasks

    def moved_at(self, key: str) -> datetime | None:
        """When bytes of a log last came through to the store; None where none have yet."""
        source = self._sources.get(key)
        return source.moved_at if source is not None else None

    def forget(self, key: str) -> None:
        """The word is recorded, or nobody asks for it any more."""
        self._results.pop(key, None)
        if key not in self._tasks:
            self._sources.pop(key, None)

    def forget_execution(self, namespace: str, execution: str) -> None:
        """The record of that execution is gone: nobody asks for its logs any more."""
        for key, source in list(self._sources.items()):
            if (source.pod.namespace, source.pod.execution) == (namespace, execution):
                self.forget(key)

    def note_gone(self, pod_uid: str) -> None:
        """The pod is gone: what was not read of its log is lost."""
        for source in self._sources.values():
            if source.pod.uid == pod_uid:
                source.is_gone = True
                source.changed.set()

    async def close(self) -> None:
        """Ends all tasks; what they had not finished is begun anew by the next process."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: str, source: LogSource) -> None:
        try:
            result = await self._ship(key, source)
        except Exception:
            # A bug in one log must not keep its execution from ending.
            log.exception("log was not shipped", extra={"pod": source.pod.name})
            result = lost_log(key, "an internal error of Chronos; see the operator's log")
        finally:
            self._tasks.pop(key, None)
        self._results[key] = result
        self._on_shipped(source.pod)

    async def _ship(self, key: str, source: LogSource) -> AttemptLog:
        """Ships, anew from the start where the store failed, until there is a word about it."""
        begun_at, tries = self._clock.now(), 0
        while True:
            try:
                return await self._ship_once(key, source)
            except ClientError as error:
                if isinstance(error, PermanentError) and not isinstance(error, NotFound):
                    return lost_log(key, str(error))
                if self._clock.now() - begun_at > STORE_PATIENCE:
                    return lost_log(key, f"gave up after an hour: {error}")
                delay = RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]
                log.warning(
                    "log will be shipped anew",
                    extra={"pod": source.pod.name, "error": str(error), "delay_seconds": delay},
                )
            tries += 1
            await asyncio.sleep(delay)
            # What was not found is the bucket: not made yet, or deleted by somebody.
            await self._ensure_bucket()

    async def _ensure_bucket(self) -> None:
        try:
            await self._store.ensure_bucket()
        except ClientError:
            return

    async def _ship_once(self, key: str, source: LogSource) -> AttemptLog:
        follower = Follower(self._kubernetes, self._clock, source)
        upload = self._store.open_upload(key)
        size, digest = 0, hashlib.sha256()
        try:
            async with aclosing(follower.content()) as pieces:
                async for piece in pieces:
                    size += len(piece)
                    digest.update(piece)
                    await upload.write(piece)
                    source.moved_at = self._clock.now()
            await upload.complete()
        except BaseException:
            await upload.abort()
            raise
        doubt = follower.doubt
        return AttemptLog(
            key=key,
            size=size,
            sha256=digest.hexdigest(),
            complete=doubt is None,
            message=doubt,
        )


def lost_log(key: str, why: str) -> AttemptLog:
    """The word about a log that does not lie in the store."""
    return AttemptLog(key=key, complete=False, message=f"the log was not shipped: {why}"[:1024])
