"""What Chronos relies on in Kubernetes, on the fake and on a real API server.

An operator may run on the real one, so nothing here asserts on what it may have written meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chronos_clients.errors import AlreadyExists, Conflict, Invalid, NotFound
from chronos_clients.kubernetes import list_all
from chronos_clients.resources import EXECUTIONS, JOBS, PODS, Object, Resource
from chronos_crds.naming import MAIN_CONTAINER

from .conftest import Cluster

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
IMAGE = "docker.io/library/busybox:1.35"


def config_map(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "data": {"key": "value"}}


def job(name: str = "hello", **changes: Any) -> Object:
    """A job that never starts anything: it is suspended."""
    spec = {
        "suspend": True,
        "schedule": {"cron": ["0 0 1 1 *"]},
        "workload": {"container": {"image": IMAGE}},
        **changes,
    }
    return {"apiVersion": JOBS.api_version, "kind": "ChronosJob", "metadata": {"name": name},
            "spec": spec}  # fmt: skip


def execution(name: str) -> Object:
    """An execution as anybody may make it: where Chronos is installed, what it runs is not ours to
    say."""
    spec = {
        "jobRef": {"name": "hello", "uid": "3d1e9f5e-0000-4000-8000-000000000000"},
        "scheduledTime": "2026-03-28T09:30:00Z",
        "trigger": "Manual",
    }
    return {"apiVersion": EXECUTIONS.api_version, "kind": "ChronosExecution",
            "metadata": {"name": name}, "spec": spec}  # fmt: skip


async def create(cluster: Cluster, resource: Resource, body: Object) -> Object:
    return await cluster.port.create(resource, cluster.namespace, body)


# Identity


async def test_what_is_created_has_an_identity_of_the_servers_own(cluster: Cluster) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    body = job()
    body["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z"}
    meta = (await create(cluster, JOBS, body))["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", meta["uid"])
    assert re.fullmatch(r"\d+", meta["resourceVersion"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", meta["creationTimestamp"])
    created = datetime.fromisoformat(meta["creationTimestamp"])
    assert abs(created - began) < timedelta(seconds=30)
    assert (meta["generation"], meta["namespace"]) == (1, cluster.namespace)


async def test_a_name_is_given_once(cluster: Cluster) -> None:
    await create(cluster, CONFIG_MAPS, config_map("one"))
    with pytest.raises(AlreadyExists):
        await create(cluster, CONFIG_MAPS, config_map("one"))


async def test_of_many_creators_at_once_one_wins(cluster: Cluster) -> None:
    results = await asyncio.gather(
        *(create(cluster, CONFIG_MAPS, config_map("one")) for _ in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, dict) for result in results) == 1
    assert sum(isinstance(result, AlreadyExists) for result in results) == 9


async def test_a_dry_run_stores_nothing(cluster: Cluster) -> None:
    answer = await cluster.port.create(JOBS, cluster.namespace, job(), dry_run=True)
    assert answer["metadata"]["name"] == "hello"
    with pytest.raises(NotFound):
        await cluster.port.get(JOBS, cluster.namespace, "hello")


@pytest.mark.parametrize("name", ["..", ".", "no/thing", "x/../y", "a%2Fb", "x?y", "ü", "a\n"])
async def test_a_name_never_leads_to_another_path(cluster: Cluster, name: str) -> None:
    with pytest.raises(Invalid):
        await cluster.port.get(CONFIG_MAPS, cluster.namespace, name)
    with pytest.raises(Invalid):
        await cluster.port.delete(CONFIG_MAPS, cluster.namespace, name)


async def test_a_missing_namespace_takes_nothing_and_lists_nothing(cluster: Cluster) -> None:
    with pytest.raises(NotFound):
        await cluster.port.create(CONFIG_MAPS, "chronos-nowhere", config_map("one"))
    assert (await cluster.port.list(CONFIG_MAPS, "chronos-nowhere")).items == []


async def test_one_of_our_kinds_must_say_what_it_is(cluster: Cluster) -> None:
    for missing in ("apiVersion", "kind"):
        body = job()
        del body[missing]
        with pytest.raises(Invalid):
            await create(cluster, JOBS, body)
    await create(cluster, CONFIG_MAPS, config_map("one"))


# Changes


async def test_a_replace_from_a_stale_version_conflicts(cluster: Cluster) -> None:
    stored = await create(cluster, CONFIG_MAPS, config_map("one"))
    first = {**stored, "data": {"key": "first"}}
    await cluster.port.replace(CONFIG_MAPS, cluster.namespace, "one", first)
    second = {**stored, "data": {"key": "second"}}
    with pytest.raises(Conflict):
        await cluster.port.replace(CONFIG_MAPS, cluster.namespace, "one", second)
    now = await cluster.port.get(CONFIG_MAPS, cluster.namespace, "one")
    assert now["data"] == {"key": "first"}


async def test_a_job_is_never_replaced_without_a_version(cluster: Cluster) -> None:
    stored = await create(cluster, JOBS, job())
    del stored["metadata"]["resourceVersion"]
    with pytest.raises(Invalid):
        await cluster.port.replace(JOBS, cluster.namespace, "hello", stored)


async def test_a_replace_of_something_missing_is_not_found(cluster: Cluster) -> None:
    stored = await create(cluster, JOBS, job())
    stored["metadata"]["name"] = "other"
    with pytest.raises(NotFound):
        await cluster.port.replace(JOBS, cluster.namespace, "other", stored)


async def test_a_patch_merges_and_null_removes(cluster: Cluster) -> None:
    await create(cluster, CONFIG_MAPS, config_map("one", team="a"))
    patch = {"metadata": {"labels": {"team": None, "tier": "b"}}, "data": {"more": "too"}}
    answer = await cluster.port.patch(CONFIG_MAPS, cluster.namespace, "one", patch)
    assert answer["metadata"]["labels"] == {"tier": "b"}
    assert answer["data"] == {"key": "value", "more": "too"}


async def test_a_patch_with_a_stale_version_conflicts(cluster: Cluster) -> None:
    stored = await create(cluster, CONFIG_MAPS, config_map("one"))
    patch = {"data": {"key": "first"}}
    await cluster.port.patch(CONFIG_MAPS, cluster.namespace, "one", patch)
    patch = {
        "metadata": {"resourceVersion": stored["metadata"]["resourceVersion"]},
        "data": {"key": "second"},
    }
    with pytest.raises(Conflict):
        await cluster.port.patch(CONFIG_MAPS, cluster.namespace, "one", patch)


async def test_a_change_that_changes_nothing_makes_no_new_version(cluster: Cluster) -> None:
    stored = await create(cluster, CONFIG_MAPS, config_map("one"))
    patched = await cluster.port.patch(
        CONFIG_MAPS, cluster.namespace, "one", {"data": {"key": "value"}}
    )
    assert patched["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


# Status and generation


async def test_status_is_not_taken_with_the_object(cluster: Cluster) -> None:
    stored = await create(cluster, EXECUTIONS, {**execution("x"), "status": {"state": "Failed"}})
    assert "state" not in stored.get("status", {})
    # An ended one, which an operator that serves this cluster has nothing more to write to.
    ended = await cluster.port.patch(
        EXECUTIONS, cluster.namespace, "x", {"status": {"state": "Failed"}}, subresource="status"
    )
    ended["status"] = {"state": "Succeeded"}
    ended["metadata"]["labels"] = {"a": "b"}
    replaced = await cluster.port.replace(EXECUTIONS, cluster.namespace, "x", ended)
    assert (replaced["metadata"]["labels"], replaced["status"]["state"]) == ({"a": "b"}, "Failed")
    patched = await cluster.port.patch(
        EXECUTIONS, cluster.namespace, "x", {"status": {"state": "Succeeded"}}
    )
    assert patched["status"]["state"] == "Failed"


async def test_a_status_patch_changes_status_alone(cluster: Cluster) -> None:
    await create(cluster, JOBS, job())
    patch = {
        "metadata": {"labels": {"not": "taken"}},
        "spec": {"suspend": False},
        "status": {"state": "Paused", "schedule": "0 0 1 1 *", "lastResult": "Failed"},
    }
    answer = await cluster.port.patch(JOBS, cluster.namespace, "hello", patch, subresource="status")
    assert answer["status"]["lastResult"] == "Failed"
    assert answer["spec"]["suspend"] is True
    assert "labels" not in answer["metadata"]
    assert answer["metadata"]["generation"] == 1


async def test_the_generation_counts_changes_of_the_spec(cluster: Cluster) -> None:
    await create(cluster, JOBS, job())

    async def patch(body: Object) -> int:
        answer = await cluster.port.patch(JOBS, cluster.namespace, "hello", body)
        return int(answer["metadata"]["generation"])

    assert await patch({"metadata": {"labels": {"a": "b"}}}) == 1
    assert await patch({"spec": {"description": "changed"}}) == 2
    assert await patch({"spec": {"description": "changed"}}) == 2


async def test_a_status_that_breaks_the_schema_is_refused(cluster: Cluster) -> None:
    await create(cluster, JOBS, job())
    with pytest.raises(Invalid):
        await cluster.port.patch(
            JOBS, cluster.namespace, "hello", {"status": {"started": -1}}, subresource="status"
        )


# The schema


async def test_defaults_are_stored(cluster: Cluster) -> None:
    spec = (await create(cluster, JOBS, job()))["spec"]
    assert spec["schedule"]["timeZone"] == "Etc/UTC"
    assert spec["retry"]["maxAttempts"] == 1
    assert spec["workload"]["container"]["runAsUser"] == 65532
    assert spec["workload"]["container"]["resources"]["requests"]["cpu"] == "10m"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(
            job(schedule={"cron": [5]}), r"spec\.schedule\.cron\[0\]", id="a number as text"
        ),
        pytest.param(job(suspend="yes"), r"spec\.suspend", id="text as a truth value"),
        pytest.param(
            job(retry={"maxAttempts": -1}), r"spec\.retry\.maxAttempts", id="a negative number"
        ),
        pytest.param(
            job(retry={"maxAttempts": "3"}), r"spec\.retry\.maxAttempts", id="a number in quotes"
        ),
        pytest.param(
            job(schedule={"at": ["tomorrow"]}), r"spec\.schedule\.at\[0\]", id="a time in words"
        ),
        pytest.param(job(schedule={}), r"spec\.schedule", id="a schedule that says no time"),
        pytest.param(job(workload={"type": "magic"}), r"spec\.workload", id="an unknown type"),
        pytest.param(job("a" * 47), ".*", id="a name of 47 characters"),
        pytest.param(job("Capital"), r"metadata\.name", id="a name with capitals"),
    ],
)
async def test_what_the_schema_refuses(cluster: Cluster, body: Object, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await create(cluster, JOBS, body)
    assert any(re.match(field, cause.field) for cause in refusal.value.causes), refusal.value.causes


async def test_an_unknown_field_is_refused_by_name(cluster: Cluster) -> None:
    with pytest.raises(Invalid, match=r'unknown field "spec\.retries"'):
        await create(cluster, JOBS, job(retries=3))


async def test_an_execution_never_changes_what_it_says_was_run(cluster: Cluster) -> None:
    await create(cluster, EXECUTIONS, execution("x"))
    with pytest.raises(Invalid):
        await cluster.port.patch(
            EXECUTIONS, cluster.namespace, "x", {"spec": {"trigger": "Immediate"}}
        )


# Lists


async def test_a_list_comes_in_name_order_and_in_pages(cluster: Cluster) -> None:
    for name in ("d", "a", "c", "e", "b"):
        await create(cluster, CONFIG_MAPS, config_map(name, set="x"))
    pages, token = [], ""
    while True:
        page = await cluster.port.list(
            CONFIG_MAPS, cluster.namespace, labels={"set": "x"}, limit=2, next=token
        )
        pages.append([item["metadata"]["name"] for item in page.items])
        token = page.next
        if not token:
            break
    assert pages == [["a", "b"], ["c", "d"], ["e"]]


async def test_items_of_a_list_say_what_they_are(cluster: Cluster) -> None:
    await create(cluster, CONFIG_MAPS, config_map("one", set="x"))
    page = await cluster.port.list(CONFIG_MAPS, cluster.namespace, labels={"set": "x"})
    assert [(item["apiVersion"], item["kind"]) for item in page.items] == [("v1", "ConfigMap")]


async def test_labels_select(cluster: Cluster) -> None:
    await create(cluster, CONFIG_MAPS, config_map("both", team="a", tier="b"))
    await create(cluster, CONFIG_MAPS, config_map("one", team="a"))
    found = await list_all(
        cluster.port, CONFIG_MAPS, cluster.namespace, labels={"team": "a", "tier": "b"}
    )
    assert [item["metadata"]["name"] for item in found] == ["both"]


async def test_a_list_of_all_namespaces_has_them(cluster: Cluster) -> None:
    await create(cluster, CONFIG_MAPS, config_map("one", only=cluster.namespace))
    page = await cluster.port.list(CONFIG_MAPS, None, labels={"only": cluster.namespace})
    assert [item["metadata"]["namespace"] for item in page.items] == [cluster.namespace]


async def test_a_made_up_continue_token_is_refused(cluster: Cluster) -> None:
    with pytest.raises(Invalid):
        await cluster.port.list(CONFIG_MAPS, cluster.namespace, next="made up")


# Deletion


async def test_a_deletion_with_another_uid_conflicts(cluster: Cluster) -> None:
    await create(cluster, CONFIG_MAPS, config_map("one"))
    with pytest.raises(Conflict):
        await cluster.port.delete(CONFIG_MAPS, cluster.namespace, "one", uid="someone-elses")
    assert await cluster.port.get(CONFIG_MAPS, cluster.namespace, "one")


async def test_what_is_deleted_is_not_found(cluster: Cluster) -> None:
    stored = await create(cluster, CONFIG_MAPS, config_map("one"))
    await cluster.port.delete(CONFIG_MAPS, cluster.namespace, "one", uid=stored["metadata"]["uid"])
    with pytest.raises(NotFound):
        await cluster.port.get(CONFIG_MAPS, cluster.namespace, "one")
    with pytest.raises(NotFound):
        await cluster.port.delete(CONFIG_MAPS, cluster.namespace, "one")


async def test_a_finalizer_holds_an_object_until_it_is_taken_off(cluster: Cluster) -> None:
    body = config_map("one")
    body["metadata"]["finalizers"] = ["chronos.dev/contract"]
    await create(cluster, CONFIG_MAPS, body)
    await cluster.port.delete(CONFIG_MAPS, cluster.namespace, "one")
    held = await cluster.port.get(CONFIG_MAPS, cluster.namespace, "one")
    assert held["metadata"]["deletionTimestamp"]
    patch = {"metadata": {"finalizers": None}}
    await cluster.port.patch(CONFIG_MAPS, cluster.namespace, "one", patch)
    with pytest.raises(NotFound):
        await cluster.port.get(CONFIG_MAPS, cluster.namespace, "one")


async def test_dependents_go_with_their_owner(cluster: Cluster) -> None:
    owner = await create(cluster, CONFIG_MAPS, config_map("owner"))
    child = config_map("child")
    child["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    ]
    await create(cluster, CONFIG_MAPS, child)
    await cluster.port.delete(CONFIG_MAPS, cluster.namespace, "owner")
    async with asyncio.timeout(30):
        while True:
            found = await list_all(cluster.port, CONFIG_MAPS, cluster.namespace)
            if "child" not in [item["metadata"]["name"] for item in found]:
                return
            await asyncio.sleep(0.2)


# Logs

STAMPED = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (.*\n?)")


async def run_printer(cluster: Cluster, text: str) -> None:
    """A pod that prints the text and ends; on the fake its log is written by hand."""
    container = {
        "name": MAIN_CONTAINER,
        "image": IMAGE,
        "command": ["printf", text.replace("\n", "\\n")],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "printer"},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    await create(cluster, PODS, pod)
    if cluster.fake:
        log = cluster.fake.log(cluster.namespace, "printer")
        log.write(text.encode())
        log.end()
        return
    async with asyncio.timeout(60):
        while True:
            stored = await cluster.port.get(PODS, cluster.namespace, "printer")
            if stored["status"].get("phase") == "Succeeded":
                return
            await asyncio.sleep(0.3)


async def follow(cluster: Cluster, since: datetime | None = None) -> bytes:
    chunks = cluster.port.follow_log(cluster.namespace, "printer", MAIN_CONTAINER, since=since)
    return b"".join([chunk async for chunk in chunks])


async def test_a_log_comes_with_a_stamp_on_each_line(cluster: Cluster) -> None:
    await run_printer(cluster, "one\n\nthree")
    lines = STAMPED.findall(await follow(cluster))
    assert [text for _, text in lines] == [b"one\n", b"\n", b"three"]


async def test_a_log_since_is_cut_at_whole_seconds(cluster: Cluster) -> None:
    await run_printer(cluster, "one\n")
    (stamp, _), *_ = STAMPED.findall(await follow(cluster))
    written = datetime.fromisoformat(stamp.decode()[:26] + "+00:00")
    # The fraction is dropped, so that the line of that very second still comes.
    assert b"one" in await follow(cluster, since=written.replace(microsecond=999_999))
    assert await follow(cluster, since=written + timedelta(seconds=1)) == b""


async def test_the_log_of_no_pod_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(NotFound):
        await follow(cluster)
