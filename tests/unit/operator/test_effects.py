"""What the operator writes to the cluster: repeatable, and only over what it has seen."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from builders import (
    JOB,
    NAMESPACE,
    NOON,
    build_execution,
    build_execution_spec,
    build_job_body,
    build_kube_job,
)
from chronos_clients.errors import Conflict, Denied, NotFound, Unreachable
from chronos_clients.resources import EVENTS, EXECUTIONS, JOBS, KUBE_JOBS, PODS
from chronos_clients.testing import FakeKubernetes
from chronos_crds.job import ChronosJobStatus, JobState
from chronos_crds.meta import ObjectMeta
from chronos_crds.naming import execution_name
from chronos_operator.decide.manifest import build_execution as build_execution_manifest
from chronos_operator.decide.manifest import build_kube_job as build_kube_job_manifest
from chronos_operator.decide.narrative import Note
from chronos_operator.decide.values import JobView, read_execution, read_job, read_kube_job
from chronos_operator.effects.cluster import Cluster
from chronos_operator.effects.events import Events, build_event
from chronos_operator.errors import NameTaken

META = ObjectMeta(name=JOB, namespace=NAMESPACE, uid="u", generation=3)
NAME = execution_name(JOB, NOON)
NOTE = Note("Started", "attempt 1 of 1 was started")


@pytest.fixture
def kubernetes() -> FakeKubernetes:
    return FakeKubernetes(lambda: NOON)


def kube_job_manifest(job_uid: str = "u") -> dict[str, Any]:
    spec = build_execution_spec(job_uid=job_uid)
    return build_kube_job_manifest(
        NAMESPACE, spec, execution="hello-1772366400", number=1, started_at=NOON
    )


async def test_creating_twice_is_creating_once(kubernetes: FakeKubernetes) -> None:
    cluster = Cluster(kubernetes)
    first = await cluster.create_kube_job(kube_job_manifest())
    assert await cluster.create_kube_job(kube_job_manifest()) == first
    execution = build_execution_manifest(NAMESPACE, NAME, build_execution_spec())
    assert await cluster.create_execution(execution) == await cluster.create_execution(execution)
    assert len(kubernetes.objects(KUBE_JOBS)) == len(kubernetes.objects(EXECUTIONS)) == 1


@pytest.mark.parametrize("labels", [{}, {"chronos.dev/job-uid": "of an earlier job"}])
async def test_a_name_that_is_not_ours_is_left_alone(
    kubernetes: FakeKubernetes, labels: dict[str, str]
) -> None:
    foreign = {"metadata": {"name": "hello-1772366400-1", "labels": labels}}
    before = kubernetes.seed(KUBE_JOBS, NAMESPACE, foreign)
    with pytest.raises(NameTaken, match="Job hello-1772366400-1 exists and belongs to something"):
        await Cluster(kubernetes).create_kube_job(kube_job_manifest())
    assert list(kubernetes.objects(KUBE_JOBS)) == [before]


async def test_what_is_not_there_is_not_found(kubernetes: FakeKubernetes) -> None:
    cluster = Cluster(kubernetes)
    assert await cluster.find_kube_job(NAMESPACE, "x") is None
    assert await cluster.find_execution(NAMESPACE, "x") is None
    assert await cluster.find_pods(build_kube_job()) == []


async def test_the_pods_of_a_kube_job_are_found_by_its_name(kubernetes: FakeKubernetes) -> None:
    for name in ("a", "b"):
        labels = {"batch.kubernetes.io/job-name": f"hello-1772366400-{'1' if name == 'a' else '2'}"}
        kubernetes.seed(PODS, NAMESPACE, {"metadata": {"name": name, "labels": labels}})
    (found,) = await Cluster(kubernetes).find_pods(build_kube_job())
    assert found["metadata"]["name"] == "a"


async def stored_job(kubernetes: FakeKubernetes, **status: Any) -> JobView:
    body = build_job_body()
    del body["metadata"]["resourceVersion"]
    return read_job(kubernetes.seed(JOBS, NAMESPACE, {**body, "status": status}))


async def test_only_what_differs_is_written(kubernetes: FakeKubernetes) -> None:
    job = await stored_job(kubernetes, state="Running", started=3, nextTime="2026-03-01T12:01:00Z")
    after = ChronosJobStatus(state=JobState.COMPLETED, started=3)
    written = read_job(await Cluster(kubernetes).patch_job_status(job, after))
    assert written.status == after
    (call,) = kubernetes.calls_of("patch")
    assert call.what == "chronosjobs/status"
    # What is gone is taken out by a null.
    assert call.body["status"] == {"state": "Completed", "nextTime": None}


async def test_a_job_that_changed_meanwhile_is_not_written_over(kubernetes: FakeKubernetes) -> None:
    job = await stored_job(kubernetes, started=3)
    await kubernetes.patch(JOBS, NAMESPACE, JOB, {"spec": {"suspend": True}})
    with pytest.raises(Conflict):
        await Cluster(kubernetes).patch_job_status(job, ChronosJobStatus(started=4))


async def test_a_job_of_the_same_name_made_anew_is_not_written(kubernetes: FakeKubernetes) -> None:
    job = await stored_job(kubernetes, started=3)
    await kubernetes.delete(JOBS, NAMESPACE, JOB)
    await stored_job(kubernetes)
    with pytest.raises(Conflict):
        await Cluster(kubernetes).patch_job_status(job, ChronosJobStatus(started=4))


async def test_an_execution_that_changed_meanwhile_is_not_written_over(
    kubernetes: FakeKubernetes,
) -> None:
    cluster = Cluster(kubernetes)
    body = await cluster.create_execution(
        build_execution_manifest(NAMESPACE, NAME, build_execution_spec())
    )
    view = read_execution(body)
    status = view.status.model_copy(update={"reason": "First"})
    await cluster.patch_execution_status(view, status)
    with pytest.raises(Conflict):
        await cluster.patch_execution_status(view, status.model_copy(update={"reason": "Second"}))


async def test_deleting_what_is_gone_is_done(kubernetes: FakeKubernetes) -> None:
    cluster = Cluster(kubernetes)
    await cluster.delete_kube_job(build_kube_job())
    await cluster.delete_execution(build_execution())


async def test_another_kube_job_of_the_same_name_is_not_deleted(
    kubernetes: FakeKubernetes,
) -> None:
    cluster = Cluster(kubernetes)
    old = read_kube_job(await cluster.create_kube_job(kube_job_manifest()))
    await cluster.delete_kube_job(old)
    await cluster.create_kube_job(kube_job_manifest())
    with pytest.raises(Conflict):
        await cluster.delete_kube_job(old)
    assert len(kubernetes.objects(KUBE_JOBS)) == 1


# --- Events


async def test_the_same_news_are_sent_once(
    kubernetes: FakeKubernetes, caplog: pytest.LogCaptureFixture
) -> None:
    events = Events(kubernetes)
    for _ in range(3):
        await events.send_event(JOBS, META, NOTE, now=NOON)
    assert len(kubernetes.objects(EVENTS)) == 1
    assert caplog.records == [], "a repeated step is nothing to warn of"


@pytest.mark.parametrize(
    "change",
    [
        {"note": Note("Started", "attempt 2 of 2 was started")},
        {"note": Note("Succeeded", NOTE.message)},
        {"about": META.model_copy(update={"generation": 4})},
        {"about": META.model_copy(update={"uid": "another"})},
    ],
)
def test_other_news_are_another_event(change: dict[str, Any]) -> None:
    known: dict[str, Any] = {"about": META, "note": NOTE}
    first = build_event(JOBS, now=NOON, **known)
    other = build_event(JOBS, now=NOON, **{**known, **change})
    assert first["metadata"]["name"] != other["metadata"]["name"]


def test_an_event_says_what_it_is_about() -> None:
    event = build_event(JOBS, META, Note("Failed", "x" * 5000, warning=True), now=NOON)
    assert event["involvedObject"] == {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosJob",
        "name": JOB,
        "namespace": NAMESPACE,
        "uid": "u",
    }
    assert (event["type"], event["reason"]) == ("Warning", "Failed")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-03-01T12:00:00Z"
    # The API server takes 1,024 bytes.
    assert event["message"] == "x" * 1000
    assert build_event(JOBS, META, NOTE, now=NOON)["type"] == "Normal"


@pytest.mark.parametrize("error", [Unreachable("reset"), Denied("forbidden"), NotFound("gone")])
async def test_a_lost_event_is_a_pity_and_no_failure(
    kubernetes: FakeKubernetes, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    kubernetes.fail_next("create", error)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        await Events(kubernetes).send_event(JOBS, META, NOTE, now=NOON)
    assert kubernetes.objects(EVENTS) == []
    (record,) = caplog.records
    assert record.message == "event was not sent"
