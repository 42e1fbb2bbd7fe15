"""Every file in examples/ is applied and does what it says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from e2e.conftest import EXAMPLES, Api, Json, Tenant, wait_for


@dataclass(frozen=True)
class Run:
    """An execution of the example's job comes into that state, with that log."""

    state: str
    log: bytes | None = None


@dataclass(frozen=True)
class Plan:
    """The job itself comes into that state; where it is Scheduled, the preview says the same."""

    state: str


@dataclass(frozen=True)
class Line:
    """A scheduled second of the job meets that fate by that rule."""

    fate: str
    reason: str


ENDS: dict[str, Run | Plan | Line] = {
    "10-hello.yaml": Run("Succeeded", b"hello from Chronos\n"),
    "20-every-ten-seconds.yaml": Run("Succeeded"),
    "21-every-ninety-seconds.yaml": Plan("Scheduled"),
    "22-several-schedules.yaml": Run("Succeeded", b"one of several\n"),
    "30-weekdays-in-berlin.yaml": Plan("Scheduled"),
    "31-quartz.yaml": Plan("Scheduled"),
    "32-last-days.yaml": Plan("Scheduled"),
    "33-spread.yaml": Plan("Scheduled"),
    "34-jitter.yaml": Plan("Scheduled"),
    "35-daylight-saving.yaml": Plan("Scheduled"),
    "36-window.yaml": Plan("Completed"),
    "37-calendars.yaml": Plan("Scheduled"),
    "40-once-at.yaml": Plan("Scheduled"),
    "50-retry.yaml": Run("Succeeded", b"attempt 3\n"),
    "60-resources.yaml": Run("Succeeded", b"good morning\n1000\n"),
    "70-paused.yaml": Plan("Paused"),
    "71-paused-until.yaml": Plan("Paused"),
    "80-missed-runs.yaml": Run("Succeeded"),
    "81-starting-deadline.yaml": Run("Succeeded"),
    "82-concurrency-forbid.yaml": Line("Skipped", "Forbid"),
    "83-concurrency-replace.yaml": Run("Cancelled"),
    "84-concurrency-queue.yaml": Run("Queued"),
    "85-manual-trigger.yaml": Run("Succeeded", b"good evening, by hand\n"),
    "86-backfill.yaml": Plan("Scheduled"),
}


@pytest.fixture(scope="module")
def shelf(tenant: Tenant) -> Tenant:
    """All examples, stored one after the other; what they do they do side by side."""
    for file in sorted(ENDS):
        # create, not apply: a run by hand has a generated name.
        tenant.kubectl("create", "-f", str(EXAMPLES / file))
    return tenant


def _read_job(file: str) -> Json:
    documents = yaml.safe_load_all((EXAMPLES / file).read_text())
    job: Json = next(it for it in documents if it["kind"] == "ChronosJob")
    return job


def test_every_example_is_in_the_table() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == set(ENDS)


@pytest.mark.parametrize("file", sorted(ENDS))
def test_the_example_does_what_it_says(file: str, shelf: Tenant) -> None:
    job, end = _read_job(file), ENDS[file]
    name = job["metadata"]["name"]
    if isinstance(end, Run):
        _check_run(shelf.api, name, end)
    elif isinstance(end, Plan):
        _check_plan(shelf.api, job, end)
    else:
        wait_for(
            lambda: any(
                (it["fate"], it.get("reason")) == (end.fate, end.reason)
                for it in shelf.api.ledger(name)["lines"]
            ),
            seconds=60,
            what=f"a second of {name} as {end.fate} by {end.reason}",
        )


def _check_run(api: Api, name: str, end: Run) -> None:
    execution = wait_for(
        lambda: next((it for it in api.executions(name) if it["state"] == end.state), None),
        seconds=60,
        what=f"an execution of {name} as {end.state}",
    )
    if end.log is not None:
        assert api.log(execution["id"]) == end.log


def _check_plan(api: Api, job: Json, end: Plan) -> None:
    name = job["metadata"]["name"]
    wait_for(
        lambda: api.status(name).get("state") == end.state,
        seconds=30,
        what=f"{name} as {end.state}",
    )
    if end.state == "Paused":
        assert api.executions(name) == []
    if end.state == "Scheduled":
        asked = {"schedule": job["spec"]["schedule"], "job": name, "count": 1}

        def is_agreed() -> bool:
            preview = api.post("/schedules/preview", asked)
            assert preview["text"]
            return bool(preview["times"][0]["utc"] == api.status(name)["nextTime"])

        # Again, should a second fall due between the two questions; one that jitter holds back is
        # still the job's next, while the preview has passed it.
        held = job["spec"]["schedule"].get("jitterSeconds", 0)
        wait_for(
            is_agreed, seconds=10 + held, what=f"a preview of {name} that agrees with its next time"
        )
