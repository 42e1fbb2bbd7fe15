"""What ``helm test`` runs: it passes on a good answer and on no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

SCRIPT = Path(__file__).parents[3] / "charts/chronos/files/tests/submit.py"
KEY = "k" * 40


class Chronos(BaseHTTPRequestHandler):
    """As much of the API as the script asks for; the class holds what it shall do."""

    state: ClassVar[str]
    log: ClassVar[str | None]
    deletes: ClassVar[bool]
    calls: ClassVar[list[str]]
    printed: ClassVar[str] = ""

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).printed = job["workload"]["container"]["command"][1] + "\n"
        self.respond(201, json.dumps(job))

    def do_GET(self) -> None:
        if self.path.endswith("/executions"):
            items = [{"id": "x-1", "state": self.state}]
            self.respond(200, json.dumps({"items": items}))
        else:
            self.respond(200, self.printed if self.log is None else self.log)

    def do_DELETE(self) -> None:
        self.respond(204 if self.deletes else 500, "")

    def respond(self, status: int, text: str) -> None:
        allowed = self.headers["Authorization"] == f"Bearer {KEY}"
        self.calls.append(f"{self.command} {self.path.rpartition('/')[2][:9]}")
        body = text.encode() if status != 204 else b""
        self.send_response(status if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The test's output stays its own."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chronos)
    # The default polling of half a second would be most of this test's time.
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.mark.parametrize(
    ("state", "log", "deletes", "key", "complaint"),
    [
        pytest.param("Succeeded", None, True, KEY, None, id="all is well"),
        pytest.param("Succeeded", None, True, f"{KEY}\n", None, id="a key file that ends a line"),
        pytest.param("Failed", None, True, KEY, "did not succeed", id="the job failed"),
        pytest.param("Succeeded", "hell", True, KEY, "not what was printed", id="a cut log"),
        pytest.param("Succeeded", None, False, KEY, "answered 500", id="no deletion"),
        pytest.param("Succeeded", None, True, "wrong", "answered 401", id="a wrong key"),
        pytest.param("Running", None, True, KEY, "not ended in time", id="it never ends"),
    ],
)
def test_it_passes_on_a_good_answer_only(
    tmp_path: Path,
    address: str,
    state: str,
    log: str | None,
    deletes: bool,
    key: str,
    complaint: str | None,
) -> None:
    Chronos.state, Chronos.log, Chronos.deletes, Chronos.calls = state, log, deletes, []
    (tmp_path / "api-key").write_text(key)
    environment = {
        "CHRONOS_URL": address,
        "CHRONOS_API_KEY_FILE": str(tmp_path / "api-key"),
        "CHRONOS_TEST_IMAGE": "busybox",
        "CHRONOS_TEST_SECONDS": "1",
    }
    answer = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert Chronos.calls[0] == "POST jobs"
    assert Chronos.calls[-1] == "DELETE helm-test"
    if complaint is None:
        assert (answer.returncode, answer.stderr) == (0, "")
    else:
        assert answer.returncode == 1
        assert complaint in answer.stderr
