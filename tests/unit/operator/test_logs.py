"""Shipping logs: whatever happens to the store, each log ends with a word about it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NAMESPACE, NOON, build_pod, build_pod_body, running, terminated
from chronos_clients.errors import Denied, ServerTrouble, Unreachable
from chronos_clients.resources import PODS
from chronos_clients.testing import FakeKubernetes, FakeObjectStore
from chronos_crds.execution import AttemptLog
from chronos_operator.decide.values import PodView, mark_gone
from chronos_operator.effects.logs import LogShipper
from chronos_operator.testing import VirtualClock, run_in_virtual_time

POD = "hello-1772366400-1-abcde"
KEY = "default/u/hello-1772366400/1.log"
TEXT = b"one\ntwo\nthree"


@dataclass
class Dock:
    """A shipper between a pod and a store."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))
    shipped: list[PodView] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kubernetes = FakeKubernetes(self.clock.now)
        self.kubernetes.seed(PODS, NAMESPACE, build_pod_body(resourceVersion=None))
        self.store = FakeObjectStore()
        self.shipper = LogShipper(self.kubernetes, self.store, self.clock, self.shipped.append)
        self.pod = build_pod(phase="Running", state=running(NOON))

    def ship(self) -> None:
        self.shipper.ship_log(KEY, self.pod)

    def print(self, data: bytes = TEXT) -> None:
        self.kubernetes.log(NAMESPACE, POD).write(data)

    def end(self) -> None:
        self.kubernetes.log(NAMESPACE, POD).end()
        self.pod = build_pod(phase="Succeeded", state=terminated(0, finished=self.clock.now()))
        self.ship()

    @property
    def word(self) -> AttemptLog | None:
        return self.shipper.result(KEY)


def play(act: Callable[[Dock], Coroutine[Any, Any, None]]) -> Dock:
    held: list[Dock] = []

    async def run() -> None:
        dock = Dock()
        held.append(dock)
        await act(dock)
        await dock.shipper.close()

    run_in_virtual_time(run())
    return held[0]


def assert_shipped(dock: Dock, text: bytes = TEXT) -> None:
    assert dock.store.objects == {KEY: text}
    digest = hashlib.sha256(text).hexdigest()
    assert dock.word == AttemptLog(key=KEY, size=len(text), sha256=digest, complete=True)
    assert dock.store.open_uploads == 0


def test_a_log_lies_in_the_store_with_its_size_and_digest() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        dock.print()
        await asyncio.sleep(30)
        assert dock.word is None
        assert dock.store.objects == {}
        dock.end()
        await asyncio.sleep(3)

    dock = play(act)
    assert_shipped(dock)
    assert dock.shipped == [dock.pod]


def test_an_empty_log_is_an_empty_object() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        dock.end()
        await asyncio.sleep(3)

    assert_shipped(play(act), b"")


def test_any_bytes_are_shipped_as_they_are() -> None:
    text = bytes(range(256)) * 50

    async def act(dock: Dock) -> None:
        dock.ship()
        dock.print(text)
        await asyncio.sleep(1)
        dock.end()
        await asyncio.sleep(3)

    assert_shipped(play(act), text)


def test_one_pod_is_shipped_once_however_often_it_is_asked() -> None:
    async def act(dock: Dock) -> None:
        for _ in range(20):
            dock.ship()
            await asyncio.sleep(0.1)
        dock.print()
        dock.end()
        await asyncio.sleep(3)
        dock.ship()
        await asyncio.sleep(30)

    dock = play(act)
    assert_shipped(dock)
    assert len(dock.store.calls_of("complete")) == 1
    assert len(dock.shipped) == 1


STORE_FAULTS = [("write", 1), ("write", 3), ("complete", 1), ("complete", 4)]


@pytest.mark.parametrize(("verb", "times"), STORE_FAULTS)
@pytest.mark.parametrize("carried_out", [False, True])
def test_a_store_that_fails_for_a_while(verb: str, times: int, carried_out: bool) -> None:
    async def act(dock: Dock) -> None:
        error = ServerTrouble("HTTP 500")
        dock.store.fail_next(verb, error, times=times, carried_out=carried_out)
        dock.ship()
        dock.print()
        dock.end()
        await asyncio.sleep(60)

    assert_shipped(play(act))


def test_a_store_that_is_away_for_an_hour_loses_the_log_and_says_so() -> None:
    async def act(dock: Dock) -> None:
        dock.store.fail_next("complete", Unreachable("no route"), times=1000)
        dock.ship()
        dock.print()
        dock.end()
        await asyncio.sleep(3500)
        assert dock.word is None
        await asyncio.sleep(300)

    dock = play(act)
    assert dock.word is not None
    assert not dock.word.complete
    assert dock.word.message == "the log was not shipped: gave up after an hour: no route"
    assert dock.store.open_uploads == 0


def test_a_store_that_is_away_is_not_hammered() -> None:
    async def act(dock: Dock) -> None:
        dock.store.fail_next("complete", Unreachable("no route"), times=1000)
        dock.ship()
        dock.end()
        await asyncio.sleep(600)
        assert 5 <= len(dock.store.calls_of("complete")) <= 20

    play(act)


def test_a_store_that_refuses_is_told_at_once() -> None:
    async def act(dock: Dock) -> None:
        dock.store.fail_next("write", Denied("no such key id"))
        dock.ship()
        dock.print()
        await asyncio.sleep(1)

    dock = play(act)
    assert dock.word == AttemptLog(
        key=KEY, complete=False, message="the log was not shipped: no such key id"
    )
    assert len(dock.shipped) == 1
    assert dock.store.open_uploads == 0


def test_a_pod_that_is_gone_is_told_with_what_was_read() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        dock.print()
        await asyncio.sleep(1)
        dock.kubernetes.fail_next("follow_log", Unreachable("away"), times=99)
        dock.kubernetes.log(NAMESPACE, POD).cut(Unreachable("reset"))
        await asyncio.sleep(1)
        dock.shipper.note_gone(dock.pod.uid)
        await asyncio.sleep(5)

    dock = play(act)
    assert dock.store.objects == {KEY: TEXT}
    assert dock.word is not None
    assert (dock.word.size, dock.word.complete) == (len(TEXT), False)
    assert dock.word.message == "the pod was gone before its log was read to the end"


def test_a_pod_that_was_gone_before_anybody_asked_for_its_log_gets_its_word() -> None:
    async def act(dock: Dock) -> None:
        await dock.kubernetes.delete(PODS, NAMESPACE, POD)
        ended = build_pod(phase="Succeeded", state=terminated(0))
        dock.pod = mark_gone(ended)
        dock.ship()
        await asyncio.sleep(5)

    dock = play(act)
    assert dock.word is not None
    assert not dock.word.complete
    assert dock.word.message == "the pod was gone before its log was read to the end"


def test_news_that_a_pod_is_gone_may_come_with_the_pod_itself() -> None:
    async def act(dock: Dock) -> None:
        dock.kubernetes.fail_next("follow_log", Unreachable("away"), times=99)
        dock.ship()
        await asyncio.sleep(1)
        dock.pod = mark_gone(dock.pod)
        dock.ship()
        await asyncio.sleep(5)

    dock = play(act)
    assert dock.word is not None
    assert not dock.word.complete


def test_words_about_an_execution_that_is_gone_are_forgotten() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        dock.end()
        await asyncio.sleep(3)
        dock.shipper.forget_execution(NAMESPACE, "another")
        assert dock.word is not None
        dock.shipper.forget_execution(NAMESPACE, "hello-1772366400")
        assert dock.word is None

    play(act)


def test_a_bucket_that_is_not_there_yet_is_made() -> None:
    async def act(dock: Dock) -> None:
        dock.store.has_bucket = False
        dock.ship()
        dock.print()
        dock.end()
        await asyncio.sleep(10)

    assert_shipped(play(act))


def test_a_pod_nobody_ships_may_be_gone() -> None:
    async def act(dock: Dock) -> None:
        dock.shipper.note_gone("unknown")
        dock.shipper.forget("unknown")
        assert dock.shipper.moved_at("unknown") is None

    play(act)


def test_when_bytes_last_came_through_is_told() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        assert dock.shipper.moved_at(KEY) is None
        await asyncio.sleep(10)
        dock.print(b"one\n")
        await asyncio.sleep(5)
        moved = dock.shipper.moved_at(KEY)
        assert moved is not None
        assert timedelta(seconds=10) <= moved - NOON < timedelta(seconds=13)

    play(act)


def test_a_recorded_word_is_forgotten() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        dock.end()
        await asyncio.sleep(3)
        assert dock.word is not None
        dock.shipper.forget(KEY)
        assert dock.word is None
        assert dock.shipper.moved_at(KEY) is None

    play(act)


def test_closing_ends_what_is_under_way_and_leaves_nothing_in_the_store() -> None:
    async def act(dock: Dock) -> None:
        dock.ship()
        dock.print()
        await asyncio.sleep(1)
        assert dock.store.open_uploads == 1

    dock = play(act)
    assert dock.store.open_uploads == 0
    assert dock.store.objects == {}
    assert dock.word is None
    assert dock.shipped == []


class Broken(FakeKubernetes):
    """A port with a bug in it."""

    async def follow_log(
        self, namespace: str, pod: str, container: str, *, since: datetime | None = None
    ) -> AsyncGenerator[bytes, None]:
        raise ZeroDivisionError("a bug")
        yield b""


def test_a_bug_in_one_log_does_not_keep_its_execution_from_ending() -> None:
    async def act(dock: Dock) -> None:
        dock.shipper = LogShipper(
            Broken(dock.clock.now), dock.store, dock.clock, dock.shipped.append
        )
        dock.ship()
        await asyncio.sleep(1)

    dock = play(act)
    assert dock.word is not None
    assert not dock.word.complete
    assert "internal error" in (dock.word.message or "")
    assert len(dock.shipped) == 1


def test_two_pods_are_shipped_side_by_side() -> None:
    async def act(dock: Dock) -> None:
        other = build_pod(kube_job="hello-1772366400-2", phase="Running", state=running())
        body = build_pod_body(kube_job="hello-1772366400-2", resourceVersion=None)
        dock.kubernetes.seed(PODS, NAMESPACE, body)
        dock.kubernetes.log(NAMESPACE, other.name).write(b"never ends")
        dock.shipper.ship_log("other", other)
        dock.ship()
        dock.print()
        dock.end()
        await asyncio.sleep(3)
        assert dock.shipper.result("other") is None

    assert_shipped(play(act))
