"""What is seen or found gone: remembered, and the right ones are woken."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from builders import (
    JOB,
    NAMESPACE,
    NOON,
    build_attempt,
    build_execution_body,
    build_job_body,
    build_kube_job_body,
    build_log,
    build_pod_body,
    terminated,
)
from chronos_clients.testing import FakeKubernetes, FakeObjectStore
from chronos_crds.execution import ExecutionState, ExecutionStatus, Outcome
from chronos_operator.effects.logs import LogShipper
from chronos_operator.observed import Observed
from chronos_operator.reconcile import Key
from chronos_operator.sightings import Sightings
from chronos_operator.testing import FakeClock
from chronos_operator.workqueue import WorkQueue

JOB_NAME = (NAMESPACE, JOB)
EXECUTION = (NAMESPACE, "hello-1772366400")
KUBE_JOB = (NAMESPACE, "hello-1772366400-1")
POD = (NAMESPACE, "hello-1772366400-1-abcde")
JOB_KEY: Key = ("job", *JOB_NAME)
EXECUTION_KEY: Key = ("execution", *EXECUTION)


class Bell(WorkQueue[Key]):
    """A queue nobody works at: what was woken is kept."""

    def __init__(self) -> None:
        async def never(key: Key) -> None:
            raise AssertionError(key)

        super().__init__(never)

    def take(self) -> set[Key]:
        """Who was woken since the last time."""
        woken = set(self._ready)
        self._ready.clear()
        self._queued.clear()
        return woken


@dataclass
class Desk:
    """Sightings on nothing but memory."""

    bell: Bell = field(default_factory=Bell)
    observed: Observed = field(default_factory=Observed)

    def __post_init__(self) -> None:
        clock = FakeClock(NOON)
        self.logs = LogShipper(
            FakeKubernetes(clock.now), FakeObjectStore(), clock, on_shipped=lambda _: None
        )
        self.sightings = Sightings(self.observed, self.bell, self.logs)

    def with_all(self, *, ended: bool = False) -> Desk:
        """A job with one execution, its kube job and its pod; nobody is woken any more."""
        self.sightings.saw_job(build_job_body(version=1))
        execution = build_execution_body(version=2)
        if ended:
            attempt = build_attempt(outcome=Outcome.SUCCEEDED, completed_at=NOON, log=build_log())
            status = ExecutionStatus(state=ExecutionState.SUCCEEDED, attempts=(attempt,))
            execution["status"] = status.to_manifest()
        self.sightings.saw_execution(execution)
        self.sightings.saw_kube_job(build_kube_job_body(version=3))
        self.sightings.saw_pod(build_pod_body(version=4))
        self.bell.take()
        return self


def test_a_job_that_is_seen_is_woken() -> None:
    desk = Desk()
    desk.sightings.saw_job(build_job_body())
    assert desk.bell.take() == {JOB_KEY}
    assert desk.observed.jobs.get(JOB_NAME) is not None


def test_the_same_or_an_older_version_wakes_nobody() -> None:
    desk = Desk()
    for version, wakes in ((5, True), (5, False), (4, False), (6, True)):
        desk.sightings.saw_job(build_job_body(version=version))
        desk.sightings.saw_execution(build_execution_body(version=version))
        desk.sightings.saw_kube_job(build_kube_job_body(version=version))
        desk.sightings.saw_pod(build_pod_body(version=version))
        assert desk.bell.take() == ({JOB_KEY, EXECUTION_KEY} if wakes else set())


def test_a_jobs_news_wake_its_executions_that_have_not_ended() -> None:
    # They may be held by a suspension, or may go on.
    desk = Desk().with_all()
    desk.sightings.saw_job(build_job_body(version=9))
    assert desk.bell.take() == {JOB_KEY, EXECUTION_KEY}
    desk = Desk().with_all(ended=True)
    desk.sightings.saw_job(build_job_body(version=9))
    assert desk.bell.take() == {JOB_KEY}


def test_an_execution_wakes_itself_and_its_job() -> None:
    desk = Desk()
    desk.sightings.saw_execution(build_execution_body())
    assert desk.bell.take() == {JOB_KEY, EXECUTION_KEY}


def test_a_kube_job_and_a_pod_wake_their_execution() -> None:
    desk = Desk().with_all()
    desk.sightings.saw_kube_job(build_kube_job_body(version=8))
    assert desk.bell.take() == {EXECUTION_KEY}
    desk.sightings.saw_pod(build_pod_body(version=9))
    assert desk.bell.take() == {EXECUTION_KEY}


def test_a_pod_that_is_seen_before_its_kube_job_is_remembered() -> None:
    desk = Desk()
    desk.sightings.saw_pod(build_pod_body(version=2))
    assert desk.bell.take() == {EXECUTION_KEY}
    desk.sightings.saw_kube_job(build_kube_job_body(version=1))
    assert desk.bell.take() == {EXECUTION_KEY}
    assert desk.observed.pods.get(POD) is not None


def test_a_job_that_is_gone_wakes_its_executions() -> None:
    desk = Desk().with_all()
    desk.sightings.lost_job(JOB_NAME)
    assert desk.bell.take() == {JOB_KEY, EXECUTION_KEY}
    assert desk.observed.jobs.get(JOB_NAME) is None


def test_an_execution_that_is_gone_wakes_itself_and_its_job() -> None:
    desk = Desk().with_all()
    desk.sightings.lost_execution(EXECUTION)
    assert desk.bell.take() == {JOB_KEY, EXECUTION_KEY}
    desk.sightings.lost_execution(EXECUTION)
    assert desk.bell.take() == {EXECUTION_KEY}


def test_a_kube_job_that_is_gone_takes_its_pods_with_it() -> None:
    desk = Desk().with_all()
    desk.sightings.lost_kube_job(KUBE_JOB)
    assert desk.bell.take() == {EXECUTION_KEY}
    assert desk.observed.pods.get(POD) is None
    desk.sightings.lost_kube_job(KUBE_JOB)
    assert desk.bell.take() == set()


def test_a_pod_that_is_gone_still_tells_how_it_ended() -> None:
    desk = Desk().with_all()
    desk.sightings.saw_pod(
        build_pod_body(version=6, phase="Failed", state=terminated(3, finished=NOON))
    )
    desk.bell.take()
    desk.sightings.lost_pod(POD)
    pod = desk.observed.pods.get(POD)
    assert pod is not None
    assert (pod.is_gone, pod.exit_code) == (True, 3)
    assert desk.bell.take() == {EXECUTION_KEY}


def test_a_pod_that_is_gone_is_told_once() -> None:
    # Each listing finds it gone again.
    desk = Desk().with_all()
    desk.sightings.lost_pod(POD)
    desk.bell.take()
    desk.sightings.lost_pod(POD)
    assert desk.bell.take() == set()
    assert desk.observed.pods.get(POD) is not None


def test_a_pod_that_is_gone_does_not_come_back_with_late_news() -> None:
    desk = Desk().with_all()
    desk.sightings.lost_pod(POD)
    desk.sightings.saw_pod(build_pod_body(version=4, phase="Running"))
    pod = desk.observed.pods.get(POD)
    assert pod is not None
    assert pod.is_gone


def test_a_pod_without_a_kube_job_is_forgotten_when_it_is_gone() -> None:
    desk = Desk()
    desk.sightings.saw_pod(build_pod_body())
    desk.sightings.lost_pod(POD)
    assert desk.observed.pods.get(POD) is None
    desk.bell.take()
    desk.sightings.lost_pod(("default", "never-seen"))
    assert desk.bell.take() == set()


def test_late_news_of_a_deleted_job_do_not_bring_it_back() -> None:
    # It would start the seconds of a job that is no more.
    desk = Desk().with_all()
    desk.sightings.lost_job(JOB_NAME)
    desk.sightings.saw_job(build_job_body(version=1))
    assert desk.observed.jobs.get(JOB_NAME) is None


def test_a_job_whose_status_cannot_be_read_is_not_served() -> None:
    desk = Desk().with_all()
    desk.sightings.saw_job(build_job_body(version=9, status={"cursorTime": "yesterday"}))
    assert desk.observed.jobs.get(JOB_NAME) is None
    desk.sightings.saw_job(build_job_body(version=10))
    assert desk.observed.jobs.get(JOB_NAME) is not None


def test_an_execution_that_cannot_be_read_is_passed_over() -> None:
    desk, body = Desk(), build_execution_body()
    body["spec"]["trigger"] = "Wish"
    desk.sightings.saw_execution(body)
    assert desk.observed.executions.get(EXECUTION) is None


def test_everything_that_is_not_at_rest_is_woken_by_a_listing() -> None:
    desk = Desk().with_all()
    desk.sightings.wake_all()
    assert desk.bell.take() == {JOB_KEY, EXECUTION_KEY}
    desk = Desk().with_all(ended=True)
    desk.sightings.wake_all()
    assert desk.bell.take() == {JOB_KEY}


def test_a_kube_job_whose_execution_is_gone_is_woken_by_a_listing() -> None:
    desk = Desk().with_all(ended=True)
    desk.observed.executions.drop(EXECUTION)
    desk.sightings.wake_all()
    assert desk.bell.take() == {JOB_KEY, EXECUTION_KEY}


def test_any_order_of_news_ends_in_the_same_knowledge() -> None:
    later = NOON + timedelta(seconds=3)
    news: list[Any] = [
        lambda s: s.saw_job(build_job_body(version=1)),
        lambda s: s.saw_job(build_job_body(version=8)),
        lambda s: s.saw_execution(build_execution_body(version=2)),
        lambda s: s.saw_kube_job(build_kube_job_body(version=3)),
        lambda s: s.saw_pod(build_pod_body(version=4)),
        lambda s: s.saw_pod(
            build_pod_body(version=5, phase="Succeeded", state=terminated(0, finished=later))
        ),
    ]
    for shift in range(len(news)):
        desk = Desk()
        for tell in [*news[shift:], *news[:shift], *reversed(news)]:
            tell(desk.sightings)
        job, pod = desk.observed.jobs.get(JOB_NAME), desk.observed.pods.get(POD)
        assert job is not None
        assert job.meta.resource_version == "8"
        assert pod is not None
        assert pod.exit_code == 0
        assert EXECUTION_KEY in desk.bell.take()
