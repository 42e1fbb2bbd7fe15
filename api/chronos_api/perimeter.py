"""What surrounds every request: its id, its record, the bound on how many run, the last resort."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from chronos_api.auth.gate import OPEN_PATHS
from chronos_api.clock import Clock
from chronos_api.errors import InternalError, TooBusy
from chronos_api.problems import problem_response

log = logging.getLogger("chronos_api.requests")

# A reader that takes nothing for so long holds a connection to the object store for nothing.
SEND_SECONDS = 60.0
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


class Perimeter:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, *, clock: Clock, max_requests: int) -> None:
        self._app = app
        self._clock = clock
        self._max_requests = max_requests
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._refuse(scope, receive, send)
            return
        began = self._clock.elapsed()
        body = _Body(scope, receive)
        answer = _Answer(send, body)
        self._running += 1
        try:
            await self._answer(scope, body.receive, answer)
        finally:
            self._running -= 1
            log.log(
                logging.DEBUG if scope["path"] in OPEN_PATHS else logging.INFO,
                "Request answered",
                extra={
                    "requestId": answer.request_id,
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": answer.status,
                    "bytes": answer.size,
                    "durationMs": round((self._clock.elapsed() - began) * 1000, 1),
                    "client": (scope.get("client") or ("",))[0],
                },
            )

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self._running > self._max_requests and scope["path"] not in OPEN_PATHS:
            busy = TooBusy(
                "more requests run than this process takes", headers={"Retry-After": "1"}
            )
            await problem_response(busy, instance=scope["path"])(scope, receive, answer.send)
            return
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            return
        except Exception:
            if answer.status:
                # Half of an answer is out: breaking the connection is what tells the reader.
                raise
            log.exception("Request failed", extra={"requestId": answer.request_id})
            problem = problem_response(
                InternalError("something went wrong"), instance=scope["path"]
            )
            await problem(scope, receive, answer.send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})


class _Body:
    """Receives a request, and knows whether there is more of it."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        self.is_unread = length != b"0" or b"transfer-encoding" in headers

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.is_unread = bool(message.get("more_body", False))
        return message


class _Answer:
    """Sends an answer with our headers, in bounded time, and remembers what was sent."""

    def __init__(self, send: Send, body: _Body) -> None:
        self._send = send
        self._body = body
        self.request_id = uuid.uuid4().hex
        self.status = 0
        self.size = 0

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers.setdefault("Content-Security-Policy", POLICY)
            if self._body.is_unread:
                # Nobody waits for the rest of a body that was refused.
                headers["Connection"] = "close"
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        self.size += len(message.get("body", b""))
        async with asyncio.timeout(SEND_SECONDS):
            await self._send(message)
