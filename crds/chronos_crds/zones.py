"""Time zones: the names of the zone data that is shipped, and when a zone's clock is turned.

The data is that of the tzdata package and never the machine's own, so that a name means the same
on every machine; times are whole seconds since 1970 (UTC), which cost a tenth of a datetime.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from zoneinfo import ZoneInfo

# Sampling for offset changes. The closest two between 1970 and 2100 that undo each other lie 6 days
# and 23 hours apart (Gaza 2040, around Ramadan).
_STRIDE = 3 * 86400
# What is looked up, and remembered, at once.
_PART = 364 * 86400
# Further than any clock is turned at once; Apia's once skipped a whole day.
NEAR = 2 * 86400


class ZoneError(ValueError):
    """A time zone that is not in the zone data."""

    def __init__(self, name: str) -> None:
        close = difflib.get_close_matches(name[:64], sorted(_known_zones()), n=1, cutoff=0.6)
        self.remedy = f"did you mean {close[0]}?" if close else "use a name such as Europe/Berlin"
        super().__init__(f"{name!r} is not an IANA time zone")


@lru_cache(maxsize=1)
def zone_data_version() -> str:
    """The release of the zone data, such as 2026a."""
    return str(import_module("tzdata").IANA_VERSION)


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    """The names in the zone data; Factory is the one that names no place on earth."""
    text = files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(text.split()) - {"Factory"}


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name; raises ZoneError where there is none."""
    if name not in _known_zones():
        raise ZoneError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds in [start, end) through which a zone's clock is not turned.

    ``offset``: what the clock on the wall is ahead of UTC; ``before`` and ``after``: what it is in
    the stretches beside this one.
    """

    start: int
    end: int
    before: int
    offset: int
    after: int


def stretches(zone: ZoneInfo, low: int, high: int) -> Iterator[Stretch]:
    """The stretches that hold the seconds in [low, high], in order.

    What the clock was before the first of them is told where it changed less than two days earlier,
    what it will be after the last where it changes less than two days later.
    """
    start, offset = low - NEAR, _offset(low - NEAR, zone)
    before = offset
    for change, turned in _changes(zone, low - NEAR, high + NEAR):
        if change > low:
            yield Stretch(start, change, before, offset, turned)
        if change > high:
            return
        start, before, offset = change, offset, turned
    yield Stretch(start, high + NEAR, before, offset, offset)


def next_change(zone: ZoneInfo, after: int, until: int) -> tuple[int, int, int] | None:
    """The first change in (after, until] as its second, the offset before and the offset behind."""
    offset = _offset(after, zone)
    for change, turned in _changes(zone, after, until):
        return change, offset, turned
    return None


def _changes(zone: ZoneInfo, after: int, until: int) -> Iterator[tuple[int, int]]:
    """The changes in (after, until], each with the offset from then on."""
    for part in range(after // _PART, until // _PART + 1):
        for change in _changes_in(zone, part):
            if after < change[0] <= until:
                yield change


@lru_cache(maxsize=8192)
def _changes_in(zone: ZoneInfo, part: int) -> tuple[tuple[int, int], ...]:
    """The changes after the start of that part of all time, its end included."""
    found, low, end = [], part * _PART, (part + 1) * _PART
    offset = _offset(low, zone)
    while low < end:
        high = min(low + _STRIDE, end)
        if _offset(high, zone) != offset:
            high = _bisect_change(zone, low, high)
            offset = _offset(high, zone)
            found.append((high, offset))
        low = high
    return tuple(found)


def _bisect_change(zone: ZoneInfo, low: int, high: int) -> int:
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(moment: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()
    return offset // timedelta(seconds=1)
