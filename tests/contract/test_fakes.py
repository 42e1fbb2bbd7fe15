"""What the fakes do beyond the ports, for tests alone; other tests stand on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chronos_clients.errors import ClientError, Expired, Invalid, NotFound, Unreachable
from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS, PODS, Resource
from chronos_clients.testing import FakeKubernetes, FakeObjectStore

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
START = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)


class Watch:
    """A clock that goes one second with each look."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return START + timedelta(seconds=self.looks)


@pytest.fixture
def kubernetes() -> FakeKubernetes:
    return FakeKubernetes(Watch())


def body(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}}


# Faults


async def test_a_planned_fault_strikes_as_often_as_planned(kubernetes: FakeKubernetes) -> None:
    kubernetes.fail_next("create", Unreachable("refused"), times=2)
    for _ in range(2):
        with pytest.raises(Unreachable):
            await kubernetes.create(CONFIG_MAPS, "default", body("one"))
    assert kubernetes.objects(CONFIG_MAPS) == []
    await kubernetes.create(CONFIG_MAPS, "default", body("one"))
    assert len(kubernetes.calls_of("create")) == 3


async def test_a_lost_answer_leaves_the_effect(kubernetes: FakeKubernetes) -> None:
    kubernetes.fail_next("create", Unreachable("reset"), carried_out=True)
    with pytest.raises(Unreachable):
        await kubernetes.create(CONFIG_MAPS, "default", body("one"))
    assert [it["metadata"]["name"] for it in kubernetes.objects(CONFIG_MAPS)] == ["one"]


async def test_a_fault_of_one_verb_spares_the_others(kubernetes: FakeKubernetes) -> None:
    kubernetes.fail_next("delete", Unreachable("refused"))
    await kubernetes.create(CONFIG_MAPS, "default", body("one"))
    with pytest.raises(Unreachable):
        await kubernetes.delete(CONFIG_MAPS, "default", "one")


async def test_an_upload_whose_end_is_lost_is_there() -> None:
    store = FakeObjectStore()
    store.fail_next("complete", ClientError("reset"), carried_out=True)
    upload = store.open_upload("key")
    await upload.write(b"arrived")
    with pytest.raises(ClientError, match="reset"):
        await upload.complete()
    assert store.objects == {"key": b"arrived"}


async def test_an_upload_that_nobody_ended_is_counted() -> None:
    store = FakeObjectStore()
    left, ended = store.open_upload("left"), store.open_upload("ended")
    await ended.abort()
    await ended.abort()
    assert store.open_uploads == 1
    await left.complete()
    assert store.open_uploads == 0


async def test_a_bucket_that_is_missing_takes_nothing() -> None:
    store = FakeObjectStore(has_bucket=False)
    with pytest.raises(NotFound):
        await store.open_upload("key").complete()
    await store.ensure_bucket()
    await store.open_upload("key").complete()
    assert store.objects == {"key": b""}


async def test_tokens_expire_on_demand(kubernetes: FakeKubernetes) -> None:
    for name in ("a", "b", "c"):
        await kubernetes.create(CONFIG_MAPS, "default", body(name))
    token = (await kubernetes.list(CONFIG_MAPS, "default", limit=1)).next
    kubernetes.expire_tokens()
    with pytest.raises(Expired):
        await kubernetes.list(CONFIG_MAPS, "default", limit=1, next=token)
    fresh = (await kubernetes.list(CONFIG_MAPS, "default", limit=1)).next
    assert (await kubernetes.list(CONFIG_MAPS, "default", next=fresh)).next == ""


async def test_what_is_handed_out_is_not_what_is_stored(kubernetes: FakeKubernetes) -> None:
    given = body("one")
    answer = await kubernetes.create(CONFIG_MAPS, "default", given)
    answer["metadata"]["name"] = "changed"
    assert given == body("one")
    assert (await kubernetes.get(CONFIG_MAPS, "default", "one"))["metadata"]["name"] == "one"


async def test_a_seed_comes_with_its_status(kubernetes: FakeKubernetes) -> None:
    kubernetes.seed(PODS, "default", {**body("p"), "status": {"phase": "Running"}})
    assert (await kubernetes.get(PODS, "default", "p"))["status"] == {"phase": "Running"}


async def test_a_seed_that_breaks_the_schema_is_refused(kubernetes: FakeKubernetes) -> None:
    with pytest.raises(Invalid):
        kubernetes.seed(JOBS, "default", {**body("j"), "spec": {"suspend": True}})


# Logs


async def read(
    kubernetes: FakeKubernetes, into: list[bytes], *, since: datetime | None = None
) -> None:
    chunks: AsyncIterator[bytes] = kubernetes.follow_log("default", "p", "main", since=since)
    async for chunk in chunks:
        into.append(chunk)  # noqa: PERF401 - what came before a failure counts


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def stamped(second: int, text: str) -> bytes:
    return f"2026-03-28T09:30:{second:02d}.000000000Z {text}".encode()


async def test_a_follower_sees_what_is_written_while_it_follows(
    kubernetes: FakeKubernetes,
) -> None:
    log = kubernetes.log("default", "p")
    base = kubernetes._clock.looks  # type: ignore[attr-defined]
    log.write(b"one\n")
    seen: list[bytes] = []
    follower = asyncio.create_task(read(kubernetes, seen))
    await settle()
    assert b"".join(seen) == stamped(base + 1, "one\n")
    log.write(b"two\nthr")
    log.write(b"ee\n")
    await settle()
    assert not follower.done()
    log.end()
    await follower
    # The last write goes on with a line that has its stamp already.
    rest = stamped(base + 2, "two\n") + stamped(base + 3, "thr") + b"ee\n"
    assert b"".join(seen) == stamped(base + 1, "one\n") + rest


async def test_a_cut_ends_every_follower_of_the_moment(kubernetes: FakeKubernetes) -> None:
    log = kubernetes.log("default", "p")
    quiet: list[bytes] = []
    ended = asyncio.create_task(read(kubernetes, quiet))
    await settle()
    log.cut()
    await ended
    failed = asyncio.create_task(read(kubernetes, quiet))
    await settle()
    log.cut(Unreachable("reset"))
    with pytest.raises(Unreachable):
        await failed
    log.write(b"later\n")
    log.end()
    seen: list[bytes] = []
    await read(kubernetes, seen)
    assert b"".join(seen).endswith(b"later\n")


@pytest.mark.parametrize("size", [1, 30, 996, 997, 998, 1500])
async def test_a_planned_cut_comes_at_that_byte(kubernetes: FakeKubernetes, size: int) -> None:
    log = kubernetes.log("default", "p")
    log.write(b"x" * 2000 + b"\n")
    log.end()
    log.cut_next(size, Unreachable("reset"))
    seen: list[bytes] = []
    with pytest.raises(Unreachable):
        await read(kubernetes, seen)
    assert len(b"".join(seen)) == size
    whole: list[bytes] = []
    await read(kubernetes, whole)
    assert b"".join(whole).startswith(b"".join(seen))
    assert len(b"".join(whole)) == 2032


async def test_what_was_rotated_away_is_out_of_reach(kubernetes: FakeKubernetes) -> None:
    log = kubernetes.log("default", "p")
    log.write(b"old\n")
    log.rotate()
    log.write(b"new\n")
    log.end()
    seen: list[bytes] = []
    await read(kubernetes, seen)
    assert b"old" not in b"".join(seen)
    assert b"".join(seen).endswith(b"new\n")


async def test_a_log_since_a_time_begins_there(kubernetes: FakeKubernetes) -> None:
    log = kubernetes.log("default", "p")
    base = kubernetes._clock.looks  # type: ignore[attr-defined]
    for text in (b"one\n", b"two\n", b"three\n"):
        log.write(text)
    log.end()
    seen: list[bytes] = []
    since = START + timedelta(seconds=base + 2, milliseconds=700)
    await read(kubernetes, seen, since=since)
    assert b"".join(seen) == stamped(base + 2, "two\n") + stamped(base + 3, "three\n")


async def test_the_log_of_a_pod_that_has_not_started_is_not_there_yet(
    kubernetes: FakeKubernetes,
) -> None:
    await kubernetes.create(PODS, "default", body("p"))
    with pytest.raises(Invalid, match="waiting to start"):
        await read(kubernetes, [])


async def test_a_deleted_pod_ends_its_log(kubernetes: FakeKubernetes) -> None:
    await kubernetes.create(PODS, "default", body("p"))
    kubernetes.log("default", "p").write(b"one\n")
    seen: list[bytes] = []
    follower = asyncio.create_task(read(kubernetes, seen))
    await settle()
    await kubernetes.delete(PODS, "default", "p")
    await follower
    assert b"".join(seen).endswith(b"one\n")
    with pytest.raises(NotFound):
        await read(kubernetes, [])


# What an API server does with Chronos' own kinds


def chronos(kind: str, name: str, spec: dict[str, object]) -> dict[str, object]:
    return {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def written(body: dict[str, Any], subresource: str = "") -> str:
    """When the spec, or the status, was written last, as its managers tell."""
    (entry,) = [
        entry
        for entry in body["metadata"]["managedFields"]
        if entry.get("subresource", "") == subresource
    ]
    return str(entry["time"])


async def test_who_wrote_the_spec_is_told_with_its_time_and_apart_from_the_status(
    kubernetes: FakeKubernetes,
) -> None:
    spec = {"schedule": {"immediate": True}, "workload": {"container": {"image": "busybox"}}}
    made = await kubernetes.create(JOBS, "default", chronos("ChronosJob", "one", spec))
    told = await kubernetes.patch(
        JOBS, "default", "one", {"status": {"state": "Paused"}}, subresource="status"
    )
    assert written(told) == written(made)
    assert written(told, "status") > written(made)
    edited = await kubernetes.patch(JOBS, "default", "one", {"spec": {"suspend": True}})
    assert written(edited) > written(told, "status")
    assert written(edited, "status") == written(told, "status")
    same = await kubernetes.patch(JOBS, "default", "one", {"spec": {"suspend": True}})
    assert same == edited


FILLED = {"scheduledTime": "2026-03-01T12:00:00Z", "retry": {}, "jobRef": {"uid": "u-1"}}


async def test_an_executions_spec_may_be_filled_in_and_not_changed(
    kubernetes: FakeKubernetes,
) -> None:
    body = chronos("ChronosExecution", "one", {"jobRef": {"name": "hello"}})
    await kubernetes.create(EXECUTIONS, "default", body)
    await kubernetes.patch(EXECUTIONS, "default", "one", {"spec": FILLED})
    for change in (
        {"scheduledTime": "2026-03-01T12:00:01Z"},
        {"jobRef": {"uid": "u-2"}},
        {"jobRef": {"name": "other"}},
        {"retry": None},
        {"concurrency": "Ignore"},
        {"parameters": {"args": ["x"]}},
        {"queued": True},
    ):
        with pytest.raises(Invalid, match="never changes"):
            await kubernetes.patch(EXECUTIONS, "default", "one", {"spec": change})


REFUSED = [
    ("a name of the schedule's", "hello-1772366400", {}),
    ("too long a name", "x" * 60, {}),
    ("a run of the schedule without a time", "one", {"trigger": "Schedule"}),
    ("a backfill that says no place", "one",
     {"trigger": "Backfill", "scheduledTime": "2026-03-01T12:00:00Z"}),
    ("a place in a backfill that is none", "one", {"backfill": {"id": "b", "position": 1}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spec"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_an_execution_that_the_rules_refuse(
    kubernetes: FakeKubernetes, name: str, spec: dict[str, object]
) -> None:
    body = chronos("ChronosExecution", name, {"jobRef": {"name": "hello"}, **spec})
    with pytest.raises(Invalid):
        await kubernetes.create(EXECUTIONS, "default", body)
    assert kubernetes.objects(EXECUTIONS) == []


async def test_a_calendar_is_stored_with_its_defaults(kubernetes: FakeKubernetes) -> None:
    body = chronos("ChronosCalendar", "freeze.2026", {"weekly": [{"days": ["SAT"]}]})
    stored = await kubernetes.create(CALENDARS, "default", body)
    assert stored["spec"]["timeZone"] == "Etc/UTC"
    assert stored["spec"]["weekly"] == [{"days": ["SAT"], "from": "00:00", "to": "24:00"}]
    with pytest.raises(Invalid, match="excludes no time"):
        await kubernetes.create(CALENDARS, "default", chronos("ChronosCalendar", "none", {}))


async def test_what_only_the_models_know_gets_stored(kubernetes: FakeKubernetes) -> None:
    """A CRD's schema cannot tell that there is no 30 February; the job that names it is told."""
    body = chronos("ChronosCalendar", "odd", {"dates": ["02-30"]})
    await kubernetes.create(CALENDARS, "default", body)
    assert len(kubernetes.objects(CALENDARS)) == 1
