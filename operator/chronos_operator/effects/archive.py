"""The archive of the ledgers in the object store: segments that grow until they are full.

One process writes them, and a repeat writes the same: a segment is named after what it covers, and
lines are told apart by their second.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from chronos_clients.errors import ClientError, NotFound, TooLarge
from chronos_clients.objectstore import ObjectStore
from chronos_crds.ledger import LedgerLine, LedgerSegment
from chronos_crds.meta import ObjectMeta
from chronos_crds.naming import (
    backfill_key,
    ledger_key,
    ledger_prefix,
    ledger_span,
    ledger_start_key,
)
from chronos_crds.validation import InvalidInput, parse_model

# A segment with so many lines is full; a line takes some 70 bytes, at most 500.
FULL_SEGMENT = 1000
SEGMENT_MAX_BYTES = 4 << 20
# What may have been left by a process that died between two steps, and more than that.
_OPEN_SEGMENTS = 20
_MOST_LEFTOVERS = 5

log = logging.getLogger(__name__)


class LedgerArchive:
    """Takes lines in, and remembers up to when each job's are safe."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._until: dict[str, datetime] = {}
        self._leftovers: dict[str, set[str]] = {}
        self._backfilled: set[tuple[str, datetime]] = set()

    def archived_until(self, job_uid: str) -> datetime | None:
        """Up to when the job's ledger lies in the archive, as far as this process has put it."""
        return self._until.get(job_uid)

    def forget_backfilled(self, job_uid: str, second: datetime) -> None:
        """Its execution is gone, so that nobody asks again."""
        self._backfilled.discard((job_uid, second))

    def forget(self, job_uid: str) -> None:
        """The job is gone."""
        self._until.pop(job_uid, None)
        self._leftovers.pop(job_uid, None)

    def is_backfill_kept(self, job_uid: str, second: datetime) -> bool:
        """Whether this process has put the line of a backfilled second into the archive."""
        return (job_uid, second) in self._backfilled

    async def add_backfilled(self, job: ObjectMeta, line: LedgerLine) -> None:
        """Puts the line of a backfilled second away; raises ClientError."""
        key = backfill_key(
            prefix=self._prefix, tenant=job.namespace, job_uid=job.uid, second=line.time
        )
        await self._store.put(key, orjson.dumps(line.to_manifest()))
        self._backfilled.add((job.uid, line.time))

    async def add(self, job: ObjectMeta, since: datetime, lines: Sequence[LedgerLine]) -> None:
        """Puts lines that cover ``(since, the last line's end]`` away; raises ClientError."""
        segment = LedgerSegment(
            job=job.name,
            uid=job.uid,
            tenant=job.namespace,
            since=since,
            until=lines[-1].last,
            lines=tuple(lines),
        )
        grown = [it for it in await self._open_segments(job, since) if _takes(it, since)]
        whole = _join([known.segment for known in grown], segment)
        key = self._key(job, whole)
        await self._store.put(key, orjson.dumps(whole.to_manifest()))
        # From here on the lines are safe; what is left behind is told twice, and readers know.
        self._until[job.uid] = segment.until
        outgrown = {known.key for known in grown} - {key}
        self._leftovers[job.uid] = await self._drop(outgrown | self._leftovers.get(job.uid, set()))

    async def _drop(self, keys: set[str]) -> set[str]:
        """Removes segments that have grown into another; those that the store did not let go, to
        be tried again with the next."""
        left = set()
        for key in sorted(keys):
            try:
                await self._store.delete(key)
            except ClientError as error:
                log.warning("segment was not removed", extra={"key": key, "error": str(error)})
                left.add(key)
        # A store that lets nothing be removed would be asked for more each time.
        return left if len(left) <= _MOST_LEFTOVERS else set()

    async def _open_segments(self, job: ObjectMeta, since: datetime) -> list[_Stored]:
        """The segments that reach up to ``since`` or beyond: the last one, and leftovers."""
        where = {"prefix": self._prefix, "tenant": job.namespace, "job_uid": job.uid}
        # The one that ends at ``since`` sorts just behind all that end a second before.
        start = ledger_start_key(**where, after=since - timedelta(seconds=1))
        keys = await self._store.list_keys(
            ledger_prefix(**where), start_after=start, limit=_OPEN_SEGMENTS
        )
        found = [await self._read(key) for key in keys if ledger_span(key) is not None]
        return [known for known in found if known is not None]

    async def _read(self, key: str) -> _Stored | None:
        try:
            data = await self._store.get(key, limit=SEGMENT_MAX_BYTES)
            segment = parse_model(LedgerSegment, orjson.loads(data), known_only=True)
        except (NotFound, TooLarge, InvalidInput, orjson.JSONDecodeError):
            # Somebody else's file: it stays as it is, and is no part of the ledger.
            return None
        return _Stored(key, segment)

    def _key(self, job: ObjectMeta, segment: LedgerSegment) -> str:
        return ledger_key(
            prefix=self._prefix,
            tenant=job.namespace,
            job_uid=job.uid,
            since=segment.since,
            until=segment.until,
        )


@dataclass(frozen=True)
class _Stored:
    """A segment, and where it lies."""

    key: str
    segment: LedgerSegment


def _takes(known: _Stored, since: datetime) -> bool:
    """Whether lines from ``since`` on go into it: it has room, or it told of that time already,
    because a process died before the job's status said so."""
    return len(known.segment.lines) < FULL_SEGMENT or known.segment.until > since


def _join(earlier: Sequence[LedgerSegment], newest: LedgerSegment) -> LedgerSegment:
    """All of them as one; of the time that the newest covers its lines alone count."""
    others = {
        line.time: line
        for segment in earlier
        for line in segment.lines
        if line.last <= newest.since or line.time > newest.until
    }
    by_time = {**others, **{line.time: line for line in newest.lines}}
    return newest.model_copy(
        update={
            "since": min(segment.since for segment in (*earlier, newest)),
            "until": max(segment.until for segment in (*earlier, newest)),
            "lines": tuple(by_time[moment] for moment in sorted(by_time)),
        }
    )
