"""The port over real sockets: what goes out, and what each kind of trouble is called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from builders import NOON
from chronos_clients.errors import Denied, Expired, NotFound, ServerTrouble, Throttled, Unreachable
from chronos_clients.kubernetes import HttpKubernetes, Page, connect, list_all
from chronos_clients.resources import EXECUTIONS, JOBS, KUBE_JOBS, NAMESPACES, PODS, Object
from chronos_clients.testing import FakeKubernetes

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[HttpKubernetes]:
    """The port on a server that answers everything by ``answer``."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = Configuration()
    host, port = runner.addresses[0][:2]
    configuration.host = f"http://{host}:{port}/"
    configuration.api_key = {"BearerToken": "Bearer secret"}
    try:
        async with aiohttp.ClientSession() as session, aiohttp.ClientSession() as log_session:
            yield HttpKubernetes(session, log_session, configuration)
    finally:
        await runner.cleanup()


def recorded(status: int = 200, body: Any = None) -> tuple[list[tuple[str, str, Any]], Answer]:
    """The requests that come in, each with its body, and an answer to all of them."""
    requests: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        requests.append((request.method, request.path_qs, text))
        assert request.headers["Authorization"] == "Bearer secret"
        return web.json_response({} if body is None else body, status=status)

    return requests, answer


async def test_each_verb_is_one_request() -> None:
    requests, answer = recorded()
    async with serving(answer) as kubernetes:
        await kubernetes.get(JOBS, "team", "hello")
        await kubernetes.create(KUBE_JOBS, "team", {"a": 1})
        await kubernetes.create(JOBS, "team", {}, dry_run=True)
        await kubernetes.replace(JOBS, "team", "hello", {"b": 2})
        await kubernetes.patch(EXECUTIONS, "team", "x", {"c": 3}, subresource="status")
        await kubernetes.delete(KUBE_JOBS, "team", "x", uid="u")
        await kubernetes.list(PODS, None, labels={"k": "v"}, limit=7, next="t")
    assert requests == [
        ("GET", "/apis/chronos.dev/v1alpha1/namespaces/team/chronosjobs/hello", ""),
        ("POST", "/apis/batch/v1/namespaces/team/jobs?fieldValidation=Strict", '{"a":1}'),
        (
            "POST",
            "/apis/chronos.dev/v1alpha1/namespaces/team/chronosjobs"
            "?fieldValidation=Strict&dryRun=All",
            "{}",
        ),
        (
            "PUT",
            "/apis/chronos.dev/v1alpha1/namespaces/team/chronosjobs/hello?fieldValidation=Strict",
            '{"b":2}',
        ),
        (
            "PATCH",
            "/apis/chronos.dev/v1alpha1/namespaces/team/chronosexecutions/x/status",
            '{"c":3}',
        ),
        (
            "DELETE",
            "/apis/batch/v1/namespaces/team/jobs/x",
            '{"propagationPolicy":"Background","preconditions":{"uid":"u"}}',
        ),
        ("GET", "/api/v1/pods?limit=7&labelSelector=k%3Dv&continue=t", ""),
    ]


async def test_an_answer_that_is_not_json_is_the_servers_trouble() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>hello")

    async with serving(answer) as kubernetes:
        with pytest.raises(ServerTrouble, match="is not JSON"):
            await kubernetes.get(JOBS, "team", "hello")


async def test_a_connection_that_breaks_off_is_unreachable() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with serving(answer) as kubernetes:
        with pytest.raises(Unreachable, match="GET /apis/"):
            await kubernetes.get(JOBS, "team", "hello")


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    _, answer = recorded()
    async with serving(answer) as kubernetes:
        pass
    async with aiohttp.ClientSession() as session:
        gone = HttpKubernetes(session, session, kubernetes._configuration)
        with pytest.raises(Unreachable):
            await gone.get(JOBS, "team", "hello")


async def test_a_token_never_shows_in_an_error() -> None:
    _, answer = recorded(500, {"message": "trouble"})
    async with serving(answer) as kubernetes:
        with pytest.raises(ServerTrouble) as caught:
            await kubernetes.get(JOBS, "team", "hello")
    assert "secret" not in repr(caught.value)


async def test_a_log_comes_as_it_is_written_and_ends_with_an_error_if_it_breaks_off() -> None:
    go_on = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        assert dict(request.query) == {
            "container": "main",
            "follow": "true",
            "timestamps": "true",
            "sinceTime": "2026-03-01T12:00:00Z",
        }
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await go_on.wait()
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(answer) as kubernetes:
        log = kubernetes.follow_log("team", "p", "main", since=NOON + timedelta(milliseconds=9))
        assert await anext(log) == b"first"
        go_on.set()
        with pytest.raises(Unreachable):
            await anext(log)


async def test_a_log_that_is_not_there_yet_is_an_error_at_once() -> None:
    _, answer = recorded(404, {"message": "pods not found", "reason": "NotFound"})
    async with serving(answer) as kubernetes:
        with pytest.raises(NotFound):
            await anext(kubernetes.follow_log("team", "p", "main"))


async def test_a_throttled_request_says_for_how_long() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=429, headers={"Retry-After": "3"})

    async with serving(answer) as kubernetes:
        with pytest.raises(Throttled) as caught:
            await kubernetes.create(KUBE_JOBS, "team", {})
    assert caught.value.retry_after == 3.0


async def test_items_of_a_list_say_what_they_are() -> None:
    items = [{"metadata": {"name": "a"}}]
    _, answer = recorded(200, {"items": items, "metadata": {"continue": "more"}})
    async with serving(answer) as kubernetes:
        page = await kubernetes.list(JOBS, "team")
    assert page == Page(
        [
            {
                "metadata": {"name": "a"},
                "apiVersion": "chronos.dev/v1alpha1",
                "kind": "ChronosJob",
            }
        ],
        "more",
    )


async def test_an_empty_list_may_be_null() -> None:
    _, answer = recorded(200, {"items": None, "metadata": {}})
    async with serving(answer) as kubernetes:
        assert await kubernetes.list(JOBS, None) == Page([], "")


async def test_without_credentials_there_is_no_connection(tmp_path: Any) -> None:
    with pytest.raises(Denied, match="no credentials"):
        async with connect(str(tmp_path / "missing")):
            pass


class Pages(FakeKubernetes):
    """Lists whose pages expire underway as often as it is told."""

    expiries = 0

    async def list(self, *args: Any, **kwargs: Any) -> Page:
        page = await super().list(*args, **{**kwargs, "limit": 2})
        if self.expiries and page.next:
            self.expiries -= 1
            self.expire_tokens()
        return page


def five() -> tuple[Pages, list[Object]]:
    fake = Pages(lambda: NOON)
    seeded = [fake.seed(PODS, "default", {"metadata": {"name": f"p{n}"}}) for n in range(5)]
    return fake, seeded


async def test_all_pages_of_a_list_are_read() -> None:
    fake, seeded = five()
    assert await list_all(fake, PODS, "default") == seeded
    assert len(fake.calls_of("list")) == 3


async def test_a_list_that_expires_is_begun_anew() -> None:
    fake, seeded = five()
    fake.expiries = 1
    assert await list_all(fake, PODS, "default") == seeded


async def test_a_list_that_expires_again_and_again_is_an_error() -> None:
    fake, _ = five()
    fake.expiries = 9
    with pytest.raises(Expired):
        await list_all(fake, PODS, "default")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (JOBS.path(None), "/apis/chronos.dev/v1alpha1/chronosjobs"),
        (PODS.path("team", "p", "log"), "/api/v1/namespaces/team/pods/p/log"),
        (NAMESPACES.path(None, "team"), "/api/v1/namespaces/team"),
        (NAMESPACES.path("ignored", "team"), "/api/v1/namespaces/team"),
    ],
)
def test_where_a_kind_lies_in_the_api(path: str, expected: str) -> None:
    assert path == expected


def test_kinds_say_their_version() -> None:
    assert [kind.api_version for kind in (PODS, KUBE_JOBS, JOBS)] == [
        "v1",
        "batch/v1",
        "chronos.dev/v1alpha1",
    ]
