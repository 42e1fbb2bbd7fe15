"""Every file in examples/ is applied and does what it says."""

from __future__ import annotations

import pytest
import yaml

from e2e.conftest import EXAMPLES, Api, Kubectl, wait_for

# What becomes of each: the state its first execution ends with, or the job's own state.
ENDS = {
    "10-hello.yaml": ("execution", "Succeeded", b"hello from Chronos\n"),
    "20-every-ten-seconds.yaml": ("execution", "Succeeded", None),
    "30-weekdays-in-berlin.yaml": ("job", "Scheduled", None),
    "40-once-at.yaml": ("job", "Scheduled", None),
    "50-retry.yaml": ("execution", "Succeeded", b"attempt 3\n"),
    "60-resources.yaml": ("execution", "Succeeded", b"good morning\n1000\n"),
    "70-paused.yaml": ("job", "Paused", None),
}


def test_every_example_is_in_the_table() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == set(ENDS)


@pytest.mark.parametrize("file", sorted(ENDS))
def test_the_example_does_what_it_says(file: str, api: Api, kubectl: Kubectl) -> None:
    kind, state, log = ENDS[file]
    name = yaml.safe_load((EXAMPLES / file).read_text())["metadata"]["name"]
    kubectl("apply", "-f", str(EXAMPLES / file))
    if kind == "job":
        wait_for(
            lambda: api.get(f"/jobs/{name}")["status"].get("state") == state,
            seconds=15,
            what=f"{name} as {state}",
        )
        assert api.executions(name) == []
        return
    execution = wait_for(
        lambda: next((it for it in api.executions(name) if it["state"] == state), None),
        seconds=60,
        what=f"an execution of {name} as {state}",
    )
    if log is not None:
        assert api.log(execution["id"]) == log
