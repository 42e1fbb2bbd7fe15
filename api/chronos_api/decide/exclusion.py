"""Which calendar excludes a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from chronos_crds.calendar import ChronosCalendarSpec, is_excluded
from chronos_crds.zones import load_zone


@dataclass(frozen=True)
class NamedCalendar:
    """A calendar that a schedule names, and its zone."""

    name: str
    spec: ChronosCalendarSpec
    zone: ZoneInfo


def build_named(name: str, spec: ChronosCalendarSpec) -> NamedCalendar:
    """The calendar under that name; raises ZoneError."""
    return NamedCalendar(name, spec, load_zone(spec.time_zone))


def find_excluding(calendars: Sequence[NamedCalendar], moment: datetime) -> str | None:
    """The name of the first calendar that the moment lies in."""
    for known in calendars:
        if is_excluded(known.spec, moment, known.zone):
            return known.name
    return None
