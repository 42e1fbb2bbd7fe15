"""Who gets in: one right key, sent once; everybody else is told nothing, whatever they ask for."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chronos_api.auth.apikey import ApiKeyAuthenticator, BadKeyFile, KeyFile
from chronos_api.auth.gate import OPEN_PATHS
from chronos_api.errors import Unauthenticated
from chronos_api.main import build_routes

from .conftest import BEARER, KEY, World, job_body, problem_of

# Generated, so that a new route cannot be forgotten.
ROUTES = sorted(
    (method, re.sub(r"\{\w+\}", "hello", path))
    for path, operations in build_routes().openapi()["paths"].items()
    for method in (name.upper() for name in operations)
)
CLOSED = [route for route in ROUTES if route[1] not in OPEN_PATHS]
WRONG = "w" * len(KEY)
REFUSED = [
    pytest.param([], id="no credential"),
    pytest.param([("Authorization", f"Bearer {WRONG}")], id="a wrong key"),
    pytest.param([("X-API-Key", WRONG)], id="a wrong key in the other header"),
    pytest.param([("Authorization", "Bearer nothing")], id="Bearer nothing"),
    pytest.param([("Authorization", "Bearer")], id="Bearer alone"),
    pytest.param([("Authorization", "Bearer ")], id="Bearer and a blank"),
    pytest.param([("Authorization", KEY)], id="the key without a scheme"),
    pytest.param([("Authorization", f"Basic {KEY}")], id="the key as Basic"),
    pytest.param([("Authorization", f"Bearer  {KEY}")], id="two blanks"),
    pytest.param([("Authorization", f"Bearer {KEY} x")], id="something behind the key"),
    pytest.param([("Authorization", f"Bearer {KEY[:-1]}")], id="all of the key but its end"),
    pytest.param([("Authorization", f"Bearer {KEY}x")], id="more than the key"),
    pytest.param([("Authorization", f"Bearer {KEY.upper()}")], id="the key in capitals"),
    pytest.param([("Authorization", f"Bearer {KEY}, Bearer {KEY}")], id="two keys in a header"),
    pytest.param([("Authorization", f"Bearer {KEY}")] * 2, id="the right key twice"),
    pytest.param([("Authorization", f"Bearer {KEY}"), ("X-API-Key", KEY)], id="both headers"),
    pytest.param([("X-API-Key", KEY), ("X-API-Key", WRONG)], id="a right and a wrong one"),
    pytest.param([("X-API-Key", "")], id="an empty key"),
    pytest.param([("Authorization", "Bearer " + "x" * 65536)], id="64 kB"),
    pytest.param([("X-API-Key", KEY + "\x00")], id="a NUL behind the key"),
    pytest.param([("X-API-Key", KEY + "\xa0")], id="a no-break space behind the key"),
    pytest.param([("Cookie", f"api_key={KEY}")], id="the key as a cookie"),
]


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key, in a world where job and execution hello exist for nobody."""
    transport = httpx.ASGITransport(world.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://chronos.test") as client:
        yield client


def test_no_route_is_left_out_of_the_description() -> None:
    """The matrix below is made from it."""
    app: Any = build_routes()
    paths = {
        f"/api/v1{route.path}" for mounted in app.routes for route in mounted.original_router.routes
    }
    assert set(app.openapi()["paths"]) == paths
    assert len(CLOSED) >= 12


def test_nothing_but_health_is_open() -> None:
    assert {path for _, path in ROUTES} & OPEN_PATHS == OPEN_PATHS
    assert {"/api/v1/health/live", "/api/v1/health/ready"} == OPEN_PATHS


@pytest.mark.parametrize("headers", REFUSED)
@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_no_route_opens_without_the_key(
    world: World, stranger: httpx.AsyncClient,
    method: str, path: str, headers: list[tuple[str, str]],
) -> None:  # fmt: skip
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    request = stranger.build_request(method, path)
    request.headers = httpx.Headers([*request.headers.raw, *raw])
    answer = await stranger.send(request)
    problem_of(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith('Bearer realm="chronos"')
    assert KEY not in answer.text
    assert world.kubernetes.calls == []
    assert world.objects.calls == []


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1", "/api/v1/none", "/docs", "/openapi.json", "/metrics", "/api/v1/health",
     "/api/v1/health/live/", "/api/v1/health/ready/../../jobs", "/api/v1/health/live%2f..%2fjobs",
     "//api/v1/health/live", "/api/v1/HEALTH/live", "/api/v1/jobs/"],
)  # fmt: skip
async def test_what_does_not_exist_is_closed_as_well(
    stranger: httpx.AsyncClient, path: str
) -> None:
    assert (await stranger.get(path)).status_code == 401


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
async def test_health_is_open(stranger: httpx.AsyncClient, path: str) -> None:
    assert (await stranger.get(path)).status_code in (200, 503)
    wrong = {"Authorization": "Bearer nothing"}
    assert (await stranger.get(path, headers=wrong)).status_code in (200, 503)
    assert (await stranger.post(path)).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"Authorization": f"BEARER {KEY}"},
        {"X-API-Key": KEY},
        {"x-api-key": KEY},
    ],
)
async def test_the_key_opens(stranger: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await stranger.get("/api/v1/jobs", headers=headers)).status_code == 200


async def test_a_body_is_not_read_before_the_key(stranger: httpx.AsyncClient) -> None:
    async def unread() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    answer = await stranger.post("/api/v1/jobs", content=unread())
    assert answer.status_code == 401


# The key file


def read(path: Path) -> ApiKeyAuthenticator:
    return ApiKeyAuthenticator(KeyFile(path))


def present(authenticator: ApiKeyAuthenticator, key: str) -> bool:
    """Whether that key opens."""
    try:
        authenticator.authenticate([(b"x-api-key", key.encode())])
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="a newline"),
        pytest.param(b"x" * 31, id="31 characters"),
        pytest.param(b"x" * 31 + b"\n", id="31 characters and a newline"),
        pytest.param(b"x" * 513, id="513 characters"),
        pytest.param(b"x" * 20 + b" " + b"x" * 20, id="a blank within"),
        pytest.param(b"x" * 40 + b"\n" + b"y" * 40, id="two lines"),
        pytest.param("ä".encode() * 40, id="not ASCII"),
        pytest.param(b"x" * 40 + b"\0", id="a NUL"),
    ],
)
def test_a_file_that_holds_no_key_stops_the_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(BadKeyFile, match=str(path)) as refusal:
        KeyFile(path)
    assert "xxx" not in str(refusal.value)


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile):
        KeyFile(tmp_path / "none")


def test_a_newline_at_the_end_is_not_part_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x" * 40 + "\n")
    assert present(read(path), "x" * 40)


def replace(path: Path, content: str) -> None:
    """As a mounted Secret changes: another file in the place of the old one."""
    fresh = path.with_name("fresh")
    fresh.write_text(content)
    os.replace(fresh, path)


def test_a_changed_key_counts_from_the_next_request_on(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x" * 40)
    authenticator = read(path)
    replace(path, "y" * 40)
    assert not present(authenticator, "x" * 40)
    assert present(authenticator, "y" * 40)


@pytest.mark.parametrize("content", ["", "short"])
def test_a_key_replaced_by_none_lets_nobody_in_until_there_is_one(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "key"
    path.write_text("x" * 40)
    authenticator = read(path)
    replace(path, content)
    assert not any(present(authenticator, key) for key in ("x" * 40, content, ""))
    assert [it.levelname for it in caplog.records] == ["ERROR"]
    replace(path, "y" * 40)
    assert present(authenticator, "y" * 40)


def test_a_file_that_went_away_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x" * 40)
    authenticator = read(path)
    path.unlink()
    assert not present(authenticator, "x" * 40)


async def test_a_job_can_be_submitted_with_the_key(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/api/v1/jobs", headers=BEARER, json=job_body())
    assert answer.status_code == 201
