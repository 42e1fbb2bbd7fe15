"""The process, with neither cluster nor store: how it starts, what bounds it, how it ends."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from chronos_api.listener import HEADER_SECONDS

from .conftest import KEY, Process, environment, run_api, wait_for, write_nowhere

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    with run_api(folder, write_nowhere(folder)) as running:
        yield running


@pytest.fixture
def process(tmp_path: Path, nowhere: str) -> Iterator[Process]:
    """One of the test's own."""
    with run_api(tmp_path, nowhere) as running:
        yield running


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"CHRONOS_API_KEY_FILE": "/none"}, "/none", id="no key file"),
        pytest.param({"CHRONOS_PORT": "http"}, "CHRONOS_PORT", id="a wrong port"),
        pytest.param({"CHRONOS_KUBECONFIG": "/none"}, "no credentials", id="no kubeconfig"),
        pytest.param(
            {"CHRONOS_NAMESPACE": "a", "CHRONOS_WATCH_NAMESPACES": "a,b"},
            "own namespace",
            id="its own namespace as a tenant",
        ),
    ],
)
def test_it_does_not_start_on_wrong_settings(
    tmp_path: Path, nowhere: str, changes: dict[str, str], said: str
) -> None:
    done = _start(environment(tmp_path, nowhere, **changes))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_it_does_not_start_on_a_short_key_and_does_not_print_it(
    tmp_path: Path, nowhere: str
) -> None:
    (tmp_path / "api-key").write_text("a-short-canary")
    done = _start(environment(tmp_path, nowhere))
    assert done.returncode == 1
    assert "32" in done.stderr
    assert "canary" not in done.stdout + done.stderr


def _start(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chronos_api"],
        env=settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_cluster_it_lives_and_says_so(shared: Process) -> None:
    with shared.client() as client:
        ready = client.get("/api/v1/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"kubernetes": False, "objectStore": False}
        answer = client.get("/api/v1/jobs")
        assert (answer.status_code, answer.json()["code"]) == (503, "cluster_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "127.0.0.1" not in answer.text


def test_idle_it_takes_little_memory(
    process: Process, record_testsuite_property: Callable[[str, object], None]
) -> None:
    with process.client() as client:
        assert client.get("/api/v1/docs").status_code == 200
        client.get("/api/v1/jobs")
    resident = process.resident_bytes()
    record_testsuite_property("api_idle_mib", resident / MIB)
    assert resident < 150 * MIB


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(process: Process, number: int) -> None:
    assert process.stop(number) == 0
    assert "Traceback" not in process.log.read_text()


def test_what_it_logs_is_json_without_secrets(process: Process) -> None:
    with process.client() as client:
        client.get("/api/v1/jobs", params={"tenant": "default"})
        client.post("/api/v1/jobs", content=b'{"description": "canary-in-a-body"}')
    process.stop()
    lines = process.lines()
    assert {"Request answered"} <= {line["message"] for line in lines}
    text = process.log.read_text()
    for secret in (KEY, "canary-in-a-body", "integration-secret", "integration-cluster-token"):
        assert secret not in text


def exchange(process: Process, request: bytes) -> bytes:
    """What comes back for these bytes, until the server closes."""
    with socket.create_connection(("127.0.0.1", process.port), timeout=15) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, id="a header without an end"),
        pytest.param(b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", id="a NUL in the path"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            id="two lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", id="a negative length"
        ),
    ],
)
def test_what_is_no_proper_http_gets_400(shared: Process, request_bytes: bytes) -> None:
    assert exchange(shared, request_bytes).startswith(b"HTTP/1.1 400 ")
    with shared.client(key=None) as client:
        assert client.get("/api/v1/health/live").status_code == 200


def test_a_large_upload_without_a_key_is_cut_off(shared: Process) -> None:
    """The answer is there before the body is: 100 MB are neither read nor kept."""
    head = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    assert exchange(shared, head).startswith(b"HTTP/1.1 401 ")


def test_a_large_body_is_refused_before_it_is_sent(shared: Process) -> None:
    head = (
        f"POST /api/v1/jobs?tenant=kube-system HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n"
    )
    answer = exchange(shared, head.encode())
    # Dependencies run in any order: it is no tenant, or the body is too large; never a 5xx.
    assert answer.split()[1] in (b"404", b"413")


def test_connections_that_never_ask_are_closed(shared: Process) -> None:
    """One that says nothing, one whose headers have no end, one whose second request has none."""
    health = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = (b"", health[:-2], health)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", shared.port)
        connections = [
            stack.enter_context(socket.create_connection(address, timeout=HEADER_SECONDS + 10))
            for _ in sent
        ]
        for connection, data in zip(connections, sent, strict=True):
            connection.sendall(data)
        assert connections[2].recv(65536).startswith(b"HTTP/1.1 200 ")
        connections[2].sendall(b"GET /")
        for connection in connections:
            while connection.recv(65536):
                pass
    assert HEADER_SECONDS - 1 < time.monotonic() - began < HEADER_SECONDS + 8


def test_a_rotated_key_counts_at_once(process: Process, tmp_path: Path) -> None:
    (tmp_path / "fresh").write_text("rotated-" + KEY)
    (tmp_path / "fresh").replace(tmp_path / "api-key")
    with process.client() as old, process.client("rotated-" + KEY) as new:
        assert old.get("/api/v1/version").status_code == 401
        assert new.get("/api/v1/version").status_code == 200


def test_a_client_that_goes_away_leaves_nothing_running(process: Process) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", process.port), timeout=5) as connection:
            connection.sendall(
                f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
                "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
            )
    with process.client() as client:
        answered = client.get("/api/v1/version")
    assert answered.status_code == 200
    wait_for(
        lambda: process.log.read_text().count("Request answered") >= 21,
        seconds=10,
        what="a record of each request",
    )
    assert "Traceback" not in process.log.read_text()


def test_the_description_is_printed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chronos_api", "openapi"],
        capture_output=True,
        timeout=60,
        check=True,
    )
    checked_in = Path(__file__).parents[3] / "api" / "openapi.json"
    assert done.stdout == checked_in.read_bytes()


def test_a_connection_is_kept_for_the_next_request(shared: Process) -> None:
    with shared.client() as client:
        for _ in range(3):
            answer = client.get("/api/v1/version")
            assert isinstance(answer, httpx.Response)
            assert answer.headers.get("connection", "keep-alive") == "keep-alive"
