"""Following one container's log: each byte once, to its end, and a doubt where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NAMESPACE, NOON, build_pod, build_pod_body, running, terminated
from chronos_clients.errors import ClientError, Denied, ServerTrouble, Unreachable
from chronos_clients.resources import PODS
from chronos_clients.testing import FakeKubernetes, FakeLog
from chronos_operator.effects.follower import Follower, LogSource
from chronos_operator.testing import VirtualClock, run_in_virtual_time

POD = "hello-1772366400-1-abcde"


@dataclass
class Scene:
    """A pod, whoever follows its log, and what has been read so far."""

    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOON))
    read: bytes = b""

    def __post_init__(self) -> None:
        self.kubernetes = FakeKubernetes(self.clock.now)
        self.kubernetes.seed(PODS, NAMESPACE, build_pod_body(resourceVersion=None))
        self.source = LogSource(build_pod())
        self.follower = Follower(self.kubernetes, self.clock, self.source)

    @property
    def log(self) -> FakeLog:
        """From the first look on the container counts as started."""
        return self.kubernetes.log(NAMESPACE, POD)

    def start(self) -> None:
        """The command runs."""
        assert self.log
        self.tell(phase="Running", state=running(self.clock.now()))

    def end(self, code: int = 0) -> None:
        """The command has ended, and that is known."""
        self.log.end()
        started = self.source.pod.started_at or self.clock.now()
        self.tell(
            phase="Failed" if code else "Succeeded",
            state=terminated(code, started=started, finished=self.clock.now()),
        )

    def tell(self, **pod: Any) -> None:
        self.source.pod = build_pod(**pod)
        self.source.changed.set()

    def remove(self) -> None:
        """The pod is gone, and that is known."""
        self.kubernetes._remove(PODS, (NAMESPACE, POD), "Background")
        self.source.is_gone = True
        self.source.changed.set()

    async def follow(self) -> None:
        async for piece in self.follower.content():
            self.read += piece


def play(act: Callable[[Scene], Coroutine[Any, Any, None]], *, within: float = 120) -> Scene:
    """Follows the log while ``act`` happens; the follower must end by itself soon after it."""
    held: list[Scene] = []

    async def run() -> None:
        scene = Scene()
        held.append(scene)
        task = asyncio.create_task(scene.follow())
        await act(scene)
        await asyncio.wait_for(task, within)

    run_in_virtual_time(run())
    return held[0]


def test_a_log_that_is_whole_when_it_is_looked_at() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        scene.log.write(b"one\ntwo\n")
        scene.end()

    scene = play(act)
    assert scene.read == b"one\ntwo\n"
    assert scene.follower.doubt is None


def test_lines_come_as_they_are_printed() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        for number in range(5):
            scene.log.write(f"line {number}\n".encode())
            await asyncio.sleep(7)
            assert scene.read.count(b"\n") == number + 1
        scene.end()

    assert play(act).read == b"".join(b"line %d\n" % n for n in range(5))


def test_an_empty_log_is_whole() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        await asyncio.sleep(30)
        scene.end()

    scene = play(act)
    assert scene.read == b""
    assert scene.follower.doubt is None


def test_a_last_line_without_an_end_is_read() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        scene.log.write(b"one\n50 %")
        await asyncio.sleep(3)
        scene.log.write(b" 100 %")
        scene.end()

    assert play(act).read == b"one\n50 % 100 %"


CUTS: list[tuple[str, ClientError | None]] = [
    ("with an error", Unreachable("reset")),
    ("as if the log had ended, as a rotation does", None),
]


@pytest.mark.parametrize("error", [row[1] for row in CUTS], ids=[row[0] for row in CUTS])
@pytest.mark.parametrize("size", [1, 20, 31, 33, 35, 36, 40, 67, 68, 69, 70])
def test_a_connection_that_breaks_off_anywhere(error: ClientError | None, size: int) -> None:
    async def act(scene: Scene) -> None:
        # The second connection breaks off at its very beginning, the third before its half line.
        for place in (size, 0, 25):
            scene.log.cut_next(place, error)
        scene.start()
        scene.log.write(b"first\nsecond\n")
        await asyncio.sleep(1)
        scene.log.write(b"third, in ")
        await asyncio.sleep(5)
        scene.log.write(b"two pieces\n")
        scene.end()

    scene = play(act)
    assert scene.read == b"first\nsecond\nthird, in two pieces\n"
    assert scene.follower.doubt is None


def test_a_connection_that_ends_at_each_second_loses_nothing() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        for number in range(60):
            scene.log.write(b"tick %d " % number)
            await asyncio.sleep(1)
            scene.log.cut(None if number % 2 else Unreachable("reset"))
            scene.log.write(b"tock\n" if number % 3 else b"")
        scene.end()

    wanted = b"".join(b"tick %d " % n + (b"tock\n" if n % 3 else b"") for n in range(60))
    assert play(act).read == wanted


def test_a_container_that_does_not_run_yet_is_asked_now_and_then() -> None:
    async def act(scene: Scene) -> None:
        await asyncio.sleep(60)
        # 400 "is waiting to start": at first soon again, later every 2 s.
        assert 20 < len(scene.kubernetes.calls_of("follow_log")) < 60
        scene.start()
        scene.log.write(b"at last\n")
        await asyncio.sleep(1)
        assert scene.read == b"at last\n"
        scene.end()

    scene = play(act)
    assert scene.follower.doubt is None


def test_news_of_a_start_are_followed_at_once() -> None:
    async def act(scene: Scene) -> None:
        await asyncio.sleep(60)
        scene.start()
        scene.log.write(b"quick\n")
        scene.end()
        await asyncio.sleep(0.001)
        assert scene.read == b"quick\n"

    play(act)


def test_an_api_server_that_is_away_for_a_while() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        scene.log.write(b"before, half a")
        await asyncio.sleep(1)
        scene.kubernetes.fail_next("follow_log", ServerTrouble("500"), times=10)
        scene.log.cut(Unreachable("reset"))
        await asyncio.sleep(5)
        scene.log.write(b" line\nafter\n")
        scene.end()

    scene = play(act)
    assert scene.read == b"before, half a line\nafter\n"
    assert scene.follower.doubt is None


def test_a_pod_that_never_started_has_no_log_and_no_doubt() -> None:
    async def act(scene: Scene) -> None:
        await asyncio.sleep(3)
        scene.tell(phase="Failed", status={"reason": "Evicted"})

    scene = play(act)
    assert scene.read == b""
    assert scene.follower.doubt is None


def test_a_pod_that_is_gone_before_it_started_has_no_log_and_no_doubt() -> None:
    async def act(scene: Scene) -> None:
        await asyncio.sleep(3)
        scene.remove()

    scene = play(act)
    assert scene.read == b""
    assert scene.follower.doubt is None


def test_a_pod_that_is_gone_after_its_log_was_read_leaves_no_doubt() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        scene.log.write(b"all of it\n")
        scene.end()
        await asyncio.sleep(5)
        scene.remove()

    scene = play(act)
    assert scene.read == b"all of it\n"
    assert scene.follower.doubt is None


def test_a_pod_that_is_gone_while_there_was_no_connection_leaves_a_doubt() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        scene.log.write(b"some of it\n")
        await asyncio.sleep(1)
        scene.kubernetes.fail_next("follow_log", Unreachable("away"), times=9)
        scene.log.cut(Unreachable("reset"))
        await asyncio.sleep(1)
        scene.log.write(b"more of it\n")
        scene.remove()

    scene = play(act)
    assert scene.read == b"some of it\n"
    assert scene.follower.doubt == "the pod was gone before its log was read to the end"


def test_a_refusal_is_the_end_and_is_told() -> None:
    async def act(scene: Scene) -> None:
        scene.kubernetes.fail_next("follow_log", Denied("pods/log is forbidden"))
        scene.start()

    scene = play(act, within=1)
    assert scene.follower.doubt == "reading the log was refused: pods/log is forbidden"


def test_lines_rotated_away_between_connections_leave_a_doubt() -> None:
    async def act(scene: Scene) -> None:
        scene.start()
        scene.log.write(b"old\n")
        await asyncio.sleep(1)
        scene.kubernetes.fail_next("follow_log", Unreachable("away"), times=3)
        scene.log.cut(Unreachable("reset"))
        scene.log.write(b"never seen\n")
        scene.log.rotate()
        await asyncio.sleep(3)
        scene.log.write(b"new\n")
        scene.end()

    scene = play(act)
    assert scene.read == b"old\nnew\n"
    assert scene.follower.doubt == "lines were rotated away before they could be read"


# How long after its start following begins, when its first line was printed, whether it is doubted.
LATE = [
    ("at once", 0.0, 0.0, False),
    ("a little late", 9.0, 0.0, False),
    ("late, and its first lines are there", 60.0, 1.0, False),
    ("late, and its first lines may be rotated away", 60.0, 30.0, True),
    ("late, and there is no line at all", 60.0, None, True),
    ("at once, and its first line came late", 0.0, 30.0, False),
]


@pytest.mark.parametrize(
    ("attach", "first", "doubted"), [row[1:] for row in LATE], ids=[row[0] for row in LATE]
)
def test_following_that_began(attach: float, first: float | None, doubted: bool) -> None:
    async def run() -> Follower:
        scene = Scene()
        scene.start()
        task = asyncio.create_task(asyncio.sleep(0))
        for moment in sorted({attach, *([first] if first is not None else [])}):
            await asyncio.sleep(
                (NOON + timedelta(seconds=moment) - scene.clock.now()).total_seconds()
            )
            if moment == first:
                scene.log.write(b"first\n")
            if moment == attach:
                task = asyncio.create_task(scene.follow())
                await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        scene.end()
        await asyncio.wait_for(task, 10)
        return scene.follower

    doubt = run_in_virtual_time(run()).doubt
    assert (doubt is not None) is doubted
    if doubt is not None:
        assert doubt.startswith("following began 60 s after the start")


class Talkative(FakeKubernetes):
    """A kubelet that puts in a word of its own."""

    async def follow_log(
        self, namespace: str, pod: str, container: str, *, since: datetime | None = None
    ) -> AsyncGenerator[bytes, None]:
        yield b"2026-03-01T12:00:00.000000001Z one\nfailed to create fsnotify watcher\n"


async def test_words_of_the_kubelet_leave_a_doubt() -> None:
    clock = VirtualClock(NOON)
    source = LogSource(build_pod(phase="Succeeded", state=terminated(0)))
    follower = Follower(Talkative(clock.now), clock, source)
    read = b"".join([piece async for piece in follower.content()])
    assert read == b"one\nfailed to create fsnotify watcher\n"
    assert "words of the kubelet" in (follower.doubt or "")
