"""Logs of attempts, over the object store port."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NoReturn

from chronos_api.errors import (
    RETRY_SECONDS,
    AttemptNotFound,
    LogMissing,
    LogNotReady,
    ObjectStoreUnavailable,
)
from chronos_api.problems import retry_after
from chronos_api.tenants import Tenant
from chronos_clients.errors import ClientError, NotFound, TemporaryError
from chronos_clients.objectstore import ObjectStore
from chronos_clients.resources import Object
from chronos_crds.naming import log_key

log = logging.getLogger(__name__)

_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class LogBroken(Exception):
    """The log ends early, with half of the answer out: no ApiError, there is nobody to tell."""


@dataclass(frozen=True)
class ShippedLog:
    """An attempt's log as its status tells of it; ``size`` in bytes."""

    attempt: int
    key: str
    size: int
    sha256: str
    complete: bool


class LogStore:
    """The logs of a tenant's executions. Every verb raises an ApiError."""

    def __init__(self, objects: ObjectStore, *, prefix: str) -> None:
        self._objects = objects
        self._prefix = prefix

    def find(self, tenant: Tenant, execution: Object, number: int | None) -> ShippedLog:
        """The log of that attempt, or of the newest attempt that has one.

        Raises AttemptNotFound, LogNotReady.
        """
        attempts = execution.get("status", {}).get("attempts") or []
        if number is not None:
            attempts = [attempt for attempt in attempts if attempt.get("number") == number]
            if not attempts:
                raise AttemptNotFound(f"there is no attempt {number}")
        shipped = [attempt for attempt in attempts if attempt.get("log")]
        if not shipped:
            raise LogNotReady(
                "no log has been shipped yet", headers={"Retry-After": str(RETRY_SECONDS)}
            )
        newest = max(shipped, key=lambda attempt: int(attempt["number"]))
        return self._read(tenant, execution, newest)

    def _read(self, tenant: Tenant, execution: Object, attempt: dict[str, Any]) -> ShippedLog:
        told = attempt["log"]
        key = self._key(tenant, execution, attempt["number"])
        if told["key"] != key:
            # A status can be written by whoever has the right to in one tenant; following it as
            # it is would open every other tenant's logs to them.
            log.warning("A log key is not the one its attempt has", extra={"key": told["key"]})
            raise LogMissing("the log's key is not the one this attempt has")
        return ShippedLog(
            attempt=attempt["number"],
            key=key,
            size=int(told.get("bytes", 0)),
            sha256=str(told.get("sha256") or ""),
            complete=bool(told["complete"]),
        )

    def _key(self, tenant: Tenant, execution: Object, number: int) -> str:
        uid = str(execution["spec"]["jobRef"].get("uid", ""))
        if not _UID.fullmatch(uid):
            raise LogMissing("the execution names no job that can have logs")
        name = execution["metadata"]["name"]
        return log_key(
            prefix=self._prefix, tenant=tenant, job_uid=uid, execution=name, attempt=number
        )

    async def open(self, shipped: ShippedLog) -> AsyncIterator[bytes]:
        """The log's bytes; the first of them are there when this returns, so errors are too."""
        chunks = self._objects.read(shipped.key)
        try:
            first = await anext(chunks, b"")
        except ClientError as error:
            _raise(error)
        return _chain(first, chunks)

    async def link(self, shipped: ShippedLog, *, seconds: int) -> str:
        """A link that gives this one log to whoever holds it."""
        try:
            return await self._objects.link(shipped.key, seconds=seconds)
        except ClientError as error:
            _raise(error)


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for chunk in rest:
            yield chunk
    except ClientError as error:
        raise LogBroken("the object store broke off") from error


def _raise(error: ClientError) -> NoReturn:
    if isinstance(error, NotFound):
        raise LogMissing("the object store does not have the log") from error
    headers = {"Retry-After": str(RETRY_SECONDS)}
    if isinstance(error, TemporaryError):
        headers = retry_after(error)
    raise ObjectStoreUnavailable("the object store does not answer", headers=headers) from error
