"""An object store that does not answer in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from chronos_clients import objectstore
from chronos_clients.errors import Unreachable
from chronos_clients.objectstore import S3ObjectStore, StoreAddress

Calls = Callable[[S3ObjectStore], Awaitable[Any]]


@pytest.fixture
async def tarpit(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3ObjectStore]:
    """A store that takes every request, and hands out a byte of a header now and then."""
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unit")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit-secret")
    monkeypatch.setattr(objectstore, "SMALL_SECONDS", 0.3)
    closing, ended = asyncio.Event(), asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with contextlib.suppress(ConnectionError):
            while not closing.is_set():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.close()
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield S3ObjectStore(StoreAddress(bucket="b", endpoint=f"http://127.0.0.1:{port}"))
    finally:
        server.close()
        closing.set()
        await ended.wait()
        await server.wait_closed()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda store: store.put("k", b"x"), id="put"),
        pytest.param(lambda store: store.get("k", limit=10), id="get"),
        pytest.param(lambda store: store.list_keys("p/", limit=10), id="list_keys"),
    ],
)
async def test_a_store_that_drips_is_given_up(tarpit: S3ObjectStore, call: Calls) -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable):
        await call(tarpit)
    assert asyncio.get_running_loop().time() - began < 5
