"""What holds for every answer: its form, its headers, its description, and the bounds around it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from chronos_api.journal import JsonLines
from chronos_api.main import build_routes
from chronos_api.perimeter import Perimeter
from chronos_api.pulse import RECENT_SECONDS
from chronos_clients.errors import Denied, NotFound, Unreachable
from chronos_clients.resources import NAMESPACES

from .conftest import KEY, FakeClock, Json, World, job_body, problem_of
from .test_auth import CLOSED, ROUTES

DOCUMENT = build_routes().openapi()
CHECKED_IN = Path(__file__).parents[3] / "api" / "openapi.json"
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
TENANT_ROUTES = [
    (method.upper(), re.sub(r"\{\w+\}", "hello", path))
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if any(it["name"] == "tenant" for it in operation.get("parameters", []))
]


def ask(api: httpx.AsyncClient, method: str, path: str, **params: str) -> Any:
    """A request that is right but for its parameters."""
    body = {"json": job_body()} if method in ("POST", "PUT") else {}
    return api.request(method, path, params=params, **body)


async def settle() -> None:
    """Lets every task come to where it waits for something outside."""
    for _ in range(200):
        await asyncio.sleep(0)


# Every route


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_an_unknown_parameter_is_refused_everywhere(
    world: World, job: Json, api: httpx.AsyncClient, method: str, path: str
) -> None:
    calls = len(world.kubernetes.calls_of("delete"))
    answer = await ask(api, method, path, surprise="1")
    problem = problem_of(answer, 422, "invalid")
    assert [error["parameter"] for error in problem["errors"]] == ["surprise"]
    assert len(world.kubernetes.calls_of("delete")) == calls


@pytest.mark.parametrize("tenant", ["kube-system", "chronos-system", "nowhere"])
@pytest.mark.parametrize(("method", "path"), TENANT_ROUTES)
async def test_no_route_reaches_what_is_no_tenant(
    world: World, api: httpx.AsyncClient, method: str, path: str, tenant: str
) -> None:
    problem_of(await ask(api, method, path, tenant=tenant), 404, "tenant_not_found")
    assert {call.what for call in world.kubernetes.calls} <= {"namespaces"}


def test_every_route_that_reaches_the_cluster_takes_a_tenant() -> None:
    free = {"version", "docs", "openapi.json"}
    assert {path.rpartition("/")[2] for _, path in set(CLOSED) - set(TENANT_ROUTES)} == free


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_answer_carries_the_safety_headers(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    headers = (await ask(api, method, path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
    assert "server" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/none", 404, "route_not_found"),
        ("GET", "/", 404, "route_not_found"),
        ("GET", "/api/v1/jobs/", 404, "route_not_found"),
        ("GET", "/api/v1/jobs/a%2Fb", 404, "route_not_found"),
        ("PATCH", "/api/v1/jobs/hello", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/jobs", 405, "method_not_allowed"),
        ("TRACE", "/api/v1/jobs", 405, "method_not_allowed"),
        ("OPTIONS", "/api/v1/jobs", 405, "method_not_allowed"),
    ],
)
async def test_what_the_router_refuses_is_a_problem_too(
    api: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.request(method, path)
    assert answer.json()["code"] == code
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("allow" in answer.headers) == (status == 405)


# Tenants


async def test_only_named_namespaces_are_tenants_where_some_are_named(world: World) -> None:
    world.settings["watch_namespaces"] = ("team-a",)
    async with world.client() as api:
        assert (await api.get("/api/v1/jobs", params={"tenant": "team-a"})).status_code == 200
        problem_of(await api.get("/api/v1/jobs"), 404, "tenant_not_found")


async def test_a_named_tenant_whose_namespace_may_not_be_read_is_served(world: World) -> None:
    world.settings["watch_namespaces"] = ("team-a",)
    world.kubernetes.fail_next("get", Denied("namespaces is forbidden"))
    async with world.client() as api:
        assert (await api.get("/api/v1/jobs", params={"tenant": "team-a"})).status_code == 200


async def test_a_namespace_that_may_not_be_read_is_no_tenant(
    world: World, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("get", Denied("namespaces is forbidden"))
    problem_of(await api.get("/api/v1/jobs"), 404, "tenant_not_found")


async def test_a_cluster_that_is_away_is_no_missing_tenant(
    world: World, api: httpx.AsyncClient
) -> None:
    world.kubernetes.fail_next("get", Unreachable("refused"))
    problem_of(await api.get("/api/v1/jobs"), 503, "cluster_unavailable")
    assert (await api.get("/api/v1/jobs")).status_code == 200


async def test_a_tenant_is_looked_up_once_in_a_while(world: World, api: httpx.AsyncClient) -> None:
    for _ in range(3):
        await api.get("/api/v1/jobs")
    assert len(world.kubernetes.calls_of("get")) == 1
    await world.kubernetes.delete(NAMESPACES, None, "default")
    world.clock.advance(11)
    problem_of(await api.get("/api/v1/jobs"), 404, "tenant_not_found")


async def test_a_tenant_that_goes_meanwhile_takes_no_job(
    world: World, api: httpx.AsyncClient
) -> None:
    await api.get("/api/v1/jobs")
    await world.kubernetes.delete(NAMESPACES, None, "default")
    answer = await api.post("/api/v1/jobs", json=job_body())
    problem_of(answer, 404, "tenant_not_found")


# Health


async def checks_of(api: httpx.AsyncClient) -> tuple[int, Json]:
    answer = await api.get("/api/v1/health/ready")
    return answer.status_code, answer.json()["checks"]


async def ask_all(api: httpx.AsyncClient) -> None:
    """What the background does every few seconds."""
    pulse = api._transport.app.state.parts.pulse  # type: ignore[attr-defined]
    for name in pulse.checks():
        await pulse.ask(name)


async def test_ready_once_both_have_answered(world: World, api: httpx.AsyncClient) -> None:
    assert await checks_of(api) == (503, {"kubernetes": False, "objectStore": False})
    await ask_all(api)
    assert await checks_of(api) == (200, {"kubernetes": True, "objectStore": True})


@pytest.mark.parametrize(
    ("port", "verb", "name"),
    [("kubernetes", "list", "kubernetes"), ("objects", "size", "objectStore")],
)
async def test_not_ready_when_one_has_been_silent_for_long(
    world: World, api: httpx.AsyncClient, port: str, verb: str, name: str
) -> None:
    await ask_all(api)
    getattr(world, port).fail_next(verb, Unreachable("refused"), times=100)
    world.clock.advance(RECENT_SECONDS)
    await ask_all(api)
    assert (await checks_of(api))[0] == 200, "one unanswered question is no reason yet"
    world.clock.advance(1)
    await ask_all(api)
    status, checks = await checks_of(api)
    assert (status, checks[name]) == (503, False)
    assert sum(checks.values()) == 1


@pytest.mark.parametrize("error", [NotFound("no such CRD"), Denied("no rights")])
async def test_not_ready_without_the_right_to_read_jobs(
    world: World, api: httpx.AsyncClient, error: Any
) -> None:
    world.kubernetes.fail_next("list", error)
    await ask_all(api)
    assert (await checks_of(api))[1]["kubernetes"] is False


async def test_a_store_that_hides_what_is_missing_has_answered(
    world: World, api: httpx.AsyncClient
) -> None:
    world.objects.fail_next("size", Denied("403"))
    await ask_all(api)
    assert (await checks_of(api))[0] == 200


async def test_health_asks_the_cluster_nothing(world: World, api: httpx.AsyncClient) -> None:
    for _ in range(20):
        await api.get("/api/v1/health/ready")
        assert (await api.get("/api/v1/health/live")).json() == {"status": "ok"}
    assert world.kubernetes.calls == []
    assert world.objects.calls == []


async def test_the_background_keeps_asking(world: World) -> None:
    parts = world.parts()
    running = asyncio.create_task(parts.pulse.run())
    await settle()
    assert all(parts.pulse.checks().values())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


# Description


def test_the_checked_in_description_is_the_one_of_the_code() -> None:
    assert json.loads(CHECKED_IN.read_text()) == DOCUMENT, (
        "run: uv run chronos-api openapi > api/openapi.json"
    )


async def test_the_description_is_served(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/openapi.json")
    assert answer.json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for child in node.values() for found in references(child)]
    if isinstance(node, list):
        return [found for child in node for found in references(child)]
    return []


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert "#/components/schemas/JobRequest" in found
    for reference in found:
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            assert part in node, reference
            node = node[part]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_described_in_full(path: str, method: str, operation: Json) -> None:
    assert re.fullmatch(
        r"(create|get|list|replace|delete|pause|resume|trigger|preview|backfill)[A-Z]\w+",
        operation["operationId"],
    )
    assert operation["summary"]
    statuses = set(operation["responses"])
    if path.endswith(("/live", "/ready")):
        assert operation["security"] == []
        return
    assert "security" not in operation, "the document's own holds: the key"
    assert {"401", "422", "500", "503"} <= statuses
    for status in statuses - {"200", "201", "204"}:
        assert list(operation["responses"][status]["content"]) == ["application/problem+json"]
    if method in ("post", "put"):
        assert operation["requestBody"]["required"] is True
        assert {"400", "413", "415"} <= statuses
    parameters = {it["name"] for it in operation.get("parameters", [])}
    assert set(re.findall(r"\{(\w+)\}", path)) <= parameters


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for item in DOCUMENT["paths"].values()
           for operation in item.values()]  # fmt: skip
    assert len(set(ids)) == len(ids)


EXAMPLES = {
    "JobRequest": ("POST", "/api/v1/jobs"),
    "PauseRequest": ("POST", "/api/v1/jobs/hello/pause"),
    "ResumeRequest": ("POST", "/api/v1/jobs/hello/resume"),
    "TriggerRequest": ("POST", "/api/v1/jobs/hello/trigger"),
    "BackfillRequest": ("POST", "/api/v1/jobs/hello/backfill"),
    "PreviewRequest": ("POST", "/api/v1/schedules/preview"),
    "CalendarRequest": ("POST", "/api/v1/calendars"),
}


def test_every_body_has_an_example_that_is_tried() -> None:
    named = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        if "requestBody" in operation
    }
    assert named == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_examples_in_the_description_work(
    job: Json, api: httpx.AsyncClient, name: str
) -> None:
    examples = DOCUMENT["components"]["schemas"][name]["examples"]
    assert examples
    method, path = EXAMPLES[name]
    for example in examples:
        answer = await api.request(method, path, json=example)
        assert answer.is_success, answer.text


class Page(HTMLParser):
    """What a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("href", "src", "action"):
                self.targets.append(value or "")
            if name == "id":
                self.ids.append(value or "")


async def test_the_page_shows_every_route_and_needs_nothing_else(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/v1/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page()
    page.feed(answer.text)
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert all(target.startswith("#") for target in page.targets)
    assert {target[1:] for target in page.targets} <= set(page.ids)
    for item in DOCUMENT["paths"].values():
        assert {operation["operationId"] for operation in item.values()} <= set(page.ids)


async def test_the_version_is_told(api: httpx.AsyncClient) -> None:
    told = (await api.get("/api/v1/version")).json()
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert re.fullmatch(r"\d{4}\.\d+", told["timeZoneData"])


# Bounds and the last resort


async def test_a_failure_of_ours_is_a_problem_without_a_trace(
    world: World, job: Json, api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    world.kubernetes.fail_next("list", RuntimeError("a secret detail"))  # type: ignore[arg-type]
    answer = await api.get("/api/v1/jobs")
    problem_of(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    (failed,) = [it for it in caplog.records if it.levelname == "ERROR"]
    assert failed.requestId == answer.headers["x-request-id"]  # type: ignore[attr-defined]
    assert failed.exc_info is not None


async def test_more_than_the_bound_is_told_to_come_again(world: World, job: Json) -> None:
    gate = asyncio.Event()
    original = world.kubernetes.list

    async def slow(*args: Any, **more: Any) -> Any:
        await gate.wait()
        return await original(*args, **more)

    world.kubernetes.list = slow  # type: ignore[method-assign]
    async with world.client(max_requests=2) as api:
        waiting = [asyncio.create_task(api.get("/api/v1/jobs")) for _ in range(2)]
        await settle()
        refused = await api.get("/api/v1/jobs")
        problem_of(refused, 503, "too_busy")
        assert refused.headers["retry-after"] == "1"
        assert (await api.get("/api/v1/health/live")).status_code == 200
        gate.set()
        assert [(await task).status_code for task in waiting] == [200, 200]
        assert (await api.get("/api/v1/jobs")).status_code == 200


async def test_a_reader_who_takes_nothing_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chronos_api.perimeter.SEND_SECONDS", 0.01)

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    perimeter = Perimeter(application, clock=FakeClock(), max_requests=1)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with pytest.raises(TimeoutError):
        await perimeter(scope, asyncio.Queue().get, send)


async def test_a_body_that_never_comes_is_given_up(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronos_api.body.READ_SECONDS", 0.01)

    async def silent() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    answer = await api.post(
        "/api/v1/jobs", content=silent(), headers={"Content-Type": "application/json"}
    )
    problem_of(answer, 408, "body_too_slow")


async def test_a_websocket_is_refused(world: World) -> None:
    sent = []

    async def receive() -> Json:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/api/v1/health/live", "headers": []}
    await world.app()(scope, receive, send)
    assert sent == ["websocket.close"]


# Logs


async def test_a_request_leaves_one_line_without_key_or_body(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    body = job_body(description="a canary in a body")
    answer = await api.post("/api/v1/jobs?tenant=team-a", json=body)
    lines = [JsonLines().format(it) for it in caplog.records if it.name.startswith("chronos")]
    (line,) = [json.loads(line) for line in lines]
    assert line["message"] == "Request answered"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/api/v1/jobs", 201)
    assert line["requestId"] == answer.headers["x-request-id"]
    assert line["bytes"] == len(answer.content)
    assert not any(secret in "".join(lines) for secret in (KEY, "canary"))


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "Said", "path": 'a\n{"level": "ERROR"}\ud800'}
    )
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "Said"
