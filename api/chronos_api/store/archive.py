"""The archive of the ledgers, over the object store port: read, never written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from chronos_api.decide.spans import Span
from chronos_api.errors import RETRY_SECONDS, ObjectStoreUnavailable
from chronos_api.tenants import Tenant
from chronos_clients.errors import ClientError, NotFound, TooLarge
from chronos_clients.objectstore import MAX_KEYS, ObjectStore
from chronos_crds.ledger import LedgerLine, LedgerSegment
from chronos_crds.naming import (
    backfill_key,
    backfill_prefix,
    ledger_prefix,
    ledger_span,
    ledger_start_key,
)
from chronos_crds.validation import InvalidInput, parse_model

# What one request reads at most; a full segment has a thousand lines of some 70 bytes.
MAX_SEGMENTS = 50
MAX_SEGMENT_BYTES = 4 << 20
MAX_BACKFILLED_PAGES = 20
READ_SECONDS = 25.0
# The operator may rewrite the newest segment while it is read, once in a minute at most.
READ_ATTEMPTS = 2

_SECOND = timedelta(seconds=1)
_STAMP = re.compile(r"/([0-9]{12})\.json$", re.ASCII)


@dataclass
class Excerpt:
    """What was read of a job's archived ledger.

    ``lines`` in the order of the segments: of two about one second the later counts. ``known`` are
    the spans that segments cover, ``broken`` those of segments that cannot be read. ``end``: there
    is more behind it, which was not read. ``failed``: why nothing more could be read.
    ``has_moved``: what was listed was not there any more.
    """

    lines: list[LedgerLine] = field(default_factory=list)
    known: list[Span] = field(default_factory=list)
    broken: list[Span] = field(default_factory=list)
    end: datetime | None = None
    failed: str = ""
    has_moved: bool = False


class ArchiveStore:
    """The archived ledgers of a tenant's jobs."""

    def __init__(self, objects: ObjectStore, *, prefix: str) -> None:
        self._objects = objects
        self._prefix = prefix

    async def read(
        self, tenant: Tenant, uid: str, *, since: datetime, until: datetime, enough: int
    ) -> Excerpt:
        """The segments that reach into ``since`` to ``until``, oldest first, until they hold
        ``enough`` lines; never raises: what cannot be read is told in the excerpt."""
        excerpt = Excerpt()
        try:
            async with asyncio.timeout(READ_SECONDS):
                for _ in range(READ_ATTEMPTS):
                    excerpt = Excerpt()
                    await self._read_into(excerpt, tenant, uid, since, until, enough)
                    if not excerpt.has_moved:
                        break
        except (ClientError, TimeoutError):
            excerpt.failed = "the object store, where it is archived, does not answer"
        return excerpt

    async def _read_into(
        self,
        excerpt: Excerpt,
        tenant: Tenant,
        uid: str,
        since: datetime,
        until: datetime,
        enough: int,
    ) -> None:
        where = {"prefix": self._prefix, "tenant": tenant, "job_uid": uid}
        start = ledger_start_key(**where, after=since - _SECOND)
        keys = await self._objects.list_keys(
            ledger_prefix(**where), start_after=start, limit=MAX_SEGMENTS + 1
        )
        for number, key in enumerate(keys):
            span = ledger_span(key)
            if span is None:
                continue
            if span[0] >= until:
                return
            if number == MAX_SEGMENTS or len(excerpt.lines) >= enough:
                excerpt.end = _last_end(excerpt, since)
                return
            await self._read_segment(excerpt, key, Span(span[0] + _SECOND, span[1]), uid)

    async def _read_segment(self, excerpt: Excerpt, key: str, span: Span, uid: str) -> None:
        try:
            data = await self._objects.get(key, limit=MAX_SEGMENT_BYTES)
            segment = await asyncio.to_thread(_parse_segment, data, uid, span)
        except NotFound:
            # Since it was listed it has grown into a later one.
            excerpt.has_moved = True
            excerpt.broken.append(Span(span.first, span.last, "its segment is being rewritten"))
        except (TooLarge, InvalidInput, ValueError):
            excerpt.broken.append(Span(span.first, span.last, f"the segment {key} is broken"))
        else:
            excerpt.known.append(span)
            excerpt.lines += segment.lines

    async def list_backfilled(
        self, tenant: Tenant, uid: str, *, since: datetime, until: datetime
    ) -> frozenset[datetime]:
        """The backfilled seconds of ``since`` to ``until`` whose executions are gone.

        Raises ObjectStoreUnavailable, also where there are more than can be listed.
        """
        where = {"prefix": self._prefix, "tenant": tenant, "job_uid": uid}
        folder = backfill_prefix(**where)
        after = backfill_key(**where, second=since - _SECOND)
        found: set[datetime] = set()
        try:
            for _ in range(MAX_BACKFILLED_PAGES):
                keys = await self._objects.list_keys(folder, start_after=after, limit=MAX_KEYS)
                seconds = _read_stamps(keys)
                found |= {second for second in seconds if since <= second <= until}
                if len(keys) < MAX_KEYS or any(second > until for second in seconds):
                    return frozenset(found)
                after = keys[-1]
        except ClientError as error:
            raise _unavailable("the object store does not answer") from error
        raise _unavailable("the period holds more backfilled seconds than can be listed")


def _parse_segment(data: bytes, uid: str, span: Span) -> LedgerSegment:
    """Raises InvalidInput or ValueError where it is not what its key says."""
    segment = parse_model(LedgerSegment, orjson.loads(data), known_only=True)
    if segment.uid != uid or segment.since + _SECOND != span.first or segment.until != span.last:
        raise ValueError("the segment is another one")
    return segment


def _last_end(excerpt: Excerpt, since: datetime) -> datetime:
    return max((span.last for span in (*excerpt.known, *excerpt.broken)), default=since)


def _read_stamps(keys: Sequence[str]) -> list[datetime]:
    found = [_STAMP.search(key) for key in keys]
    return [datetime.fromtimestamp(int(match[1]), UTC) for match in found if match is not None]


def _unavailable(text: str) -> ObjectStoreUnavailable:
    return ObjectStoreUnavailable(text, headers={"Retry-After": str(RETRY_SECONDS)})
