"""The listing: whatever the watches lost is found, whatever is gone is noticed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from builders import (
    JOB,
    NAMESPACE,
    NOON,
    build_execution_body,
    build_job_body,
    build_kube_job_body,
    build_pod_body,
)
from chronos_clients.errors import Denied, NotFound, Unreachable
from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS, KUBE_JOBS, PODS, Object
from chronos_clients.testing import FakeKubernetes, FakeObjectStore
from chronos_operator.effects.logs import LogShipper
from chronos_operator.observed import Observed
from chronos_operator.reconcile import Key
from chronos_operator.resync import Resync
from chronos_operator.sightings import Sightings
from chronos_operator.testing import FakeClock, run_in_virtual_time
from chronos_operator.workqueue import WorkQueue

JOB_KEY: Key = ("job", NAMESPACE, JOB)
EXECUTION_KEY: Key = ("execution", NAMESPACE, "hello-1772366400")


@dataclass
class Desk:
    """A listing of a cluster in memory; who is woken is only kept."""

    namespaces: tuple[str, ...] = ()
    observed: Observed = field(default_factory=Observed)

    def __post_init__(self) -> None:
        clock = FakeClock(NOON)
        self.kubernetes = FakeKubernetes(clock.now, namespaces=(NAMESPACE, "other"))
        self.queue: WorkQueue[Key] = WorkQueue(self._never)
        logs = LogShipper(self.kubernetes, FakeObjectStore(), clock, lambda _: None)
        self.sightings = Sightings(self.observed, self.queue, logs)
        self.resync = Resync(self.kubernetes, self.observed, self.sightings, self.namespaces)

    def seed(self, namespace: str = NAMESPACE) -> None:
        """One object of each kind."""
        for resource, body in (
            (JOBS, build_job_body()),
            (EXECUTIONS, build_execution_body()),
            (KUBE_JOBS, build_kube_job_body()),
            (PODS, build_pod_body()),
        ):
            del body["metadata"]["resourceVersion"]
            self.kubernetes.seed(resource, namespace, body)

    def woken(self) -> set[Key]:
        found = set(self.queue._ready)
        self.queue._ready.clear()
        self.queue._queued.clear()
        return found

    def counts(self) -> list[int]:
        known = self.observed
        return [
            len(shelf.names())
            for shelf in (known.jobs, known.executions, known.kube_jobs, known.pods)
        ]

    @staticmethod
    async def _never(key: Key) -> None:
        raise AssertionError(key)


async def test_a_listing_finds_everything_and_wakes_it() -> None:
    desk = Desk()
    desk.seed()
    await desk.resync.list_everything()
    assert desk.counts() == [1, 1, 1, 1]
    assert desk.woken() == {JOB_KEY, EXECUTION_KEY}


async def test_a_listing_without_any_news_wakes_what_is_not_at_rest() -> None:
    # A reconcile that was given up on, a timer that was lost: each minute all is looked at.
    desk = Desk()
    desk.seed()
    await desk.resync.list_everything()
    desk.woken()
    await desk.resync.list_everything()
    assert desk.woken() == {JOB_KEY, EXECUTION_KEY}


async def test_a_listing_notices_what_is_gone() -> None:
    desk = Desk()
    desk.seed()
    await desk.resync.list_everything()
    desk.woken()
    for resource, name in (
        (EXECUTIONS, "hello-1772366400"),
        (KUBE_JOBS, "hello-1772366400-1"),
        (JOBS, JOB),
    ):
        await desk.kubernetes.delete(resource, NAMESPACE, name)
    await desk.resync.list_everything()
    assert desk.counts()[:3] == [0, 0, 0]
    assert desk.woken() == {JOB_KEY, EXECUTION_KEY}


async def test_kube_jobs_and_pods_of_others_are_not_listed() -> None:
    desk = Desk()
    foreign: Object = {"metadata": {"name": "foreign"}}
    desk.kubernetes.seed(KUBE_JOBS, NAMESPACE, foreign)
    desk.kubernetes.seed(PODS, NAMESPACE, foreign)
    await desk.resync.list_everything()
    assert desk.counts() == [0, 0, 0, 0]


async def test_executions_are_listed_before_kube_jobs() -> None:
    # A kube job is created before its execution, so each execution that is seen has its own seen.
    desk = Desk()
    await desk.resync.list_everything()
    order = [call.what for call in desk.kubernetes.calls_of("list")]
    kinds = (CALENDARS, JOBS, EXECUTIONS, KUBE_JOBS, PODS)
    assert order == [kind.plural for kind in kinds]


async def test_only_the_namespaces_that_are_served_are_listed() -> None:
    desk = Desk(namespaces=("other",))
    desk.seed(NAMESPACE)
    await desk.resync.list_everything()
    assert desk.counts() == [0, 0, 0, 0]
    desk.seed("other")
    await desk.resync.list_everything()
    assert desk.counts() == [1, 1, 1, 1]


async def test_two_namespaces_that_are_served_are_both_listed() -> None:
    desk = Desk(namespaces=(NAMESPACE, "other"))
    desk.seed(NAMESPACE)
    desk.seed("other")
    await desk.resync.list_everything()
    assert desk.counts() == [2, 2, 2, 2]


async def test_many_pages_are_all_listed() -> None:
    desk = Desk()
    for number in range(1203):
        body = build_job_body(name=f"job-{number}")
        del body["metadata"]["resourceVersion"]
        desk.kubernetes.seed(JOBS, NAMESPACE, body)
    await desk.resync.list_everything()
    assert desk.counts()[0] == 1203


def test_the_first_listing_is_tried_until_it_works() -> None:
    async def run() -> tuple[bool, int, float]:
        desk = Desk()
        desk.kubernetes.fail_next("list", NotFound("the CRDs are not there yet"), times=3)
        desk.kubernetes.fail_next("list", Unreachable("refused"), times=2)
        await desk.resync.run_first()
        calls = len(desk.kubernetes.calls_of("list"))
        return desk.resync.is_synced, calls, asyncio.get_running_loop().time()

    synced, calls, seconds = run_in_virtual_time(run())
    assert synced
    # Five that failed at their first list, a second apart, and the five lists of one that worked.
    assert (calls, round(seconds)) == (10, 5)


def test_a_listing_that_fails_is_followed_by_another() -> None:
    async def run() -> int:
        desk = Desk()
        desk.seed()
        desk.kubernetes.fail_next("list", Denied("rights were taken away"), times=2)
        task = asyncio.create_task(desk.resync.run(60.0))
        await asyncio.sleep(150)
        assert desk.counts() == [0, 0, 0, 0]
        await asyncio.sleep(60)
        assert desk.counts() == [1, 1, 1, 1]
        task.cancel()
        return len(desk.kubernetes.calls_of("list"))

    assert run_in_virtual_time(run()) == 7


async def test_a_job_deleted_while_it_was_being_listed_stays_gone() -> None:
    desk = Desk()
    desk.seed()
    await desk.resync.list_everything()
    (body,) = desk.kubernetes.objects(JOBS)
    listing = asyncio.create_task(desk.resync.list_everything())
    await asyncio.sleep(0)
    # The watch is quicker than the listing's answer, in which the job still is.
    desk.sightings.lost_job((NAMESPACE, JOB))
    desk.sightings.saw_job(body)
    await listing
    assert desk.counts()[0] == 0
