"""Each rule of starting from end to end, in virtual time; the account is drawn up afterwards.

Every story begins a moment before noon. Seconds are counted from noon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from builders import NOON, build_spec_body
from chronos_clients.errors import Unreachable
from chronos_clients.resources import CALENDARS, EXECUTIONS, KUBE_JOBS, Object
from chronos_operator.testing import (
    Command,
    Simulation,
    find_doubles,
    find_overlaps,
    find_overtakings,
    find_unaccounted,
    read_ledger,
    simulate,
)

SECOND = timedelta(seconds=1)
Act = Callable[[Simulation], Coroutine[Any, Any, None]]
EACH_FIVE = "*/5 * 12 1 3 ? 2026"


def at(seconds: float) -> datetime:
    return NOON + seconds * SECOND


def text(seconds: float) -> str:
    return at(seconds).isoformat()


def every(step: int, until: int, start: int = 0) -> list[datetime]:
    return [at(n) for n in range(start, until + 1, step)]


def play(act: Act, seconds: float | Callable[[str], float] = 1.0) -> Simulation:
    """Plays a story in which a command takes so many seconds."""

    def script(name: str) -> Command:
        return Command(((seconds(name) if callable(seconds) else seconds, b"x\n"),), 0, 0.1)

    return simulate(NOON - 0.3 * SECOND, act, script)


def job(cron: str = EACH_FIVE, **fields: Any) -> Object:
    return build_spec_body(**{"cron": cron, **fields})


def concurrent(policy: str, **fields: Any) -> dict[str, Any]:
    return {"concurrency": {"policy": policy, **fields}}


def started(simulation: Simulation, prefix: str = "hello-") -> list[tuple[float, float]]:
    """For each first attempt that ever was: its second, and when it was created."""
    return [
        (
            (datetime.fromisoformat(birth.body["metadata"]["annotations"][
                "chronos.dev/scheduled-time"]) - NOON) / SECOND,
            round((birth.at - NOON) / SECOND, 1),
        )
        for birth in simulation.cluster.births
        if birth.resource == KUBE_JOBS and birth.name.startswith(prefix)
        and birth.name.endswith("-1")
    ]  # fmt: skip


def told(simulation: Simulation, name: str = "hello") -> list[str]:
    """The ledger in words: "0 Started", "5-15 Skipped Forbid"."""
    words = []
    for line in read_ledger(simulation, name).lines:
        first = (datetime.fromisoformat(line["time"]) - NOON) / SECOND
        last = (datetime.fromisoformat(line.get("until") or line["time"]) - NOON) / SECOND
        span = f"{first:g}" if first == last else f"{first:g}-{last:g}"
        words.append(" ".join(filter(None, [span, line["fate"], line.get("reason")])))
    return words


def find_wrongs(
    simulation: Simulation, seconds: Sequence[datetime], limit: int | None = None
) -> list[str]:
    """All that is wrong with the one job of a story."""
    return [
        *find_unaccounted(simulation, {"hello": seconds}),
        *find_doubles(simulation),
        *(find_overlaps(simulation, {"hello": limit}) if limit else []),
    ]


async def serve_until(simulation: Simulation, seconds: float) -> None:
    async with simulation.serving():
        await simulation.sleep_until(at(seconds))


# --- concurrency


def test_forbid_skips_what_is_due_while_one_is_active_and_says_beside_whom() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job(**concurrent("Forbid")))
        await serve_until(simulation, 31)

    simulation = play(act, 11.0)
    assert told(simulation) == [
        "0 Started", "5-10 Skipped Forbid", "15 Started", "20-25 Skipped Forbid", "30 Started",
    ]  # fmt: skip
    assert find_wrongs(simulation, every(5, 30), limit=1) == []
    names = {line.get("name") for line in read_ledger(simulation, "hello").lines}
    assert names == {None, "hello-1772366400", "hello-1772366415"}
    assert simulation.events("hello").count("Skipped") == 2


def test_forbid_lets_so_many_in_as_its_limit_says() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job(**concurrent("Forbid", limit=2)))
        await serve_until(simulation, 26)

    simulation = play(act, 11.0)
    assert told(simulation)[:4] == ["0 Started", "5 Started", "10 Skipped Forbid", "15 Started"]
    assert find_wrongs(simulation, every(5, 25), limit=2) == []


def test_queue_starts_one_after_the_other_in_their_order() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job(
            "hello", job("0,5,10,15 0 12 1 3 ? 2026", **concurrent("Queue"))
        )
        await simulation.settle(120)

    simulation = play(act, 11.0)
    begun = started(simulation)
    assert [second for second, _ in begun] == [0, 5, 10, 15]
    # Each about eleven seconds after the one before: what a command takes, and a little.
    assert all(11 < later - sooner < 13 for (_, sooner), (_, later) in pairwise(begun))
    assert find_wrongs(simulation, every(5, 15), limit=1) == []
    assert find_overtakings(simulation, "hello") == []
    status = simulation.job("hello")["status"]
    assert (status["started"], status["late"], status["state"]) == (4, 3, "Completed")
    assert [line["latenessMs"] // 1000 for line in status["ledger"]] == [0, 6, 12, 18]


def test_a_full_queue_skips() -> None:
    async def act(simulation: Simulation) -> None:
        spec = job("0/2 0 12 1 3 ? 2026", **concurrent("Queue", queueLimit=3))
        await simulation.create_job("hello", spec)
        await simulation.settle(600)

    simulation = play(act, 20.0)
    assert find_wrongs(simulation, every(2, 58), limit=1) == []
    assert find_overtakings(simulation, "hello") == []
    fates = [line.split(" ", 1)[1] for line in told(simulation)]
    assert fates[:4] == ["Started", "Started", "Started", "Started"]
    assert fates[4] == "Skipped QueueFull"
    assert simulation.job("hello")["status"]["queued"] == 0


def test_what_waits_past_its_deadline_is_missed() -> None:
    async def act(simulation: Simulation) -> None:
        spec = job("0,5,10 0 12 1 3 ? 2026", startingDeadlineSeconds=12, **concurrent("Queue"))
        await simulation.create_job("hello", spec)
        await simulation.settle(120)

    simulation = play(act, 15.0)
    assert told(simulation) == ["0 Started", "5 Started", "10 Missed DeadlineExceeded"]
    assert find_wrongs(simulation, every(5, 10), limit=1) == []
    (missed,) = [it for it in simulation.executions() if it["status"]["state"] == "Missed"]
    assert missed["status"]["reason"] == "DeadlineExceeded"


def test_replace_ends_the_one_before_and_starts_when_it_is_gone() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0,5,10 0 12 1 3 ? 2026", **concurrent("Replace")))
        await simulation.settle(120)

    simulation = play(act, 60.0)
    assert find_wrongs(simulation, every(5, 10), limit=1) == []
    begun = started(simulation)
    assert [second for second, _ in begun] == [0, 5, 10]
    assert all(0 < at_ - second < 3 for second, at_ in begun[1:])
    states = [it["status"]["state"] for it in simulation.executions()]
    assert states == ["Cancelled", "Cancelled", "Succeeded"]
    (attempt,) = simulation.executions()[0]["status"]["attempts"]
    assert (attempt["outcome"], attempt["reason"]) == ("Cancelled", "Replaced")
    assert "Cancelled" in simulation.events("hello")


def test_replace_ends_one_that_waits_for_its_next_attempt_at_once() -> None:
    async def act(simulation: Simulation) -> None:
        retry = {"maxAttempts": 3, "initialSeconds": 600}
        spec = job("0,5 0 12 1 3 ? 2026", retry=retry, **concurrent("Replace"))
        await simulation.create_job("hello", spec)
        await simulation.settle(60)

    def script(name: str) -> Command:
        return Command(((0.5, b"x\n"),), 3 if "6400" in name else 0, 0.1)

    simulation = simulate(NOON - 0.3 * SECOND, act, script)
    assert [it["status"]["state"] for it in simulation.executions()] == ["Cancelled", "Succeeded"]
    assert find_wrongs(simulation, every(5, 5), limit=1) == []


def test_replace_ends_one_whose_pod_never_found_a_node() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0,5 0 12 1 3 ? 2026", **concurrent("Replace")))
        await serve_until(simulation, 40)

    def script(name: str) -> Command:
        return Command(((0.5, b"x\n"),), 0, 0.1, is_schedulable="6400" not in name)

    simulation = simulate(NOON - 0.3 * SECOND, act, script)
    assert [it["status"]["state"] for it in simulation.executions()] == ["Cancelled", "Succeeded"]


def test_of_several_that_came_while_one_was_being_ended_the_newest_is_left() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("* 0 12 1 3 ? 2026", **concurrent("Replace")))
        await serve_until(simulation, 20)

    simulation = play(act, 60.0)
    assert find_wrongs(simulation, every(1, 20), limit=1) == []
    assert find_overtakings(simulation, "hello") == []
    assert len(started(simulation)) > 5


# --- runs by hand, and backfills


def test_one_by_hand_starts_at_once_and_is_no_second_of_the_schedule() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0 0 12 1 3 ? 2026"))
        async with simulation.serving():
            await simulation.sleep_until(at(7))
            env = [{"name": "MODE", "value": "full"}]
            await simulation.run_by_hand("hello", "hello-manual-one", parameters={"env": env})
            await simulation.sleep_until(at(30))

    simulation = play(act)
    assert told(simulation) == ["0 Started"]
    assert find_wrongs(simulation, [NOON]) == []
    manual = simulation.executions()[-1]
    assert manual["status"]["state"] == "Succeeded"
    assert manual["spec"]["jobRef"]["uid"] == simulation.job("hello")["metadata"]["uid"]
    (kube_job,) = [it for it in simulation.kube_jobs() if "manual" in it["metadata"]["name"]]
    (container,) = kube_job["spec"]["template"]["spec"]["containers"]
    assert {"name": "MODE", "value": "full"} in container["env"]
    assert simulation.job("hello")["status"]["started"] == 1
    # Whoever deletes the job has nothing left of it.
    assert manual["metadata"]["ownerReferences"][0]["kind"] == "ChronosJob"


def test_one_by_hand_for_later_waits_for_its_time() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0 0 0 1 1 ? 2030"))
        async with simulation.serving():
            await simulation.run_by_hand("hello", "hello-manual-one", scheduledTime=text(20))
            await simulation.sleep_until(at(10))
            (execution,) = simulation.executions()
            assert execution["status"]["state"] == "Pending"
            assert execution["status"]["reason"] == "NotDue"
            assert simulation.job("hello")["status"]["state"] == "Scheduled"
            await simulation.sleep_until(at(40))

    simulation = play(act)
    assert started(simulation) == [(20, 20.0)]


def test_one_by_hand_obeys_the_rule_unless_it_says_otherwise() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0 0 12 1 3 ? 2026", **concurrent("Forbid")))
        async with simulation.serving():
            await simulation.sleep_until(at(2))
            await simulation.run_by_hand("hello", "hello-manual-one")
            await simulation.run_by_hand("hello", "hello-manual-two", concurrency="Ignore")
            await simulation.sleep_until(at(60))

    simulation = play(act, 20.0)
    states = {it["metadata"]["name"]: it["status"]["state"] for it in simulation.executions()}
    assert states == {
        "hello-1772366400": "Succeeded",
        "hello-manual-one": "Skipped",
        "hello-manual-two": "Succeeded",
    }


def test_one_by_hand_of_a_job_that_is_not_there_waits_for_it() -> None:
    async def act(simulation: Simulation) -> None:
        async with simulation.serving():
            await simulation.run_by_hand("hello", "hello-manual-one")
            await simulation.sleep_until(at(5))
            assert simulation.executions()[0]["status"]["reason"] == "JobMissing"
            await simulation.create_job("hello", job("0 0 0 1 1 ? 2030"))
            await simulation.sleep_until(at(20))

    simulation = play(act)
    assert simulation.executions()[0]["status"]["state"] == "Succeeded"


def test_one_by_hand_runs_while_the_job_is_suspended() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job(suspend=True))
        async with simulation.serving():
            await simulation.run_by_hand("hello", "hello-manual-one")
            await simulation.sleep_until(at(20))

    simulation = play(act)
    assert simulation.executions()[0]["status"]["state"] == "Succeeded"
    assert simulation.job("hello")["status"]["state"] == "Paused"


async def backfill(simulation: Simulation, seconds: Iterable[int], *, parallel: int = 1) -> None:
    for position, second in enumerate(seconds, 1):
        await simulation.run_by_hand(
            "hello",
            f"hello-{int(at(second).timestamp())}",
            trigger="Backfill",
            scheduledTime=text(second),
            backfill={"id": "b1", "position": position, "parallel": parallel},
        )


@pytest.mark.parametrize("parallel", [1, 2])
@pytest.mark.parametrize("order", [1, -1], ids=["oldest first", "newest first"])
def test_a_backfill_goes_in_its_order_and_so_many_at_a_time(parallel: int, order: int) -> None:
    seconds = [-50, -40, -30, -20, -10][::order]

    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0 0 0 1 1 ? 2030"))
        async with simulation.serving():
            await backfill(simulation, seconds, parallel=parallel)
            await simulation.sleep_until(at(60))

    simulation = play(act, 5.0)
    assert [second for second, _ in started(simulation)] == seconds
    assert find_overlaps(simulation, {"hello": parallel}) == []
    assert {it["status"]["state"] for it in simulation.executions()} == {"Succeeded"}
    assert told(simulation) == []


def test_a_backfill_beside_the_schedule_never_breaks_the_rule() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0,30 0 12 1 3 ? 2026", **concurrent("Forbid")))
        async with simulation.serving():
            await simulation.sleep_until(at(1))
            await backfill(simulation, [-50, -40, -30])
            await simulation.sleep_until(at(90))

    simulation = play(act, 8.0)
    assert find_wrongs(simulation, every(30, 30), limit=1) == []
    assert {it["status"]["state"] for it in simulation.executions()} <= {"Succeeded", "Skipped"}
    backfilled = [it for it in simulation.executions() if it["spec"]["trigger"] == "Backfill"]
    assert [it["status"]["state"] for it in backfilled] == ["Succeeded"] * 3


def test_a_second_that_has_an_execution_is_not_backfilled() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0 0 12 1 3 ? 2026"))
        async with simulation.serving():
            await simulation.sleep_until(at(3))
            with pytest.raises(Exception, match="already exists"):
                await backfill(simulation, [0])

    simulation = play(act)
    assert find_wrongs(simulation, [NOON]) == []


# --- pauses


def test_a_pause_until_a_time_ends_by_itself_and_leaves_its_seconds_out() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job())
        async with simulation.serving():
            await simulation.sleep_until(at(7))
            note = {"pausedUntil": text(22), "pauseNote": "the database moves"}
            await simulation.change_job("hello", note)
            await simulation.sleep_until(at(12))
            assert simulation.job("hello")["status"]["state"] == "Paused"
            assert simulation.job("hello")["status"]["nextTime"] == "2026-03-01T12:00:25Z"
            await simulation.sleep_until(at(31))

    simulation = play(act)
    assert told(simulation) == [
        "0 Started", "5 Started", "10-20 Suspended Paused", "25 Started", "30 Started",
    ]  # fmt: skip
    assert find_wrongs(simulation, every(5, 30)) == []
    assert started(simulation)[2:] == [(25, 25.0), (30, 30.0)]


def test_a_pause_that_is_to_be_made_up_is() -> None:
    async def act(simulation: Simulation) -> None:
        spec = job(onResume="CatchUp", missedRuns={"policy": "All"}, **concurrent("Queue"))
        await simulation.create_job("hello", spec)
        async with simulation.serving():
            await simulation.sleep_until(at(7))
            await simulation.change_job("hello", {"suspend": True})
            await simulation.sleep_until(at(58))
            await simulation.change_job("hello", {"suspend": False})
            await simulation.sleep_until(at(100))

    simulation = play(act)
    assert find_wrongs(simulation, every(5, 100), limit=1) == []
    assert find_overtakings(simulation, "hello") == []
    assert [second for second, _ in started(simulation)][:12] == list(range(0, 60, 5))


def test_a_pause_while_some_wait_holds_them_and_they_go_on_afterwards() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job("0,5,10 0 12 1 3 ? 2026", **concurrent("Queue")))
        async with simulation.serving():
            await simulation.sleep_until(at(11))
            await simulation.change_job("hello", {"suspend": True})
            await simulation.sleep_until(at(40))
            assert len(started(simulation)) == 1
            await simulation.change_job("hello", {"suspend": False})
            await simulation.sleep_until(at(90))

    simulation = play(act, 15.0)
    assert find_wrongs(simulation, every(5, 10), limit=1) == []
    assert [second for second, _ in started(simulation)] == [0, 5, 10]


# --- calendars


CALENDAR = {"weekly": [{"days": ["SUN"], "from": "12:01", "to": "12:02"}]}
EACH_TWENTY = "0/20 * 12 1 3 ? 2026"


def frozen(**fields: Any) -> Object:
    spec = job(EACH_TWENTY, **fields)
    return {**spec, "schedule": {**spec["schedule"], "excludeCalendars": ["freeze"]}}


def test_what_a_calendar_excludes_is_told_with_its_name() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_calendar("freeze", CALENDAR)
        await simulation.create_job("hello", frozen())
        await serve_until(simulation, 141)

    simulation = play(act)
    assert told(simulation) == [
        "0 Started", "20 Started", "40 Started", "60-100 Excluded Calendar", "120 Started",
        "140 Started",
    ]  # fmt: skip
    assert find_wrongs(simulation, every(20, 140)) == []


def test_a_calendar_that_appears_later_makes_its_jobs_valid() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", frozen())
        async with simulation.serving():
            await simulation.sleep_until(at(30))
            status = simulation.job("hello")["status"]
            assert status["state"] == "Invalid"
            assert "freeze" in status["conditions"][0]["message"]
            await simulation.create_calendar("freeze", CALENDAR)
            await simulation.sleep_until(at(45))
            await simulation.change_calendar("freeze", {"description": "earlier", "weekly": [
                {"days": ["SUN"], "from": "12:02", "to": "12:03"}]})  # fmt: skip
            await simulation.sleep_until(at(121))

    simulation = play(act)
    assert told(simulation) == [
        "0-20 Skipped Invalid", "40 Started", "60 Started", "80 Started", "100 Started",
        "120 Excluded Calendar",
    ]  # fmt: skip
    assert find_wrongs(simulation, every(20, 120)) == []


def test_without_its_calendar_nothing_starts() -> None:
    """A freeze that nobody can read must not be taken for no freeze."""

    async def act(simulation: Simulation) -> None:
        await simulation.create_calendar("freeze", CALENDAR)
        await simulation.create_job("hello", frozen())
        async with simulation.serving():
            await simulation.sleep_until(at(30))
            await simulation.delete(CALENDARS, "freeze")
            await simulation.sleep_until(at(70))
            assert simulation.job("hello")["status"]["state"] == "Invalid"
            await simulation.create_calendar("freeze", CALENDAR)
            await simulation.sleep_until(at(121))

    simulation = play(act)
    # What lay in the freeze is told so, whenever it can be read again.
    assert told(simulation) == [
        "0 Started", "20 Started", "40 Skipped Invalid", "60-100 Excluded Calendar", "120 Started",
    ]  # fmt: skip
    assert find_wrongs(simulation, every(20, 120)) == []


# --- edits


def test_an_edit_takes_effect_at_once_and_starts_nothing() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job())
        async with simulation.serving():
            await simulation.sleep_until(at(12.4))
            await simulation.change_job("hello", {"schedule": {"cron": ["0/7 0 12 1 3 ? 2026"]}})
            await simulation.sleep_until(at(13.4))
            assert simulation.job("hello")["status"]["nextTime"] == "2026-03-01T12:00:14Z"
            await simulation.sleep_until(at(29))

    simulation = play(act)
    assert started(simulation) == [(n, n) for n in (0, 5, 10, 14, 21, 28)]
    assert find_wrongs(simulation, [at(n) for n in (0, 5, 10, 14, 21, 28)]) == []


def test_two_edits_in_a_row() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job())
        async with simulation.serving():
            await simulation.sleep_until(at(12.4))
            await simulation.change_job("hello", {"schedule": {"cron": ["* 0 12 1 3 ? 2026"]}})
            await simulation.change_job("hello", {"schedule": {"cron": ["0/7 0 12 1 3 ? 2026"]}})
            await simulation.sleep_until(at(29))

    simulation = play(act)
    assert started(simulation) == [(n, n) for n in (0, 5, 10, 14, 21, 28)]
    assert find_wrongs(simulation, [at(n) for n in (0, 5, 10, 14, 21, 28)]) == []


def test_an_edit_just_before_a_tick_loses_no_line() -> None:
    """Its news reach the operator when the old schedule's second has been started already."""

    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job())
        async with simulation.serving():
            await simulation.sleep_until(at(9.995))
            await simulation.change_job("hello", {"schedule": {"cron": ["0/7 0 12 1 3 ? 2026"]}})
            await simulation.sleep_until(at(22))

    simulation = play(act)
    assert [second for second, _ in started(simulation)] == [0, 5, 10, 14, 21]
    assert find_wrongs(simulation, [at(n) for n in (0, 5, 10, 14, 21)]) == []


def test_an_edit_while_no_operator_was_there() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job(missedRuns={"policy": "All"}))
        await serve_until(simulation, 7)
        await simulation.sleep_until(at(18))
        await simulation.change_job("hello", {"schedule": {"cron": ["0/7 0 12 1 3 ? 2026"]}})
        await simulation.sleep_until(at(29))
        await serve_until(simulation, 36)

    simulation = play(act)
    seconds = [0, 5, 10, 15, 21, 28, 35]
    assert [second for second, _ in started(simulation)] == seconds
    assert find_wrongs(simulation, [at(n) for n in seconds]) == []


def test_the_last_run_makes_it_complete_and_one_more_is_given() -> None:
    def runs(count: int) -> Object:
        spec = job()
        return {**spec, "schedule": {**spec["schedule"], "maxRuns": count}}

    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", runs(2))
        async with simulation.serving():
            await simulation.sleep_until(at(12))
            status = simulation.job("hello")["status"]
            assert (status["state"], status.get("nextTime")) == ("Completed", None)
            await simulation.change_job("hello", runs(3))
            await simulation.sleep_until(at(30))

    simulation = play(act)
    assert [second for second, _ in started(simulation)] == [0, 5, 15]
    assert simulation.job("hello")["status"]["state"] == "Completed"
    assert find_doubles(simulation) == []


def test_jitter_starts_later_never_earlier_and_the_same_after_a_restart() -> None:
    spec = job("0/30 * 12 1 3 ? 2026")
    spec["schedule"]["jitterSeconds"] = 20

    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", spec)
        for second in range(10, 191, 10):
            await serve_until(simulation, second)

    simulation = play(act)
    begun = started(simulation)
    assert [second for second, _ in begun] == [0, 30, 60, 90, 120, 150]
    delays = [later - second for second, later in begun]
    assert all(0 <= delay < 20.5 for delay in delays)
    assert len(set(delays)) > 3
    assert find_wrongs(simulation, every(30, 150)) == []
    assert simulation.job("hello")["status"]["late"] == 0


# --- the clock


@pytest.mark.parametrize("step", [-3600.0, -4.0, 4.0, 3600.0])
@pytest.mark.parametrize("policy", ["Latest", "All", "None"])
def test_a_clock_that_is_set(step: float, policy: str) -> None:
    """Once, after noon and twelve; forward as if the machine had slept, or back."""

    async def act(simulation: Simulation) -> None:
        spec = job("0/5 * 12-13 1 3 ? 2026", missedRuns={"policy": policy, "limit": 7})
        await simulation.create_job("hello", spec)
        async with simulation.serving():
            await simulation.sleep_until(at(12))
            simulation.clock.skew += timedelta(seconds=step)
            await asyncio.sleep(60)

    simulation = play(act)
    now = 12 + step + 60
    assert find_wrongs(simulation, every(5, max(10, int(now)))) == []
    seconds = [second for second, _ in started(simulation)]
    assert all(later >= second for second, later in started(simulation))
    if step == 3600.0:
        # 3612 is the first moment that is seen: what was in time then, and what comes after.
        due = {"Latest": [3605, 3610], "All": range(3580, 3615, 5), "None": [3605, 3610]}[policy]
        assert seconds == [0, 5, 10, *due, *range(3615, 3675, 5)]
    if step == -3600.0:
        assert seconds == [0, 5, 10]


# --- the ledger and its archive

# History is kept short only to make the story quick.
EACH_SECOND = {"cron": "* 0-1 12 1 3 ? 2026", "history": {"successful": 2, "failed": 2}}


def test_a_long_ledger_goes_to_the_archive_and_is_whole() -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job(**EACH_SECOND))
        await serve_until(simulation, 140)

    simulation = play(act)
    assert find_wrongs(simulation, every(1, 119)) == []
    assert len(simulation.job("hello")["status"]["ledger"]) < 64
    assert len(read_ledger(simulation, "hello").lines) == 120
    segments = [key for key in simulation.store.objects if key.startswith("ledger/")]
    assert len(segments) == 1


@pytest.mark.parametrize("verb", ["put", "list_keys", "delete"])
def test_a_store_that_is_away_delays_nothing_and_gets_the_ledger_later(verb: str) -> None:
    async def act(simulation: Simulation) -> None:
        await simulation.create_job("hello", job(**EACH_SECOND))
        async with simulation.serving():
            await simulation.sleep_until(at(60))
            simulation.store.fail_next(verb, Unreachable("no route"), times=100_000)
            await simulation.sleep_until(at(125))
            simulation.store._planned.clear()
            await simulation.sleep_until(at(260))

    simulation = play(act)
    assert find_wrongs(simulation, every(1, 119)) == []
    assert all(later - second < 0.2 for second, later in started(simulation))
    assert len(simulation.job("hello")["status"]["ledger"]) < 64


def test_a_store_that_is_away_for_long_costs_details_and_no_second() -> None:
    async def act(simulation: Simulation) -> None:
        simulation.store.fail_next("put", Unreachable("no route"), times=100_000)
        await simulation.create_job("hello", job(**{**EACH_SECOND, "cron": "* 0-3 12 1 3 ? 2026"}))
        async with simulation.serving():
            await simulation.sleep_until(at(210))
            simulation.store._planned.clear()
            await simulation.sleep_until(at(400))

    simulation = play(act)
    assert find_wrongs(simulation, every(1, 239)) == []
    assert max(it.get("count", 1) for it in read_ledger(simulation, "hello").lines) > 50


def test_operators_that_die_while_they_archive() -> None:
    """One after the other, each at some moment."""

    async def act(simulation: Simulation) -> None:
        spec = job(**EACH_SECOND, missedRuns={"policy": "All"})
        await simulation.create_job("hello", spec)
        for second in range(17, 136, 17):
            await serve_until(simulation, second)
        await serve_until(simulation, 145)

    simulation = play(act)
    assert find_wrongs(simulation, every(1, 119)) == []


def test_what_waits_keeps_the_ledger_whole_though_history_keeps_nothing() -> None:
    """An execution may end and be due to go in the very moment in which its line is written."""

    async def act(simulation: Simulation) -> None:
        history = {"successful": 0, "failed": 0}
        spec = job("0/3 0 12 1 3 ? 2026", history=history, **concurrent("Queue"))
        await simulation.create_job("hello", spec)
        await simulation.serve_until(
            lambda: simulation.is_settled() and not simulation.executions(), within=300
        )

    simulation = play(act, 3.7)
    assert find_wrongs(simulation, every(3, 57), limit=1) == []
    assert [it.split(" ", 1)[1] for it in told(simulation)] == ["Started"] * 20
    assert list(simulation.cluster.objects(EXECUTIONS)) == []
