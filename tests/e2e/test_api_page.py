"""docs/api.md: every command on it works as it is printed, and every route is on it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chronos_api.main import build_routes

from .conftest import wait_for

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
# An HTTP error is a failure of the command.
STRICT = 'curl() { command curl --silent --show-error --fail-with-body --max-time 60 "$@"; }\n'
CLEANING = """
for path in jobs/api-report jobs/api-weekly calendars/api-freeze; do
  command curl --silent -H "$AUTH" -X DELETE "$CHRONOS_URL/api/v1/$path?"
done
"""


def run(shell: str) -> subprocess.CompletedProcess[str]:
    """Runs a piece of shell in the project's folder."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", shell],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )


def is_good(shell: str) -> bool:
    """Whether it ends well."""
    return run(shell).returncode == 0


@pytest.fixture
def setting() -> Iterator[str]:
    """What the first block of the page exports, over objects that nobody left behind."""
    setting = BLOCKS[0] + STRICT
    run(setting + CLEANING)
    yield setting
    run(setting + CLEANING)


def test_every_command_works_as_printed(setting: str) -> None:
    id = ""
    for block in BLOCKS[1:]:
        script = f"{setting}ID={id}\n{block}"
        if re.search("/logs|/log-url", block):
            # As the page says: once the attempt has ended.
            wait_for(partial(is_good, script), seconds=60, what="a log")
            continue
        done = run(f'{script}printf "\\n%s" "$ID"')
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        id = done.stdout.rpartition("\n")[2]
    assert re.fullmatch(r"api-report-manual-[a-z0-9]{5}", id)


def test_every_route_is_on_the_page() -> None:
    shown = re.sub(r"\$ID|api-report|api-freeze", "*", " ".join(BLOCKS))
    for path in build_routes().openapi()["paths"]:
        assert re.sub(r"\{\w+\}", "*", path) in shown, path
