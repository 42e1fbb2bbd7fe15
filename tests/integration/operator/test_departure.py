"""What stays of a job that is deleted: all of its ledger, in the archive."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from builders import NOON, build_spec_body
from chronos_clients.resources import JOBS
from chronos_operator.testing import Simulation, simulate

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "age",
    [
        pytest.param(20, id="a job whose lines were all in its status"),
        pytest.param(150, id="a job whose older lines were in the archive"),
    ],
)
def test_the_ledger_of_a_deleted_job_is_whole(age: int) -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(cron="* * * * * *")
        await simulation.create_job("hello", {**spec, "concurrency": {"policy": "Forbid"}})
        async with simulation.serving():
            await simulation.sleep_until(NOON + (age + 0.5) * SECOND)
            await simulation.delete(JOBS, "hello")
            await simulation.sleep_until(NOON + (age + 30) * SECOND)

    simulation = simulate(NOON - 0.3 * SECOND, act)
    segments = [
        json.loads(data) for key, data in simulation.store.objects.items() if "ledger/" in key
    ]
    told = sorted(line["time"] for segment in segments for line in segment["lines"])
    first = (NOON + 0 * SECOND).isoformat().replace("+00:00", "Z")
    last = (NOON + age * SECOND).isoformat().replace("+00:00", "Z")
    assert (len(told), told[0], told[-1]) == (age + 1, first, last)
