"""Intervals: every so many seconds, counted from an anchor, without drift."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chronos_crds.field import CronError

MACRO = "@every"
# As everySeconds: 366 days.
LONGEST = 31_622_400

_UNITS = {"h": 3600, "m": 60, "s": 1}
_EXAMPLE = "write it like @every 90s, @every 1h30m or @every 24h"


@dataclass(frozen=True)
class Interval:
    """Once in so many seconds."""

    seconds: int


def is_interval(text: str) -> bool:
    """Whether it begins with @every."""
    return text.strip().lower().startswith(MACRO)


def parse_interval(text: str) -> Interval:
    """``@every`` and a duration as Go writes them: hours, minutes and whole seconds.

    Raises CronError with the position of the mistake.
    """
    start = text.index("@") + len(MACRO)
    found = re.fullmatch(r"\s+(\S+)\s*", text[start:])
    if found is None:
        raise CronError("@every without one duration", position=start, remedy=_EXAMPLE)
    seconds = _read_duration(found[1], start + found.start(1))
    if not 1 <= seconds <= LONGEST:
        raise CronError(
            f"the duration {found[1][:32]!r} is out of bounds",
            position=start + found.start(1),
            remedy="give one second to 366 days (8784h)",
        )
    return Interval(seconds)


def _read_duration(text: str, position: int) -> int:
    seconds, at, units = 0, 0, "hms"
    while at < len(text):
        found = re.compile(r"([0-9]{1,10})([hms])").match(text, at)
        if found is None or found[2] not in units:
            raise CronError(
                f"{text[at : at + 16]!r} is no duration", position=position + at, remedy=_EXAMPLE
            )
        seconds += int(found[1]) * _UNITS[found[2]]
        # Each unit once, the longer before the shorter.
        units, at = units[units.index(found[2]) + 1 :], found.end()
    return seconds
