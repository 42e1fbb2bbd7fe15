"""What ``helm test`` runs: a job submitted over REST, its end awaited, its log compared.

Only the standard library, so that any image with Python can run it. Reads CHRONOS_URL,
CHRONOS_API_KEY_FILE, CHRONOS_TEST_IMAGE and CHRONOS_TEST_SECONDS; exit code 1 with a sentence on
standard error when anything is not as it should be.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENDED = {"Succeeded", "Failed", "Cancelled", "Missed", "Skipped"}
CALL_SECONDS = 10
# An API pod that has just become ready may not be in every node's rules yet.
FIRST_CALL_TRIES = 10


class TestFailure(Exception):
    """Something was not as it should be; the message says what."""


def call(method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
    """The answer's bytes. Raises TestFailure for any status but 2xx, OSError without an answer."""
    key = Path(os.environ["CHRONOS_API_KEY_FILE"]).read_text().strip()
    request = urllib.request.Request(  # noqa: S310 - the address is the chart's own
        os.environ["CHRONOS_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise TestFailure(f"{method} {path} was answered {error.code}: {text}") from error


def create_job(name: str, text: str) -> None:
    """Submits a job that prints the text at once."""
    container = {"image": os.environ["CHRONOS_TEST_IMAGE"], "command": ["echo", text]}
    job = {
        "name": name,
        "schedule": {"immediate": True},
        "workload": {"type": "container", "container": container},
    }
    for left in range(FIRST_CALL_TRIES, 0, -1):
        try:
            call("POST", "/api/v1/jobs", job)
            return
        except OSError as error:
            if left == 1:
                raise TestFailure(f"the API cannot be reached: {error}") from error
            time.sleep(1)


def wait_for_end(name: str, deadline: float) -> dict[str, Any]:
    """The job's only execution, once it has ended. Raises TestFailure after the deadline."""
    items: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        items = json.loads(call("GET", f"/api/v1/jobs/{name}/executions"))["items"]
        if items and items[0]["state"] in ENDED:
            return items[0]
        time.sleep(1)
    raise TestFailure(f"the job has not ended in time; its executions: {json.dumps(items)}")


def check_job(name: str, text: str) -> None:
    """Runs the job and compares its end and its log with what was asked for."""
    create_job(name, text)
    deadline = time.monotonic() + int(os.environ["CHRONOS_TEST_SECONDS"])
    execution = wait_for_end(name, deadline)
    if execution["state"] != "Succeeded":
        raise TestFailure(f"the execution did not succeed: {json.dumps(execution)}")
    log = call("GET", f"/api/v1/executions/{execution['id']}/logs")
    if log != (text + "\n").encode():
        raise TestFailure(f"the log is not what was printed ({text!r}): {log!r}")


def find_failure(step: Callable[[], object]) -> str | None:
    """What went wrong in the step, in a sentence; None when nothing did."""
    try:
        step()
    except (TestFailure, OSError) as failure:
        return str(failure)
    return None


def main() -> int:
    token = secrets.token_hex(4)
    name, text = f"helm-test-{token}", f"hello {token}"
    failures = [
        find_failure(lambda: check_job(name, text)),
        find_failure(lambda: call("DELETE", f"/api/v1/jobs/{name}")),
    ]
    for failure in filter(None, failures):
        print(f"Chronos' test failed: {failure}", file=sys.stderr)
    if any(failures):
        return 1
    print(f"job {name} ran, its log came back as printed, and it was deleted")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
