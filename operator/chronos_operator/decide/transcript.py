"""Reads a followed log: takes the time stamps off, drops what was read before, loses no byte.

The kubelet puts a time stamp and a space before each line when asked to. A line may be longer than
any buffer, may lack its newline at the end, and may hold any bytes.
"""

from __future__ import annotations

import re
from datetime import datetime

# RFC 3339 with nanoseconds and an offset is at most 35 characters long, and then there is a space.
_STAMP_MAX = 40
_STAMPS = re.compile(rb"(?m)^\S+ ")


class Transcript:
    """The state of reading one container's log over any number of connections.

    ``feed`` takes chunks as they come and returns the bytes that are new; ``reconnect`` says that
    the next chunk comes from a new connection which repeats what was already read.
    """

    def __init__(self) -> None:
        self.first_stamp: bytes = b""
        self.last_stamp: bytes = b""
        self._lines_at_last_stamp = 0
        self._carry = b""
        self._in_line = False
        self._line_bytes = 0
        self._skip_below: bytes = b""
        self._skip_at_stamp = 0
        self._skip_bytes = 0

    @property
    def last_read_at(self) -> datetime | None:
        """The time stamp of the newest line, to the whole second below."""
        if not self.last_stamp:
            return None
        return _moment(self.last_stamp)

    @property
    def first_read_at(self) -> datetime | None:
        """The time stamp of the oldest line, to the whole second below."""
        return _moment(self.first_stamp) if self.first_stamp else None

    def feed(self, chunk: bytes) -> bytes:
        """The new content in the chunk."""
        if self._skip_below:
            return self._feed_repeated(chunk)
        return self._feed_new(chunk)

    def reconnect(self) -> None:
        """Prepares for a connection that begins at or before the newest line."""
        # A half line is sent again as a whole: what was already passed on of it is skipped.
        self._skip_bytes = self._line_bytes if self._in_line else 0
        self._skip_at_stamp = self._lines_at_last_stamp - (1 if self._in_line else 0)
        self._skip_below = self.last_stamp
        self._carry = b""
        self._in_line = False

    def _feed_new(self, chunk: bytes) -> bytes:
        data = self._carry + chunk
        self._carry = b""
        out = b""
        if self._in_line:
            end = data.find(b"\n") + 1
            if not end:
                self._line_bytes += len(data)
                return data
            out, data = data[:end], data[end:]
            self._in_line = False
        end = data.rfind(b"\n") + 1
        block, rest = data[:end], data[end:]
        if block:
            self._note_block(block)
            out += _STAMPS.sub(b"", block)
        return out + self._begin_line(rest)

    def _begin_line(self, rest: bytes) -> bytes:
        """The part of an unfinished line behind its time stamp, as far as it has come."""
        stamp, space, content = rest.partition(b" ")
        if not space:
            self._carry = rest
            return b""
        self._note_stamps(stamp, 1)
        self._in_line = True
        self._line_bytes = len(content)
        return content

    def _note_block(self, block: bytes) -> None:
        """Remembers the last stamp of complete lines and how many lines at the end share it."""
        start = block.rfind(b"\n", 0, len(block) - 1) + 1
        last = block[start : start + _STAMP_MAX].partition(b" ")[0]
        if not self.first_stamp:
            self.first_stamp = block[:_STAMP_MAX].partition(b" ")[0]
        count, at = 1, start
        while at > 0:
            at = block.rfind(b"\n", 0, at - 1) + 1
            if block[at : at + _STAMP_MAX].partition(b" ")[0] != last:
                break
            count += 1
        self._note_stamps(last, count)

    def _note_stamps(self, stamp: bytes, count: int) -> None:
        if not self.first_stamp:
            self.first_stamp = stamp
        if stamp == self.last_stamp:
            self._lines_at_last_stamp += count
        else:
            self.last_stamp, self._lines_at_last_stamp = stamp, count

    def _feed_repeated(self, chunk: bytes) -> bytes:
        """Drops lines up to the newest one that was read, then goes on as usual."""
        data = self._carry + chunk
        self._carry = b""
        while data:
            stamp, space, _ = data[:_STAMP_MAX].partition(b" ")
            if not space:
                self._carry = data
                return b""
            is_known = _order(stamp) < _order(self._skip_below)
            if not is_known and stamp == self._skip_below and self._skip_at_stamp > 0:
                is_known = True
            if not is_known:
                return self._resume(stamp, data)
            end = data.find(b"\n") + 1
            if not end:
                self._carry = data
                return b""
            if stamp == self._skip_below:
                self._skip_at_stamp -= 1
            data = data[end:]
        return b""

    def _resume(self, stamp: bytes, data: bytes) -> bytes:
        """The first line that is not wholly known; of a half-known one only the rest is new."""
        known = self._skip_bytes if stamp == self._skip_below else 0
        begin = len(stamp) + 1 + known
        if known and len(data) < begin:
            self._carry = data
            return b""
        self._skip_below, self._skip_bytes = b"", 0
        if not known:
            return self._feed_new(data)
        self._in_line = True
        self._line_bytes = known
        return self._feed_new(data[begin:])


def _moment(stamp: bytes) -> datetime:
    return datetime.fromisoformat(stamp.decode()).replace(microsecond=0)


def _order(stamp: bytes) -> tuple[bytes, bytes]:
    """Time stamps drop trailing zeros of the fraction, so that as text they do not sort."""
    whole, _, fraction = stamp.rstrip(b"Z").partition(b".")
    return whole, fraction.ljust(9, b"0")
