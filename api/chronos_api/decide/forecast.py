"""What jobs are going to start, by minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import islice

from chronos_api.decide.exclusion import NamedCalendar, find_excluding
from chronos_api.schemas.document import Json
from chronos_crds.job import ChronosJobSpec
from chronos_crds.meta import format_time
from chronos_crds.timetable import Timetable, build_timetable
from chronos_crds.validation import InvalidInput, parse_job_spec

# A job of each second has 604,800 in a week; what one job has beyond this is not counted.
MAX_JOB_SECONDS = 100_000
# For all jobs: some four seconds of CPU.
MAX_SECONDS = 2_000_000
MAX_CUTS = 100
TOLD_JOBS = 3
TOLD_PEAKS = 10
MINUTE = 60

_SECOND = timedelta(seconds=1)
Share = tuple[int, str, str]
"""How many a job has in a minute, its tenant, its name."""
Calendars = Mapping[str, NamedCalendar]


@dataclass
class Forecast:
    """A count that takes job after job; ``since`` is part of the period, ``until`` is not."""

    since: datetime
    until: datetime
    now: datetime
    is_spent: Callable[[], bool] = lambda: False
    total: int = 0
    jobs: int = 0
    paused: int = 0
    completed: int = 0
    invalid: int = 0
    incomplete: str = ""
    _counts: dict[int, int] = field(default_factory=dict)
    _shares: dict[int, list[Share]] = field(default_factory=dict)
    _cuts: list[Json] = field(default_factory=list)
    _left: int = field(default_factory=lambda: MAX_SECONDS)

    def add(self, stored: Json, calendars: Calendars) -> None:
        """Counts what a stored job starts; ``calendars`` are those of its tenant."""
        self.jobs += 1
        status = stored.get("status") or {}
        try:
            spec = parse_job_spec(stored.get("spec"))
            chosen = [calendars[name] for name in spec.schedule.exclude_calendars]
        except (InvalidInput, KeyError):
            self.invalid += 1
            return
        remaining = _count_remaining(spec, status)
        if status.get("state") == "Completed" or remaining == 0:
            self.completed += 1
            return
        since = self._begin(spec)
        if since is None:
            self.paused += 1
            return
        meta = stored["metadata"]
        timetable = build_timetable(
            spec.schedule,
            created_at=datetime.fromisoformat(meta["creationTimestamp"]),
            uid=meta["uid"],
        )
        resumed_at = max(self.now, spec.paused_until or self.now)
        self._count(timetable, chosen, since, resumed_at, remaining, meta)

    def _begin(self, spec: ChronosJobSpec) -> datetime | None:
        """From when on the job starts something; None where it is paused all the time."""
        if spec.suspend:
            return None
        if spec.paused_until is None:
            return self.since
        return max(self.since, spec.paused_until) if spec.paused_until < self.until else None

    def _count(
        self,
        timetable: Timetable,
        calendars: Sequence[NamedCalendar],
        since: datetime,
        resumed_at: datetime,
        remaining: int | None,
        meta: Mapping[str, str],
    ) -> None:
        # What is scheduled before the period may start in it, because jitter moves it; where the
        # runs are numbered those before it use up numbers.
        early = since - timedelta(seconds=timetable.jitter_seconds)
        if remaining is not None:
            early = min(early, resumed_at)
        early -= timedelta(microseconds=1)
        bound = min(MAX_JOB_SECONDS, self._left)
        minutes: dict[int, int] = {}
        looked_at, last = 0, since
        seconds = timetable.between(early, self.until - _SECOND)
        for second in islice(_allowed(seconds, calendars), remaining):
            if looked_at >= bound or (looked_at % 4096 == 4095 and self.is_spent()):
                self._cut(meta, last)
                break
            looked_at, last = looked_at + 1, second
            start = second
            if timetable.jitter_seconds:
                start += timetable.delay_of(second)
            if since <= start < self.until:
                minute = int(start.timestamp()) // MINUTE
                minutes[minute] = minutes.get(minute, 0) + 1
        self._left -= looked_at
        self._add_minutes(minutes, meta)

    def _cut(self, meta: Mapping[str, str], last: datetime) -> None:
        if len(self._cuts) < MAX_CUTS:
            self._cuts.append(
                {
                    "tenant": meta["namespace"],
                    "name": meta["name"],
                    "until": format_time(last),
                }
            )

    def _add_minutes(self, minutes: Mapping[int, int], meta: Mapping[str, str]) -> None:
        for minute, count in minutes.items():
            self.total += count
            self._counts[minute] = self._counts.get(minute, 0) + count
            shares = self._shares.setdefault(minute, [])
            shares.append((count, meta["namespace"], meta["name"]))
            if len(shares) > TOLD_JOBS:
                shares.sort(key=_by_size)
                shares.pop()

    def to_json(self) -> Json:
        """As it is answered."""
        fullest = nlargest(
            TOLD_PEAKS, self._counts, key=lambda minute: (self._counts[minute], -minute)
        )
        return {
            "from": format_time(self.since),
            "to": format_time(self.until),
            "total": self.total,
            "jobs": self.jobs,
            "paused": self.paused,
            "completed": self.completed,
            "invalid": self.invalid,
            "minutes": [self._tell(minute) for minute in sorted(self._counts)],
            "peaks": [self._tell(minute) for minute in fullest],
            "truncated": self._cuts,
            **({"incomplete": self.incomplete} if self.incomplete else {}),
        }

    def _tell(self, minute: int) -> Json:
        return {
            "time": format_time(datetime.fromtimestamp(minute * MINUTE, UTC)),
            "count": self._counts[minute],
            "jobs": [
                {"tenant": tenant, "name": name, "count": count}
                for count, tenant, name in sorted(self._shares[minute], key=_by_size)
            ],
        }


def _by_size(share: Share) -> tuple[int, str, str]:
    """The largest first, then in name order."""
    return (-share[0], share[1], share[2])


def _allowed(seconds: Iterator[datetime], calendars: Sequence[NamedCalendar]) -> Iterator[datetime]:
    if not calendars:
        return seconds
    return (second for second in seconds if find_excluding(calendars, second) is None)


def _count_remaining(spec: ChronosJobSpec, status: Mapping[str, object]) -> int | None:
    """How many the job may still start; None: no bound."""
    if spec.schedule.max_runs is None:
        return None
    started = status.get("started", 0)
    return max(0, spec.schedule.max_runs - (started if isinstance(started, int) else 0))
