"""What is known of the cluster: the newest version of each object, however the news come in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from builders import (
    NAMESPACE,
    NOON,
    build_attempt,
    build_execution,
    build_job,
    build_kube_job,
    build_pod,
    running,
    terminated,
)
from chronos_crds.execution import ExecutionStatus, Trigger
from chronos_operator.observed import Observed, Shelf

NAME = ("default", "x")


def test_a_newer_version_replaces_an_older_one_and_never_the_reverse() -> None:
    for order in itertools.permutations([1, 2, 3]):
        shelf: Shelf[str] = Shelf()
        for version in order:
            shelf.put(NAME, version, f"v{version}")
        assert shelf.get(NAME) == "v3", order


def test_whether_it_was_kept_is_told() -> None:
    shelf: Shelf[str] = Shelf()
    assert shelf.put(NAME, 5, "five")
    assert not shelf.put(NAME, 5, "five again")
    assert not shelf.put(NAME, 4, "four")
    assert shelf.put(NAME, 6, "six")


def test_a_version_that_cannot_be_compared_is_always_taken() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 5, "five")
    assert shelf.put(NAME, 0, "unknown")
    assert shelf.get(NAME) == "unknown"


def test_what_was_dropped_is_told_and_gone() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 5, "five", ("default", "parent"))
    assert shelf.drop(NAME) == "five"
    assert shelf.drop(NAME) is None
    assert shelf.get(NAME) is None
    assert shelf.children(("default", "parent")) == []
    assert shelf.names() == set()


def test_late_news_of_what_is_gone_do_not_bring_it_back() -> None:
    # A listing that was under way while the object was deleted still holds it.
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 5, "five")
    shelf.drop(NAME)
    assert not shelf.put(NAME, 4, "four")
    assert not shelf.put(NAME, 5, "five")
    assert shelf.get(NAME) is None


def test_a_new_object_of_the_same_name_is_known() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 5, "five")
    shelf.drop(NAME)
    assert shelf.put(NAME, 6, "another")
    assert shelf.get(NAME) == "another"


def test_what_is_gone_is_forgotten_two_rounds_later() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 5, "five")
    shelf.drop(NAME)
    shelf.begin_round()
    assert not shelf.put(NAME, 5, "from a listing that began before")
    shelf.begin_round()
    assert shelf.put(NAME, 5, "from a cluster that was restored")


def test_children_move_with_their_parent() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 1, "old", ("default", "a"))
    shelf.put(NAME, 2, "new", ("default", "b"))
    assert shelf.children(("default", "a")) == []
    assert shelf.children(("default", "b")) == ["new"]


def test_children_of_two_parents_are_apart() -> None:
    shelf: Shelf[str] = Shelf()
    for number in range(4):
        shelf.put(("default", str(number)), 1, str(number), ("default", f"p{number % 2}"))
    assert sorted(shelf.children(("default", "p0"))) == ["0", "2"]
    assert sorted(shelf.children(("default", "p1"))) == ["1", "3"]


def test_a_refused_older_version_keeps_its_place_among_children() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 2, "new", ("default", "b"))
    shelf.put(NAME, 1, "old", ("default", "a"))
    assert shelf.children(("default", "b")) == ["new"]
    assert shelf.children(("default", "a")) == []


def test_namespaces_are_apart() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(("one", "x"), 1, "one", ("one", "p"))
    shelf.put(("two", "x"), 1, "two", ("two", "p"))
    assert shelf.get(("one", "x")) == "one"
    assert shelf.children(("two", "p")) == ["two"]


def test_the_names_are_those_of_now_and_stay_so() -> None:
    shelf: Shelf[str] = Shelf()
    shelf.put(NAME, 1, "x")
    names = shelf.names()
    shelf.drop(NAME)
    assert names == {NAME}


def test_executions_are_those_of_this_very_job() -> None:
    observed = Observed()
    mine, others = build_execution(NOON), build_execution(NOON.replace(minute=1), job_uid="before")
    observed.put_execution(mine)
    observed.put_execution(others)
    assert observed.executions_of(build_job()) == [mine]


def test_attempts_are_told_oldest_first() -> None:
    observed = Observed()
    for number in (10, 2, 1):
        observed.put_kube_job(build_kube_job(number))
    found = observed.attempts_of(NAMESPACE, "hello-1772366400")
    assert [known.number for known in found] == [1, 2, 10]
    assert observed.attempts_of(NAMESPACE, "hello-9") == []


def test_of_several_pods_the_newest_counts() -> None:
    observed, kube_job = Observed(), build_kube_job()
    assert observed.pod_of(kube_job) is None
    for name, version in (("a", 5), ("b", 7), ("c", 6)):
        pod = replace(build_pod(), name=name, resource_version=version)
        observed.put_pod(pod)
    found = observed.pod_of(kube_job)
    assert found is not None
    assert found.name == "b"


@pytest.mark.parametrize("version", ["abc", ""])
def test_a_version_that_is_no_number_is_taken_as_unknown(version: str) -> None:
    observed, job = Observed(), build_job()
    odd = replace(job, meta=job.meta.model_copy(update={"resource_version": version}))
    assert observed.put_job(odd)
    assert observed.put_job(odd)


def test_a_first_attempt_is_told_by_the_jobs_uid_too() -> None:
    """What an earlier job of the same name has left behind begins nobody's execution."""
    observed = Observed()
    job = build_job()
    name = build_execution(NOON).meta.name
    has_first = observed.has_first_attempt(NAMESPACE, job.meta.uid)
    assert not has_first(name)
    observed.put_kube_job(build_kube_job(2, version=3))
    assert not has_first(name)
    observed.put_kube_job(build_kube_job(1, version=4, job_uid="an earlier one's"))
    assert not has_first(name)
    observed.put_kube_job(build_kube_job(1, version=5))
    assert has_first(name)
    assert not observed.has_first_attempt("elsewhere", job.meta.uid)(name)


def test_what_nobody_has_adopted_yet_is_told_apart() -> None:
    observed = Observed()
    job, own = build_job(), build_execution(NOON)
    observed.put_execution(own)
    bare = build_execution(NOON, name="hello-manual-abcde", trigger=Trigger.MANUAL)
    ref = bare.spec.job_ref.model_copy(update={"uid": None})
    bare = replace(bare, spec=bare.spec.model_copy(update={"job_ref": ref}))
    observed.put_execution(bare)
    observed.put_execution(build_execution(NOON, name="other", job_uid="an earlier one's"))
    assert observed.executions_of(job) == [own]
    assert observed.unadopted_of(job) == [bare]


LIVING: list[tuple[str, dict[str, Any] | None, bool]] = [
    ("no pod", None, False),
    ("one that waits", {}, True),
    ("one that runs", {"phase": "Running", "state": running()}, True),
    ("one that has ended", {"phase": "Succeeded", "state": terminated(0)}, False),
]


@pytest.mark.parametrize(
    ("pod", "lives"), [row[1:] for row in LIVING], ids=[row[0] for row in LIVING]
)
def test_whether_a_pod_of_an_execution_lives(pod: dict[str, Any] | None, lives: bool) -> None:
    observed = Observed()
    if pod is not None:
        observed.put_pod(build_pod(**pod))
    status = ExecutionStatus(attempts=(build_attempt(),))
    assert observed.has_living_pod(build_execution(NOON, status=status)) is lives
