"""The HTTP server, and the bounds it keeps before a request is one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEADER_BYTES = 32 * 1024
# From the first byte of a connection or of a request to the end of its headers.
HEADER_SECONDS = 15.0
KEEP_ALIVE_SECONDS = 30
# Less than the pod's grace period, so that the process ends itself.
SHUTDOWN_SECONDS = 20


class _Protocol(H11Protocol):
    """uvicorn's, except that a request which never gets complete does not hold its connection."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unwatch()

    def _watch(self) -> None:
        """Starts the wait for a request's headers, or ends it when they are there."""
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._unwatch()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """uvicorn's, except that a signal ends it in order: its own sends itself the signal once more
    when it is done, which skips the closing of connections."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True


def build_server(app: ASGIApp, *, host: str, port: int, max_connections: int) -> uvicorn.Server:
    """The server, with its limits."""
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="asyncio",
            http=_Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=max_connections,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )
    )
