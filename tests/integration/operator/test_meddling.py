"""The whole operator on a cluster in memory: what others do to it, and what it does then."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from builders import NOON, build_spec_body
from chronos_clients.errors import Denied
from chronos_clients.resources import EXECUTIONS, JOBS, KUBE_JOBS, PODS
from chronos_operator.testing import (
    NAMESPACE,
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


RETRY = {"maxAttempts": 3, "initialSeconds": 2, "factor": 2.0}


def test_a_job_that_is_deleted_starts_nothing_more() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="*/5 * * * * *"))
        async with simulation.serving() as engine:
            await simulation.sleep_until(NOON + 12 * SECOND)
            await simulation.delete(JOBS, "hello")
            await simulation.sleep_until(NOON + 90 * SECOND)
            assert engine.is_alive()

    simulation = play(act)
    assert simulation.jobs() == []
    assert simulation.kube_jobs() == []
    births = [birth.name for birth in simulation.cluster.births if birth.resource == KUBE_JOBS]
    assert len(births) == 3


def test_a_job_that_is_being_deleted_starts_nothing_more_not_even_a_retry() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(cron="*/5 * * * * *", retry={"maxAttempts": 9, "initialSeconds": 3})
        await simulation.create_job("hello", spec)
        hold = {"metadata": {"finalizers": ["example.com/hold"]}}
        await simulation.cluster.patch(JOBS, NAMESPACE, "hello", hold)
        async with simulation.serving():
            await simulation.sleep_until(NOON + 2 * SECOND)
            await simulation.delete(JOBS, "hello")
            await simulation.sleep_until(NOON + 90 * SECOND)

    simulation = play(act, lambda _: Command(exit_code=1))
    assert simulation.job("hello")["metadata"]["deletionTimestamp"]
    assert simulation.kubelet.runs == ["hello-1772366400-1"]


def test_an_execution_deleted_by_somebody_is_not_run_again() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="*/10 0 12 1 3 ? 2026"))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 5 * SECOND)
            await simulation.delete(EXECUTIONS, "hello-1772366400")
            await simulation.sleep_until(NOON + 9 * SECOND)
            assert simulation.executions() == []
        await simulation.settle(90)

    simulation = play(act)
    assert simulation.kubelet.runs.count("hello-1772366400-1") == 1
    assert simulation.job("hello")["status"]["started"] == 6
    # Its kube job goes with it: nothing would ever look after it.
    assert "hello-1772366400-1" not in {b["metadata"]["name"] for b in simulation.kube_jobs()}


def test_a_kube_job_deleted_by_somebody_is_told_and_retried_by_rule() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], retry=RETRY)
        await simulation.create_job("hello", spec)
        async with simulation.serving():
            await simulation.sleep_until(NOON + 2 * SECOND)
            await simulation.delete(KUBE_JOBS, "hello-1772366400-1")
            await simulation.sleep_until(NOON + 3 * SECOND)
            (execution,) = simulation.executions()
            (attempt,) = execution["status"]["attempts"]
            assert attempt["outcome"] == "Deleted"
        await simulation.settle()

    def script(name: str) -> Command:
        return Command(pieces=((60.0 if name.endswith("-1") else 0.1, b"x\n"),))

    simulation = play(act, script)
    (execution,) = simulation.executions()
    assert execution["status"]["state"] == "Succeeded"
    assert [attempt.get("outcome") for attempt in execution["status"]["attempts"]] == [
        "Deleted",
        "Succeeded",
    ]


def test_a_pod_deleted_by_somebody_ends_its_attempt_with_what_it_printed() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(at=["2026-03-01T12:00:00Z"]))
        async with simulation.serving():
            await simulation.sleep_until(NOON + 3 * SECOND)
            await simulation.delete(PODS, "hello-1772366400-1-x7f2p")
            await simulation.fail_kube_job("hello-1772366400-1")
            await simulation.sleep_until(NOON + 10 * SECOND)
        await simulation.settle()

    simulation = play(act, lambda _: Command(pieces=((0.1, b"begun\n"), (600, b"done\n"))))
    (execution,) = simulation.executions()
    (attempt,) = execution["status"]["attempts"]
    assert attempt["outcome"] == "Deleted"
    assert simulation.store.objects[attempt["log"]["key"]] == b"begun\n"


def test_a_kube_job_that_the_api_server_refuses_is_told_and_tried_again_by_rule() -> None:
    async def act(simulation: Simulation) -> None:
        refusals = [0]
        create = simulation.cluster.create

        async def refuse(resource: Any, *args: Any, **fields: Any) -> Any:
            if resource == KUBE_JOBS and refusals[0] < 2:
                refusals[0] += 1
                raise Denied("exceeded quota: team, requested: pods=1")
            return await create(resource, *args, **fields)

        simulation.cluster.create = refuse  # type: ignore[method-assign]
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], retry=RETRY)
        await simulation.create_job("hello", spec)
        await simulation.settle()

    simulation = play(act)
    (execution,) = simulation.executions()
    outcomes = [attempt["outcome"] for attempt in execution["status"]["attempts"]]
    assert outcomes == ["Denied", "Denied", "Succeeded"]
    first = execution["status"]["attempts"][0]
    assert first["message"] == "exceeded quota: team, requested: pods=1"
    told = [
        (call.body.get("status") or {}).get("reason")
        for call in simulation.cluster.calls_of("patch")
        if call.what == "chronosexecutions/status"
    ]
    assert "Paused" not in told
    assert execution["status"]["state"] == "Succeeded"


def test_a_kube_job_of_that_name_that_is_not_ours_is_left_alone_and_told() -> None:
    async def act(simulation: Simulation) -> None:
        simulation.cluster.seed(
            KUBE_JOBS, NAMESPACE, {"metadata": {"name": "hello-1772366400-1"}, "spec": {}}
        )
        await simulation.create_job("hello", build_spec_body(at=["2026-03-01T12:00:00Z"]))
        await simulation.settle()

    simulation = play(act)
    (execution,) = simulation.executions()
    (attempt,) = execution["status"]["attempts"]
    assert attempt["outcome"] == "Denied"
    assert "belongs to something else" in attempt["message"]
    assert execution["status"]["state"] == "Failed"
    assert [body["metadata"].get("labels") for body in simulation.kube_jobs()] == [None]


def test_a_pod_that_vanished_while_no_operator_was_there_leaves_a_word_about_its_log() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], history={"successful": 0, "failed": 0})
        await simulation.create_job("hello", spec)
        async with simulation.serving():
            await simulation.sleep_until(NOON + 3 * SECOND)
        await simulation.delete(PODS, "hello-1772366400-1-x7f2p")
        await simulation.fail_kube_job("hello-1772366400-1")
        async with simulation.serving():
            await simulation.sleep_until(NOON + 10 * SECOND)
            (execution,) = simulation.executions()
            assert execution["status"]["reason"] == "ShippingLog"
            await simulation.sleep_until(NOON + 90 * SECOND)

    simulation = play(act, lambda _: Command(pieces=((0.1, b"begun\n"), (600, b"done\n"))))
    assert "LogIncomplete" in simulation.events("hello-1772366400")
    # And with the word its time has come: nothing is kept for ever.
    assert simulation.executions() == simulation.kube_jobs() == []


def test_a_pod_that_never_found_a_node_is_not_kept_for_ever() -> None:
    async def act(simulation: Simulation) -> None:
        spec = build_spec_body(at=["2026-03-01T12:00:00Z"], history={"successful": 0, "failed": 0})
        await simulation.create_job("hello", spec)
        async with simulation.serving():
            await simulation.sleep_until(NOON + 3 * SECOND)
            (execution,) = simulation.executions()
            assert execution["status"]["reason"] == "Unschedulable"
            await simulation.delete(PODS, "hello-1772366400-1-x7f2p")
            await simulation.fail_kube_job("hello-1772366400-1")
            await simulation.sleep_until(NOON + 60 * SECOND)

    simulation = play(act, lambda _: Command(is_schedulable=False))
    assert simulation.executions() == simulation.kube_jobs() == []
    assert simulation.job("hello")["status"]["lastResult"] == "Deleted"


@pytest.mark.parametrize("away", [30, 600, 3599, 86_400])
def test_what_was_due_while_no_operator_was_there_is_started_on_return(away: int) -> None:
    """All of it where missedRuns says so, oldest first; each under its own second."""

    async def act(simulation: Simulation) -> None:
        at = [f"2026-03-01T12:00:{second:02d}Z" for second in (1, 7, 13)]
        await simulation.create_job("hello", build_spec_body(at=at, missedRuns={"policy": "All"}))
        await simulation.sleep_until(NOON + away * SECOND)
        await simulation.settle()

    simulation = play(act)
    seconds = [NOON + n * SECOND for n in (1, 7, 13)]
    latest = timedelta(seconds=away)
    assert find_faults(simulation, {"hello": seconds}, latest=latest) == []
    assert simulation.job("hello")["status"]["late"] == 3
    born = [birth.name for birth in simulation.cluster.births if birth.resource == KUBE_JOBS]
    assert born == sorted(born)


def test_of_what_was_due_while_no_operator_was_there_the_latest_is_started() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", build_spec_body(cron="0 */30 12-14 1 3 ? 2026"))
        await simulation.sleep_until(NOON + 2 * 3600 * SECOND - 9 * SECOND)
        await simulation.settle(7200)

    simulation = play(act)
    status = simulation.job("hello")["status"]
    # 12:00, 12:30, 13:00 and 13:30 lie before 13:59:51; 14:00 and 14:30 come in time.
    assert (status["missed"], status["started"], status["late"]) == (3, 3, 1)
    assert "Missed" in simulation.events("hello")
    missed, late, *in_time = status["ledger"]
    assert (missed["count"], missed["reason"]) == (3, "NotLatest")
    assert late["time"] == "2026-03-01T13:30:00Z"
    # To when it was started: 13:59:51 and what a request takes.
    assert late["latenessMs"] // 1000 == 1791
    assert [line["time"][11:16] for line in in_time] == ["14:00", "14:30"]
