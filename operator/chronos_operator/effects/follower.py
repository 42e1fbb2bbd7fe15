"""Follows one container's log over any number of connections, from its first byte to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chronos_clients.errors import ClientError, Denied
from chronos_clients.kubernetes import Kubernetes
from chronos_crds.naming import MAIN_CONTAINER
from chronos_operator.clock import Clock
from chronos_operator.decide.transcript import Transcript
from chronos_operator.decide.values import PodView

# The kubelet looks at sizes every 10 s and turns a log over 10 MiB away, out of the API's reach:
# who begins to follow later than this after the start cannot know what was turned away.
ROTATION_PERIOD = timedelta(seconds=10)
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 2.0


@dataclass
class LogSource:
    """The pod whose log is followed, kept new by whoever observes it."""

    pod: PodView
    is_gone: bool = False
    # When bytes of it last came through to the store.
    moved_at: datetime | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will be printed."""
        return self.pod.is_ended or self.is_gone


class Follower:
    """Reads a log once, as one stream of new bytes. ``doubt`` then says what may be missing."""

    def __init__(self, kubernetes: Kubernetes, clock: Clock, source: LogSource) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._source = source
        self._transcript = Transcript()
        self._attached_at: datetime | None = None
        self._refusal = ""
        self._broke_off = False
        self._was_cut = False

    async def content(self) -> AsyncGenerator[bytes, None]:
        """The log's bytes, until the command has ended and all of them were read.

        A stream may end without an error at a rotation, so the end counts only on a connection
        that was opened after the command was known to have ended.
        """
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            was_ended = self._source.is_ended
            self._source.changed.clear()
            failure, is_idle = None, True
            try:
                async with aclosing(self._connection()) as pieces:
                    async for piece in pieces:
                        is_idle = False
                        yield piece
            except ClientError as error:
                failure = error
            self._was_cut = failure is not None
            if self._is_over(was_ended, failure):
                return
            wait_seconds = min(wait_seconds * 1.5, LONGEST_WAIT_SECONDS)
            if not is_idle:
                wait_seconds = FIRST_WAIT_SECONDS
            await self._wait(wait_seconds)

    @property
    def doubt(self) -> str | None:
        """Why the log may not be whole; None where it is known to be."""
        if self._refusal:
            return f"reading the log was refused: {self._refusal}"
        if self._broke_off:
            return "the pod was gone before its log was read to the end"
        if self._transcript.has_gap:
            return "lines were rotated away before they could be read"
        if self._transcript.has_foreign:
            return "it holds text without a time stamp: words of the kubelet, not of the command"
        return self._doubt_about_start()

    def _doubt_about_start(self) -> str | None:
        started_at, first_at = self._source.pod.started_at, self._transcript.first_read_at
        if started_at is None or self._attached_at is None:
            return None
        late = self._attached_at - started_at
        begins_late = first_at is None or first_at - started_at > ROTATION_PERIOD
        if late > ROTATION_PERIOD and begins_late:
            return (
                f"following began {late.total_seconds():.0f} s after the start: what was printed "
                "and rotated away before that is not here"
            )
        return None

    async def _connection(self) -> AsyncGenerator[bytes, None]:
        pod, begun_at = self._source.pod, self._clock.now()
        if self._attached_at is not None:
            self._transcript.reconnect(was_cut=self._was_cut)
        chunks = self._kubernetes.follow_log(
            pod.namespace, pod.name, MAIN_CONTAINER, since=self._transcript.resume_at
        )
        async for chunk in chunks:
            self._attached_at = self._attached_at or begun_at
            piece = self._transcript.feed(chunk, now=self._clock.now())
            if piece:
                yield piece
        # An empty log, too, was attached to.
        self._attached_at = self._attached_at or begun_at

    def _is_over(self, was_ended: bool, failure: ClientError | None) -> bool:
        if isinstance(failure, Denied):
            self._refusal = str(failure)
            return True
        if failure is None:
            # Once the pod is gone there is nothing to look at a second time.
            return was_ended or self._source.is_gone
        if self._source.is_gone:
            self._broke_off = self._source.pod.is_started
            return True
        # A container that never started has no log.
        return was_ended and not self._source.pod.is_started

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._source.changed.wait(), seconds)
        except TimeoutError:
            return
