"""The whole operator on a cluster in memory: what becomes of jobs when nothing goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from builders import NOON, build_spec_body
from chronos_clients.resources import KUBE_JOBS
from chronos_operator.testing import (
    Command,
    Simulation,
    find_faults,
    simulate,
)

SECOND = timedelta(seconds=1)
Act = Callable[[Simulation], Coroutine[Any, Any, None]]
Script = Callable[[str], Command]


def play(act: Act, script: Script = lambda _: Command()) -> Simulation:
    """Lets ``act`` happen in a cluster in which it is just before noon."""
    return simulate(NOON - 0.3 * SECOND, act, script)


def every(seconds: int, count: int) -> list[datetime]:
    """Noon and every so many seconds after it."""
    return [NOON + number * seconds * SECOND for number in range(count)]


def test_an_immediate_job_runs_once_and_its_log_lies_in_the_store() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(immediate=True))
        await simulation.settle()

    simulation = play(act)
    created = NOON - SECOND  # 11:59:59.7 is stored as a whole second
    assert find_faults(simulation, {"hello": [created]}) == []
    (execution,) = simulation.executions()
    assert execution["spec"]["trigger"] == "Immediate"
    (attempt,) = execution["status"]["attempts"]
    uid = simulation.job("hello")["metadata"]["uid"]
    name = execution["metadata"]["name"]
    assert attempt["log"]["key"] == f"default/{uid}/{name}/1.log"
    assert simulation.job("hello")["status"]["lastResult"] == "Succeeded"


def test_a_cron_of_each_ten_seconds_runs_each_ten_seconds() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="*/10 0-2 12 1 3 ? 2026"))
        await simulation.settle(240)

    simulation = play(act)
    faults = find_faults(simulation, {"hello": every(10, 18)}, latest=timedelta(milliseconds=20))
    assert faults == []
    assert len(simulation.kubelet.runs) == 18


def test_one_time_runs_and_cron_form_a_union() -> None:
    async def act(simulation: Simulation) -> None:
        at = ["2026-03-01T12:00:03Z", "2026-03-01T13:00:20+01:00"]
        await simulation.create_job("hello", build_spec_body(cron="*/20 0 12 1 3 ? 2026", at=at))
        await simulation.settle(120)

    simulation = play(act)
    seconds = [NOON + n * SECOND for n in (0, 3, 20, 40)]
    assert find_faults(simulation, {"hello": seconds}) == []


def test_a_job_of_each_second_overlaps_itself_and_loses_none() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="* 0 12 1 3 ? 2026"))
        await simulation.settle(120)

    def script(_: str) -> Command:
        return Command(pieces=((5.0, b"slow\n"),))

    simulation = play(act, script)
    # All of a minute but what history has kept no longer.
    assert len(simulation.kubelet.runs) == len(set(simulation.kubelet.runs)) == 60
    assert simulation.job("hello")["status"]["started"] == 60
    assert simulation.job("hello")["status"]["late"] == 0
    assert len(simulation.executions()) == 30


def test_many_jobs_do_not_disturb_each_other() -> None:
    async def act(simulation: Simulation) -> None:
        for number in range(10):
            spec = build_spec_body(cron=f"{number}/15 0 12 1 3 ? 2026")
            await simulation.create_job(f"job-{number}", spec)
        await simulation.create_job("bad", build_spec_body(cron="61 * * * * *"))
        assert await simulation.serve_until(
            lambda: all(
                simulation.job(f"job-{n}").get("status", {}).get("state") == "Completed"
                for n in range(10)
            ),
            within=120,
        )

    simulation = play(act)
    assert simulation.job("bad")["status"]["state"] == "Invalid"
    (condition,) = simulation.job("bad")["status"]["conditions"]
    assert "'61' in the second (at character 1" in condition["message"]
    expected = {f"job-{n}": [NOON + (n + 15 * k) * SECOND for k in range(4)] for n in range(10)}
    assert find_faults(simulation, expected) == []


RETRY = {"maxAttempts": 3, "initialSeconds": 2, "factor": 2.0}


def test_a_command_that_fails_is_tried_again_as_asked_and_ends_as_failed() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], retry=RETRY)
        await simulation.create_job("hello", spec)
        await simulation.settle()

    def script(name: str) -> Command:
        return Command(exit_code=3, pieces=((0.5, f"{name} fails\n".encode()),))

    simulation = play(act, script)
    assert find_faults(simulation, {"hello": [NOON]}) == []
    (execution,) = simulation.executions()
    attempts = execution["status"]["attempts"]
    assert [attempt["exitCode"] for attempt in attempts] == [3, 3, 3]
    times = [birth.at for birth in simulation.cluster.births if birth.resource == KUBE_JOBS]
    ends = [datetime.fromisoformat(attempt["completionTime"]) for attempt in attempts]
    # 2 s after the first end, 4 s after the second; never before.
    for begun, end, delay in zip(times[1:], ends[:-1], (2, 4), strict=True):
        assert timedelta() <= begun - (end + delay * SECOND) < SECOND
    assert simulation.job("hello")["status"]["lastResult"] == "Failed"


def test_a_command_that_succeeds_at_the_second_try_has_succeeded() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], retry=RETRY)
        await simulation.create_job("hello", spec)
        await simulation.settle()

    simulation = play(act, lambda name: Command(exit_code=0 if name.endswith("-2") else 1))
    assert find_faults(simulation, {"hello": [NOON]}) == []
    assert len(simulation.executions()[0]["status"]["attempts"]) == 2


def test_the_story_is_told_in_events() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], retry=RETRY)
        await simulation.create_job("hello", spec)
        await simulation.settle()

    simulation = play(act, lambda name: Command(exit_code=0 if name.endswith("-2") else 1))
    assert simulation.events("hello") == [
        "Started",
        "AttemptFailed",
        "RetryPlanned",
        "Started",
        "Succeeded",
        "Completed",
    ]
    assert simulation.events("hello-1772366400") == ["AttemptFailed"]


def test_a_suspended_job_skips_and_says_how_many() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="*/10 0-1 12 1 3 ? 2026"))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 15 * SECOND)
            await simulation.change_job("hello", {"suspend": True})
            await simulation.sleep_until(NOON + 55 * SECOND)
            assert simulation.job("hello")["status"]["state"] == "Paused"
            await simulation.change_job("hello", {"suspend": False})
            await simulation.sleep_until(NOON + 59 * SECOND)
            assert simulation.job("hello")["status"]["skipped"] == 4
        await simulation.settle(120)

    simulation = play(act)
    seconds = [NOON + n * SECOND for n in (0, 10, 60, 70, 80, 90, 100, 110)]
    status = simulation.job("hello")["status"]
    assert (status["started"], status["skipped"], status["missed"]) == (8, 4, 0)
    found = [body["spec"]["scheduledTime"] for body in simulation.executions()]
    assert [datetime.fromisoformat(text) for text in found] == seconds
    assert "Paused" in simulation.events("hello")
    assert "Resumed" in simulation.events("hello")


def test_a_retry_waits_while_its_job_is_suspended() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], retry=RETRY)
        await simulation.create_job("hello", spec)
        async with simulation.serving():
            await simulation.sleep_until(NOON + SECOND)
            await simulation.change_job("hello", {"suspend": True})
            await simulation.sleep_until(NOON + 30 * SECOND)
            assert len(simulation.kube_jobs()) == 1
            assert simulation.executions()[0]["status"]["reason"] == "Paused"
            await simulation.change_job("hello", {"suspend": False})
            await simulation.sleep_until(NOON + 31 * SECOND)
            assert len(simulation.kube_jobs()) == 2
        await simulation.settle()

    simulation = play(act, lambda name: Command(exit_code=0 if name.endswith("-2") else 1))
    assert find_faults(simulation, {"hello": [NOON]}) == []


def test_an_edit_takes_effect_within_a_second_and_never_fires_by_itself() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="0 0 12 1 3 ? 2026"))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 9.5 * SECOND)
            schedule = {"cron": ["10,20 0 12 1 3 ? 2026", "0-9 0 12 1 3 ? 2026"]}
            await simulation.change_job("hello", {"schedule": schedule})
            await simulation.sleep_until(NOON + 10.1 * SECOND)
            assert len(simulation.kube_jobs()) == 2
        await simulation.settle()

    simulation = play(act)
    seconds = [NOON + n * SECOND for n in (0, 10, 20)]
    assert find_faults(simulation, {"hello": seconds}) == []


def test_history_keeps_as_many_as_asked_and_deletes_the_rest_with_their_kube_jobs() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(cron="*/5 0 12 1 3 ? 2026", history={"successful": 2, "failed": 1})
        await simulation.create_job("hello", spec)
        await simulation.settle(120)

    def script(name: str) -> Command:
        return Command(exit_code=int(name.split("-")[1]) // 5 % 2)

    simulation = play(act, script)
    kept = [body["metadata"]["name"] for body in simulation.executions()]
    states = [body["status"]["state"] for body in simulation.executions()]
    assert sorted(states) == ["Failed", "Succeeded", "Succeeded"]
    assert [body["metadata"]["name"] for body in simulation.kube_jobs()] == [
        f"{name}-1" for name in kept
    ]
    status = simulation.job("hello")["status"]
    assert (status["started"], status["missed"]) == (12, 0)
    # All logs stay in the store.
    assert len(simulation.store.objects) == 12


def test_an_idle_job_costs_no_write() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="0 0 0 1 1 ? 2030"))
        await simulation.create_job("paused", build_spec_body(cron="* * * * * *", suspend=True))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 10 * SECOND)
            before = len(simulation.cluster.calls)
            await simulation.sleep_until(NOON + 3600 * SECOND)
            calls = simulation.cluster.calls[before:]
        assert {call.verb for call in calls} == {"list"}
        # Five kinds once a minute.
        assert len(calls) <= 5 * 61

    play(act)


def test_at_the_due_time_the_first_write_is_the_kube_job() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(at=["2026-03-01T12:00:10Z"]))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 9.9 * SECOND)
            before = len(simulation.cluster.calls)
            await simulation.sleep_until(NOON + 10.5 * SECOND)
            calls = simulation.cluster.calls[before:]
        assert (calls[0].verb, calls[0].what) == ("create", "jobs")

    play(act)


def test_what_one_execution_costs_in_writes() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(at=["2026-03-01T12:00:10Z"]))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 9 * SECOND)
            before = len(simulation.cluster.calls)
            await simulation.sleep_until(NOON + 40 * SECOND)
            calls = simulation.cluster.calls[before:]
        own = [
            call
            for call in calls
            if call.verb in ("create", "patch", "delete")
            and call.what not in ("pods", "pods/status", "jobs/status")
        ]
        # Two objects, two Events (three for a last one), and the status of each as it changes.
        assert len(own) <= 12, [(call.verb, call.what) for call in own]

    play(act)
