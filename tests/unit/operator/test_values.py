"""What decisions read out of kube jobs and pods, whoever wrote them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import (
    NOON,
    build_execution_body,
    build_job_body,
    build_kube_job_body,
    build_pod_body,
    running,
    terminated,
    utc,
    waiting,
)
from chronos_crds.validation import InvalidInput
from chronos_operator.decide.values import read_execution, read_job, read_kube_job, read_pod


def test_a_job_with_a_wrong_spec_is_read_all_the_same() -> None:
    # What is wrong with it is told in its status; it disturbs no other.
    job = read_job(build_job_body({"schedule": 5}))
    assert job.spec == {"schedule": 5}
    assert job.meta.name == "hello"
    assert job.meta.created_at == NOON
    assert job.status.cursor_at is None


def test_a_job_without_a_spec_is_read_as_an_empty_one() -> None:
    body = build_job_body()
    del body["spec"]
    assert read_job(body).spec == {}


def test_an_execution_with_a_wrong_spec_is_refused() -> None:
    body = build_execution_body()
    body["spec"]["trigger"] = "Wish"
    with pytest.raises(InvalidInput, match=r"spec\.trigger"):
        read_execution(body)


def test_a_kube_job_is_read() -> None:
    view = read_kube_job(build_kube_job_body(2, version=9))
    assert (view.name, view.number, view.resource_version) == ("hello-1772366400-2", 2, 9)
    assert (view.finished, view.reason, view.finished_at) == ("", "", None)
    assert view.created_at == view.started_at == NOON
    assert not view.is_deleted


def test_a_kube_job_without_our_annotation_started_when_it_was_created() -> None:
    view = read_kube_job(build_kube_job_body(annotations={}))
    assert view.started_at == NOON


ODD: list[tuple[str, dict[str, Any]]] = [
    ("an annotation that is no time", {"annotations": {"chronos.dev/start-time": "tomorrow"}}),
    ("no annotations at all", {"annotations": None}),
    ("no labels at all", {"labels": None}),
    ("a number that is none", {"labels": {"chronos.dev/attempt": "one"}}),
    ("no time of creation", {"creationTimestamp": None}),
    ("a version that is no number", {"resourceVersion": "abc"}),
]


@pytest.mark.parametrize("meta", [row[1] for row in ODD], ids=[row[0] for row in ODD])
def test_whatever_somebody_wrote_into_a_kube_job_it_is_read(meta: dict[str, Any]) -> None:
    # One bad object degrades itself only: anybody in a tenant may annotate its kube jobs.
    view = read_kube_job(build_kube_job_body(**meta))
    assert view.name == "hello-1772366400-1"
    if "annotations" in meta:
        assert view.started_at == NOON


@pytest.mark.parametrize(
    ("condition", "finished"),
    [
        ({"type": "Complete", "status": "True"}, "Complete"),
        ({"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}, "Failed"),
        ({"type": "Complete", "status": "False"}, ""),
        ({"type": "SuccessCriteriaMet", "status": "True"}, ""),
        ({"type": "Suspended", "status": "True"}, ""),
    ],
)
def test_a_kube_jobs_end_is_its_condition(condition: dict[str, Any], finished: str) -> None:
    assert read_kube_job(build_kube_job_body(condition=condition)).finished == finished


def test_the_time_of_completion_counts_before_that_of_the_condition() -> None:
    condition = {
        "type": "Complete",
        "status": "True",
        "lastTransitionTime": "2026-03-01T12:00:09Z",
    }
    body = build_kube_job_body(condition=condition)
    assert read_kube_job(body).finished_at == NOON + timedelta(seconds=9)
    body["status"]["completionTime"] = "2026-03-01T12:00:07Z"
    assert read_kube_job(body).finished_at == NOON + timedelta(seconds=7)


PODS: list[tuple[str, dict[str, Any], bool, bool]] = [
    ("made, nothing known", {}, False, False),
    ("waiting for its image", {"state": waiting("ErrImagePull")}, False, False),
    ("running", {"phase": "Running", "state": running()}, True, False),
    ("ended, its phase still says running", {"phase": "Running", "state": terminated(0)},
     True, True),
    ("ended", {"phase": "Succeeded", "state": terminated(0)}, True, True),
    ("failed before its container was made", {"phase": "Failed"}, False, True),
    ("of an unknown phase", {"phase": "Unknown"}, False, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pod", "started", "ended"), [row[1:] for row in PODS], ids=[row[0] for row in PODS]
)
def test_whether_a_pods_command_runs(pod: dict[str, Any], started: bool, ended: bool) -> None:
    view = read_pod(build_pod_body(**pod))
    assert (view.is_started, view.is_ended) == (started, ended)


def test_only_the_main_container_counts() -> None:
    body = build_pod_body(phase="Running", state=running())
    body["status"]["containerStatuses"].insert(0, {"name": "sidecar", "state": terminated(9)})
    view = read_pod(body)
    assert view.exit_code is None
    assert view.started_at == NOON


def test_a_pod_is_known_by_its_kube_job() -> None:
    view = read_pod(build_pod_body(kube_job="hello-1772366400-2", version=12))
    assert view.kube_job == "hello-1772366400-2"
    assert (view.node, view.resource_version) == ("node-1", 12)


def test_a_pod_without_any_status_is_read() -> None:
    body = build_pod_body(labels=None)
    body["status"] = {}
    del body["spec"]
    view = read_pod(body)
    assert (view.phase, view.node, view.kube_job) == ("", "", "")


def test_a_container_without_a_state_is_read() -> None:
    body = build_pod_body()
    body["status"]["containerStatuses"] = [{"name": "main"}]
    assert not read_pod(body).is_started


def manager(time: str, *fields: str, subresource: str = "") -> dict[str, Any]:
    entry: dict[str, Any] = {
        "manager": "kubectl",
        "time": time,
        "fieldsV1": {field: {} for field in fields},
    }
    return {**entry, "subresource": subresource} if subresource else entry


MANAGERS: list[tuple[str, list[dict[str, Any]], str | None]] = [
    ("nobody is told", [], None),
    ("whoever made it", [manager("2026-03-01T12:00:00Z", "f:spec")], "2026-03-01 12:00:00"),
    ("whoever wrote last, in whatever order they stand",
     [manager("2026-03-01T12:00:09Z", "f:spec"), manager("2026-03-01T12:00:05Z", "f:spec")],
     "2026-03-01 12:00:09"),
    ("one who wrote only labels does not count",
     [manager("2026-03-01T12:00:00Z", "f:spec"), manager("2026-03-01T12:00:09Z", "f:metadata")],
     "2026-03-01 12:00:00"),
    ("Chronos' own status does not count",
     [manager("2026-03-01T12:00:00Z", "f:spec"),
      manager("2026-03-01T12:00:09Z", "f:status", "f:spec", subresource="status")],
     "2026-03-01 12:00:00"),
    ("one without a time does not count",
     [manager("2026-03-01T12:00:00Z", "f:spec"), manager("", "f:spec")], "2026-03-01 12:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("managers", "edited"), [row[1:] for row in MANAGERS], ids=[row[0] for row in MANAGERS]
)
def test_when_a_spec_was_written_last(managers: list[dict[str, Any]], edited: str | None) -> None:
    body = build_job_body()
    body["metadata"]["managedFields"] = managers
    assert read_job(body).edited_at == (None if edited is None else utc(edited))


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, ()),
        ({"schedule": {"excludeCalendars": ["a", "b"]}}, ("a", "b")),
        ({"schedule": {"excludeCalendars": "a"}}, ()),
        ({"schedule": "daily"}, ()),
    ],
    ids=str,
)
def test_the_calendars_of_a_job_are_told_as_far_as_it_can_be_read(
    spec: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert read_job(build_job_body(spec)).calendar_names == names
