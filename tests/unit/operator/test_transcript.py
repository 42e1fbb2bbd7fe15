"""A followed log is the command's output, each byte exactly once, however connections fare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders import utc
from chronos_operator.decide.transcript import RECENT_LINES, Transcript


@dataclass(frozen=True)
class Line:
    """One line as the kubelet keeps it: its stamp and its bytes, newline included if it has one."""

    stamp: str
    data: bytes

    @property
    def served(self) -> bytes:
        return self.stamp.encode() + b" " + self.data

    @property
    def second(self) -> datetime:
        return datetime.fromisoformat(self.stamp).replace(microsecond=0)


def serve(lines: Sequence[Line], since: datetime | None) -> bytes:
    """What one connection sends: each line whose stamp is not before ``since``."""
    return b"".join(line.served for line in lines if since is None or line.second >= since)


def chop(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The data in chunks of those sizes, taken in turns."""
    chunks, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        chunks.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return chunks


def read_all(lines: Sequence[Line], cuts: Sequence[int], sizes: Sequence[int]) -> bytes:
    """Reads a log over one connection for each cut, and a last one that is not cut."""
    transcript, out = Transcript(), b""
    for number, cut in enumerate([*cuts, None]):
        if number:
            transcript.reconnect(was_cut=True)
        for chunk in chop(serve(lines, transcript.resume_at)[:cut], sizes):
            out += transcript.feed(chunk, now=NOW)
    assert not transcript.has_gap
    return out


# Before every stamp: whatever is read now is read in time.
NOW = utc("2000-01-01 00:00:00")

STAMPS = [
    "2026-03-01T12:00:00.000000001Z",
    "2026-03-01T12:00:00.000000002Z",
    "2026-03-01T12:00:00.1Z",
    "2026-03-01T12:00:00.12Z",
    "2026-03-01T12:00:01Z",
    "2026-03-01T12:00:01.5Z",
    "2026-03-01T12:00:01.500000001Z",
    "2026-03-01T12:00:05.000000001Z",
    "2026-03-01T12:00:05.900000001Z",
    "2026-03-01T12:00:06.100000001Z",
]

contents = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b" ", b"  two  spaces  ", b"\r", b"progress\rprogress", b"\x00\xff", b"x" * 300]
        + [f"{stamp} looks like a stamp".encode() for stamp in STAMPS[:2]]
    ),
).map(lambda data: data.replace(b"\n", b"?"))


@st.composite
def logs(draw: st.DrawFn) -> list[Line]:
    bodies = draw(st.lists(contents, max_size=8))
    some = st.lists(st.sampled_from(STAMPS), min_size=len(bodies), max_size=len(bodies))
    stamps = draw(some.map(lambda chosen: sorted(chosen, key=datetime.fromisoformat)))
    for index in draw(st.lists(st.integers(0, 7), max_size=3)):
        # Lines of the two outputs may stand in the wrong order, if they are close.
        pair = stamps[index : index + 2]
        if len(pair) == 2 and instant(pair[1]) - instant(pair[0]) <= timedelta(seconds=1):
            stamps[index : index + 2] = reversed(pair)
    lines = [Line(stamp, body + b"\n") for stamp, body in zip(stamps, bodies, strict=True)]
    if lines and draw(st.booleans()):
        # The last line may still lack its newline; then it has at least one byte.
        lines[-1] = Line(lines[-1].stamp, lines[-1].data[:-1] or b"x")
    return lines


def instant(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


sizes_of_chunks = st.lists(st.integers(1, 70), min_size=1, max_size=5)
cut_places = st.lists(st.integers(0, 400), max_size=5)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(lines=logs(), cuts=cut_places, sizes=sizes_of_chunks)
@example(  # cut within a line, then a connection without a byte
    lines=[Line(STAMPS[0], b"hello world\n")], cuts=[36, 0], sizes=[1000]
)
@example(  # cut right behind a stamp, twice, among equal stamps
    lines=[Line(STAMPS[0], b"a\n"), Line(STAMPS[0], b"b\n")], cuts=[31, 31], sizes=[1000]
)
def test_each_byte_comes_exactly_once(lines: list[Line], cuts: list[int], sizes: list[int]) -> None:
    assert read_all(lines, cuts, sizes) == b"".join(line.data for line in lines)


PLAIN = [
    Line(STAMPS[0], b"one\n"),
    Line(STAMPS[0], b"two\n"),
    Line(STAMPS[0], b"three\n"),
    Line(STAMPS[3], b"\n"),
    Line(STAMPS[4], b"four, without an end"),
]
WHOLE = b"one\ntwo\nthree\n\nfour, without an end"


@pytest.mark.parametrize("size", [1, 2, 30, 31, 32, 33, 1000])
def test_one_connection_in_chunks_of(size: int) -> None:
    assert read_all(PLAIN, [], [size]) == WHOLE


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_cut_at_each_byte(size: int) -> None:
    length = len(serve(PLAIN, None))
    for cut in range(length + 1):
        assert read_all(PLAIN, [cut], [size]) == WHOLE, f"cut at {cut}"


@pytest.mark.parametrize("second", [0, 1, 20, 31, 40, 1000])
def test_a_cut_at_each_byte_and_another_one_after_it(second: int) -> None:
    length = len(serve(PLAIN, None))
    for first in range(length + 1):
        assert read_all(PLAIN, [first, second], [1000]) == WHOLE, f"cut at {first}, then {second}"


def test_a_log_that_grows_between_connections() -> None:
    transcript, out, grown = Transcript(), b"", b""
    for count in range(1, len(PLAIN) + 1):
        lines = PLAIN[:count]
        out += b"".join(
            transcript.feed(c, now=NOW) for c in chop(serve(lines, transcript.resume_at), [9])
        )
        grown = b"".join(line.data for line in lines)
        assert out == grown
        transcript.reconnect(was_cut=True)


def test_a_line_that_grows_between_connections() -> None:
    line, out = b"a long line that comes in pieces, and again\n", b""
    transcript = Transcript()
    for end in range(len(line) + 1):
        out += transcript.feed(serve([Line(STAMPS[0], line[:end])], transcript.resume_at), now=NOW)
        assert out == line[:end]
        transcript.reconnect(was_cut=True)


def test_an_empty_log_is_empty() -> None:
    transcript = Transcript()
    assert transcript.feed(b"", now=NOW) == b""
    assert transcript.resume_at is None
    assert transcript.first_read_at is None
    transcript.reconnect(was_cut=True)
    assert transcript.feed(b"", now=NOW) == b""
    assert not transcript.has_gap


def test_the_time_of_the_first_line_and_from_when_to_go_on() -> None:
    transcript = Transcript()
    transcript.feed(serve(PLAIN, None), now=NOW)
    # The newest line is of 12:00:01; another of a moment before may still be written behind it.
    for _ in range(2):
        assert transcript.first_read_at == utc("2026-03-01 12:00:00")
        assert transcript.resume_at == utc("2026-03-01 12:00:00")
        transcript.reconnect(was_cut=True)


def test_a_line_that_has_only_begun_says_from_when_to_go_on() -> None:
    transcript = Transcript()
    transcript.feed(serve(PLAIN[:3], None) + PLAIN[4].served[:24], now=NOW)
    assert transcript.resume_at == utc("2026-03-01 12:00:00")


@pytest.mark.parametrize("disorder", [0, 3])
def test_more_lines_a_second_than_are_remembered(disorder: int) -> None:
    count = 3 * RECENT_LINES
    numbers = [n + disorder * (1 if n % 2 else -1) for n in range(count)]
    lines = [
        Line(f"2026-03-01T12:00:00.{number + 1000:09d}Z", f"line {number}\n".encode())
        for number in numbers
    ]
    length = len(serve(lines, None))
    cuts = [length // 7, length // 3, length // 2, length - 50, length - 3]
    assert read_all(lines, cuts, [65536]) == b"".join(line.data for line in lines)


WORDS = b"failed to create fsnotify watcher: too many open files"


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("size", [1, 1000])
def test_the_kubelets_own_words_are_noticed_and_harm_nothing(end: bytes, size: int) -> None:
    transcript, out = Transcript(), b""
    for chunk in chop(serve(PLAIN[:2], None) + WORDS + end, [size]):
        out += transcript.feed(chunk, now=NOW)
    assert out == b"one\ntwo\n" + WORDS + end
    assert transcript.has_foreign
    transcript.reconnect(was_cut=True)
    assert (
        transcript.feed(serve(PLAIN, transcript.resume_at), now=NOW) == WHOLE[len(b"one\ntwo\n") :]
    )
    assert not transcript.has_gap


def test_the_kubelets_own_words_among_repeated_lines_are_left_out() -> None:
    transcript = Transcript()
    transcript.feed(serve(PLAIN, None), now=NOW)
    transcript.reconnect(was_cut=True)
    again = serve(PLAIN[:3], None) + WORDS + b"\n" + serve(PLAIN[3:], None) + b", after all"
    assert transcript.feed(again, now=NOW) == b", after all"
    assert transcript.has_foreign


def test_a_log_of_the_container_alone_has_nothing_foreign() -> None:
    transcript = Transcript()
    transcript.feed(serve(PLAIN, None), now=NOW)
    assert not transcript.has_foreign


OFFSETS = [
    Line("2026-10-25T02:59:59.900000000+02:00", b"before the clock was turned\n"),
    Line("2026-10-25T02:00:00.100000000+01:00", b"after it\n"),
    Line("2026-10-25T02:00:00.200000000+01:00", b"still after it\n"),
]


@pytest.mark.parametrize("cut", [0, 20, 40, 64, 80, 110, 125])
def test_the_nodes_clock_is_turned_back_underway(cut: int) -> None:
    # A node writes stamps in its own zone: as text they do not sort.
    assert read_all(OFFSETS, [cut], [1000]) == b"".join(line.data for line in OFFSETS)


# What a new connection no longer sends because the log was rotated away meanwhile.
ROTATED = [
    ("a whole line was read, and it is gone", 1, 1000, [1], True),
    ("half a line was read, and it is gone", 1, 33, [1], True),
    ("half a line was read, and nothing is left", 1, 33, [], True),
    ("all was read, and nothing is left", 2, 1000, [], False),
    ("nothing was read at all", 2, 0, [1], False),
    ("only the newest line is left of what was read", 2, 1000, [1], False),
    ("the newest line and a new one are left", 1, 1000, [0, 1], False),
]


@pytest.mark.parametrize(
    ("count", "cut", "left", "gap"), [row[1:] for row in ROTATED], ids=[row[0] for row in ROTATED]
)
def test_a_gap_is_noticed(count: int, cut: int, left: list[int], gap: bool) -> None:
    lines = [Line(STAMPS[0], b"one\n"), Line(STAMPS[5], b"two\n")]
    transcript = Transcript()
    transcript.feed(serve(lines[:count], None)[:cut], now=NOW)
    transcript.reconnect(was_cut=True)
    for index in left:
        transcript.feed(lines[index].served, now=NOW)
    assert transcript.has_gap is gap


def test_behind_a_gap_the_rest_comes_as_it_is() -> None:
    transcript = Transcript()
    out = transcript.feed(serve(PLAIN[:1], None)[:-2], now=NOW)
    transcript.reconnect(was_cut=True)
    out += transcript.feed(serve(PLAIN[3:], None), now=NOW)
    assert transcript.has_gap
    assert out == b"on\nfour, without an end"


def test_a_repeated_line_without_an_end_is_not_kept_in_memory() -> None:
    # A progress bar writes one line of any length; half of it is read again after each cut.
    transcript, bar = Transcript(), STAMPS[0].encode() + b" " + b"#" * 1_000_000
    assert transcript.feed(bar, now=NOW) == b"#" * 1_000_000
    transcript.reconnect(was_cut=True)
    for chunk in chop(bar, [1000]):
        assert transcript.feed(chunk, now=NOW) == b""
        assert len(transcript._carry) < 100
    assert transcript.feed(b"!\n", now=NOW) == b"!\n"


FIRST_AT = utc("2026-03-01 12:00:00")
LEFT_OUT = [
    ("a pause of a command that is read in time", 0, 60, False),
    ("a reader 12 s late who meets no pause", 12, 1, False),
    ("a reader 12 s late who meets a jump of 11 s", 12, 11, True),
    ("a reader 8 s late, behind whom no two rotations fit", 8, 60, False),
]


@pytest.mark.parametrize("together", [True, False], ids=["in one chunk", "in two chunks"])
@pytest.mark.parametrize(
    ("late", "jump", "gap"), [row[1:] for row in LEFT_OUT], ids=[row[0] for row in LEFT_OUT]
)
def test_a_file_that_the_kubelet_left_out_is_noticed(
    late: int, jump: int, gap: bool, together: bool
) -> None:
    next_at = FIRST_AT + timedelta(seconds=jump)
    lines = [Line(f"{at:%Y-%m-%dT%H:%M:%S}Z", b"x\n") for at in (FIRST_AT, next_at)]
    now = FIRST_AT + timedelta(seconds=late)
    transcript = Transcript()
    if together:
        transcript.feed(serve(lines, None), now=now)
    else:
        transcript.feed(lines[0].served, now=now)
        transcript.feed(lines[1].served, now=max(now, next_at))
    assert transcript.has_gap is gap


@pytest.mark.parametrize(
    ("was_cut", "jump", "gap"),
    [
        pytest.param(False, 1, False, id="a file's end, and the next file goes on at once"),
        pytest.param(False, 11, True, id="a file's end, and room for another file"),
        pytest.param(True, 1, True, id="an error, and the rest of the file is turned away"),
    ],
)
def test_a_connection_that_begins_with_a_new_line_is_a_gap_unless_it_is_the_next(
    was_cut: bool, jump: int, gap: bool
) -> None:
    next_at = FIRST_AT + timedelta(seconds=jump)
    first, second = (Line(f"{at:%Y-%m-%dT%H:%M:%S}Z", b"x\n") for at in (FIRST_AT, next_at))
    transcript = Transcript()
    transcript.feed(first.served, now=FIRST_AT)
    transcript.reconnect(was_cut=was_cut)
    transcript.feed(second.served, now=next_at)
    assert transcript.has_gap is gap
