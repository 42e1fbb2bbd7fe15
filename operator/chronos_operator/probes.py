"""What the kubelet asks: ready is that all was listed once; alive, that starts happen when due."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serve_probes(
    port: int, *, is_alive: Callable[[], bool], is_ready: Callable[[], bool]
) -> AsyncIterator[None]:
    """Serves ``/healthz`` and ``/readyz`` while the context lasts: 200 or 503."""

    def answer(ask: Callable[[], bool]) -> Callable[[web.Request], object]:
        async def respond(_: web.Request) -> web.Response:
            good = ask()
            return web.Response(status=200 if good else 503, text="ok\n" if good else "not ok\n")

        return respond

    app = web.Application()
    app.router.add_get("/healthz", answer(is_alive))  # type: ignore[arg-type]
    app.router.add_get("/readyz", answer(is_ready))  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        # The kubelet asks from outside the pod.
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104
        yield
    finally:
        await runner.cleanup()
