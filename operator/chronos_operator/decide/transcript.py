"""Reads a followed log: takes the time stamps off, drops what was read before, loses no byte.

The kubelet puts a time stamp and a space before each line when asked to. A line may be longer than
any buffer, may lack its newline at the end, and may hold any bytes.

A new connection begins a little before the newest line and sends again what lies since then. Lines
are known again by their stamps, in the order of the log and not of time: a container's two outputs
are stamped before they are written, so that neighbours may stand in the wrong order.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_STAMP = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_STAMP_ALONE = re.compile(_STAMP)
_STAMPS = re.compile(rb"(?m)^(" + _STAMP + rb") ")
# A stamp with nanoseconds and an offset has 35 characters, and then there is a space.
_STAMP_MAX = 40
# How many lines are known by their stamps; of those before them the time alone tells.
RECENT_LINES = 4096
# How far apart in time neighbours may stand in the wrong order.
_DISORDER = timedelta(seconds=1)
# The kubelet turns files away every 10 s at most. When it is read more slowly than is printed, it
# goes on from the end of one file with the newest, and leaves out any between them, without a word.
# A file left out spans that long at least, and only who is that far behind is given no word of it.
_ROTATION = timedelta(seconds=9)


class _Repetition:
    """What a new connection sends again: the recent lines, of which the last may be half known."""

    def __init__(self, recent: Sequence[bytes], half: int | None) -> None:
        self._left = Counter(recent)
        self._last = recent[-1]
        self._half = half
        # Lines of before the recent ones; half of those lie between them and any disorder.
        is_full = len(recent) == RECENT_LINES
        self._old_below = _order(recent[RECENT_LINES // 2]) if is_full else None
        self.in_line = False
        self.bytes_left: int | None = None
        # Whether the newest line that was read has come by.
        self.is_over = False

    def meet(self, stamp: bytes) -> bool:
        """Whether the line that begins with this stamp was read before, wholly or in part."""
        left = self._left[stamp]
        if not left:
            return self._old_below is not None and _order(stamp) < self._old_below
        self._left[stamp] -= 1
        if stamp == self._last and left == 1:
            self.bytes_left = self._half
            self.is_over = True
        return True


class Transcript:
    """The state of reading one container's log over any number of connections.

    ``feed`` takes chunks as they come and returns the bytes that are new; ``reconnect`` says that
    the next chunk comes from a new connection, which begins at ``resume_at`` or before.
    """

    def __init__(self) -> None:
        self._first_stamp = b""
        self._recent: deque[bytes] = deque(maxlen=RECENT_LINES)
        self._carry = b""
        self._in_line = False
        # How much of the newest line was passed on; None where it is whole.
        self._half: int | None = None
        self._repetition: _Repetition | None = None
        self._has_gap = False
        self._was_cut = False
        self._newest_lag = timedelta()
        self._now = datetime.fromtimestamp(0, UTC)
        self.has_foreign = False
        """Whether text without a time stamp came along, such as the kubelet's own words."""

    @property
    def first_read_at(self) -> datetime | None:
        """The time stamp of the oldest line, to the whole second below."""
        return _order(self._first_stamp)[0] if self._first_stamp else None

    @property
    def resume_at(self) -> datetime | None:
        """From when on the next connection must read; None: from the beginning."""
        return _order(self._recent[-1])[0] - _DISORDER if self._recent else None

    @property
    def has_gap(self) -> bool:
        """Whether lines may be missing: a connection went on without the newest line known, or so
        late that a file may have been left out. A half line whose rest never came is a gap, too."""
        return self._has_gap or (self._repetition is not None and self._half is not None)

    def feed(self, chunk: bytes, *, now: datetime) -> bytes:
        """The new content in the chunk, which came at ``now``."""
        self._now = now
        data, self._carry = self._carry + chunk, b""
        if self._repetition is not None:
            data = self._drop_repeated(data, self._repetition)
        return self._feed_new(data) if data else b""

    def reconnect(self, *, was_cut: bool) -> None:
        """Prepares for a connection that sends again what was read since ``resume_at``.

        ``was_cut``: the one before ended by an error, not at the end of a file.
        """
        self._was_cut = was_cut
        self._carry = b""
        self._in_line = False
        if self._recent:
            self._repetition = _Repetition(self._recent, self._half)

    def _drop_repeated(self, data: bytes, repetition: _Repetition) -> bytes:
        """What is left behind the lines that were read before; b"" while they go on."""
        while data:
            if repetition.in_line:
                end = data.find(b"\n") + 1
                data = data[end:] if end else b""
                repetition.in_line = not end
            elif repetition.bytes_left is not None:
                dropped = min(repetition.bytes_left, len(data))
                data = data[dropped:]
                repetition.bytes_left -= dropped
            elif not repetition.is_over:
                stamp = self._stamp_of(data)
                if stamp is None:
                    return b""
                if stamp and not repetition.meet(stamp):
                    # From the end of a file its successor may begin with a new line.
                    is_next = not self._was_cut and self._half is None
                    self._has_gap |= not is_next or self._is_far(self._recent[-1], stamp)
                    self._half, self._repetition = None, None
                    return data
                data = data[len(stamp) + 1 :] if stamp else data
                repetition.in_line = repetition.bytes_left is None
            if repetition.is_over and not repetition.in_line and not repetition.bytes_left:
                self._in_line = self._half is not None
                self._repetition = None
                return data
        return b""

    def _stamp_of(self, data: bytes) -> bytes | None:
        """The stamp that a line begins with; b"" where there is none; None: it is cut off."""
        stamp, space, _ = data[:_STAMP_MAX].partition(b" ")
        if not space and b"\n" not in data[:_STAMP_MAX] and len(data) < _STAMP_MAX:
            self._carry = data
            return None
        if space and _STAMP_ALONE.fullmatch(stamp):
            return stamp
        self.has_foreign = True
        return b""

    def _feed_new(self, data: bytes) -> bytes:
        out = b""
        if self._in_line:
            end = data.find(b"\n") + 1
            if not end:
                self._half = None if self._half is None else self._half + len(data)
                return data
            out, data = data[:end], data[end:]
            self._in_line, self._half = False, None
        end = data.rfind(b"\n") + 1
        block, rest = data[:end], data[end:]
        if block:
            self._note_block(block)
            out += _STAMPS.sub(b"", block)
        return out + self._begin_line(rest) if rest else out

    def _begin_line(self, rest: bytes) -> bytes:
        """The part of an unfinished line behind its time stamp, as far as it has come."""
        stamp = self._stamp_of(rest)
        if stamp is None:
            return b""
        self._in_line = True
        if not stamp:
            return rest
        self._note_stamps([stamp])
        content = rest[len(stamp) + 1 :]
        self._half = len(content)
        return content

    def _note_block(self, block: bytes) -> None:
        """Remembers the lines of a block of whole lines."""
        stamps = _STAMPS.findall(block)
        self.has_foreign |= len(stamps) != block.count(b"\n")
        self._note_stamps(stamps)

    def _note_stamps(self, stamps: list[bytes]) -> None:
        if not stamps:
            return
        if not self._first_stamp:
            self._first_stamp = stamps[0]
        self._look_for_jumps(stamps)
        self._recent.extend(stamps)

    def _look_for_jumps(self, stamps: list[bytes]) -> None:
        """Notes a file left out: a jump in time behind a line that itself came late."""
        before = self._recent[-1] if self._recent else stamps[0]
        if self._newest_lag >= _ROTATION and self._is_far(before, stamps[0]):
            self._has_gap = True
        self._newest_lag = self._now - _order(stamps[-1])[0]
        is_late = self._now - _order(stamps[0])[0] >= _ROTATION
        if is_late and self._is_far(stamps[0], stamps[-1]):
            self._has_gap |= any(map(self._is_far, stamps, stamps[1:]))

    @staticmethod
    def _is_far(stamp: bytes, next_stamp: bytes) -> bool:
        """Whether a whole file may lie between two lines."""
        return _order(next_stamp)[0] - _order(stamp)[0] >= _ROTATION


def _order(stamp: bytes) -> tuple[datetime, bytes]:
    """A stamp's whole second and its nanoseconds: stamps carry the offset of the node's own clock,
    and may drop the trailing zeros of the fraction, so that as text they do not sort."""
    zone_at = len(stamp) - (1 if stamp.endswith(b"Z") else 6)
    whole, _, fraction = stamp[:zone_at].partition(b".")
    second = datetime.fromisoformat((whole + stamp[zone_at:]).decode())
    return second.astimezone(UTC), fraction.ljust(9, b"0")
