"""Thirty jobs of all kinds of schedules, policies and lengths, together about one start a second.

All end at one moment, so that queues drain and each job comes to its last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]

# When a command began and ended by its node's own clock, to a hundredth of a second, as the pod's
# termination message: the API's times of containers have whole seconds.
SCRIPT = """
tell() {{ read uptime rest < /proc/uptime; echo $uptime >> /dev/termination-log; }}
trap 'tell; exit 1' TERM
tell; {work}; code=$?; tell; exit $code
"""
KEPT = 1000
CALENDAR = "one-minute"


@dataclass(frozen=True)
class Span:
    """When the fleet runs; whole seconds, UTC."""

    begins_at: datetime
    ends_at: datetime

    def after(self, seconds: float) -> str:
        """So long after the beginning, as RFC 3339."""
        return stamp(self.begins_at + timedelta(seconds=seconds))


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def build_fleet(span: Span, *, image: str) -> list[Json]:
    """The calendar and the jobs, as manifests."""
    jobs = {**_plain(span), **_limited(), **_queued(), **_by_hand(span)}
    return [_calendar(span), *(_build(name, it, span, image) for name, it in jobs.items())]


def _build(name: str, job: Json, span: Span, image: str) -> Json:
    schedule = {**job.pop("schedule"), "endTime": stamp(span.ends_at)}
    script = SCRIPT.format(work=job.pop("work", "true"))
    container = {"image": image, "command": ["sh", "-c", script]}
    return {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": schedule,
            "workload": {"type": "container", "container": container},
            "history": {"successful": KEPT, "failed": KEPT},
            **job,
        },
    }


def _calendar(span: Span) -> Json:
    """Shut for one minute of each day, the first full one after the beginning."""
    opens = span.begins_at.replace(second=0) + timedelta(minutes=1)
    closes = opens + timedelta(minutes=1)
    days = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
    # Midnight is the end of the day before.
    window = {
        "days": days,
        "from": f"{opens:%H:%M}",
        "to": f"{closes:%H:%M}".replace("00:00", "24:00"),
    }
    return {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosCalendar",
        "metadata": {"name": CALENDAR},
        "spec": {"weekly": [window]},
    }


def _missed(policy: str, **more: Any) -> Json:
    return {"policy": policy, **more}


def _plain(span: Span) -> dict[str, Json]:
    """Jobs whose runs never stand in each other's way."""
    anchored = {"anchorTime": "2026-01-01T00:00:00Z"}
    return {
        "latest": {"schedule": {"everySeconds": 13}},
        "all": {"schedule": {"everySeconds": 17, **anchored}, "missedRuns": _missed("All")},
        "none": {"schedule": {"everySeconds": 19}, "missedRuns": _missed("None")},
        "cron-seconds": {"schedule": {"cron": ["*/20 * * * * *"]}},
        "deadline": {
            "schedule": {"cron": ["*/15 * * * * *"]},
            "missedRuns": _missed("All"),
            "startingDeadlineSeconds": 14,
        },
        "zone": {"schedule": {"cron": ["5,25,45 * * * * *"], "timeZone": "Asia/Kathmandu"}},
        "minutes": {"schedule": {"cron": ["* * * * *"], "timeZone": "America/St_Johns"}},
        "every": {"schedule": {"cron": ["@every 23s"]}, "missedRuns": _missed("All", limit=3)},
        "at": {
            "schedule": {"at": [span.after(n * n + 5) for n in range(1, 9)]},
            "missedRuns": _missed("All"),
        },
        "immediate": {"schedule": {"immediate": True, "everySeconds": 29}},
        "max-runs": {"schedule": {"everySeconds": 9, "maxRuns": 5}},
        "window": {"schedule": {"everySeconds": 11, "startTime": span.after(20)}},
        "union": {"schedule": {"cron": ["7 * * * * *", "*/30 * * * * *"], "everySeconds": 31}},
        "jitter": {"schedule": {"cron": ["*/20 * * * * *"], "jitterSeconds": 8}},
        "calendar": {"schedule": {"everySeconds": 10, "excludeCalendars": [CALENDAR]}},
        "paused": {"schedule": {"everySeconds": 12}, "pausedUntil": span.after(30)},
        "caught-up": {
            "schedule": {"everySeconds": 12},
            "pausedUntil": span.after(30),
            "onResume": "CatchUp",
            "missedRuns": _missed("All"),
        },
        "retried": {
            "schedule": {"everySeconds": 25},
            "work": 'test "$CHRONOS_ATTEMPT" -ge 2',
            "retry": {"maxAttempts": 3, "initialSeconds": 1},
        },
    }


def _limited() -> dict[str, Json]:
    """Jobs of which no more than so many may run at a time; the others are skipped."""
    forbid = {"policy": "Forbid"}
    return {
        "forbid": {"schedule": {"everySeconds": 6}, "work": "sleep 8", "concurrency": forbid},
        "forbid-two": {
            "schedule": {"cron": ["*/7 * * * * *"]},
            "work": "sleep 12",
            "concurrency": {**forbid, "limit": 2},
        },
        "forbid-all": {
            "schedule": {"everySeconds": 14},
            "work": "sleep 3",
            "missedRuns": _missed("All"),
            "concurrency": forbid,
        },
        "forbid-none": {
            "schedule": {"cron": ["*/12 * * * * *"]},
            "work": "sleep 15",
            "missedRuns": _missed("None"),
            "concurrency": forbid,
        },
        "forbid-retried": {
            "schedule": {"everySeconds": 10},
            "work": "sleep 2; false",
            "retry": {"maxAttempts": 2, "initialSeconds": 2},
            "concurrency": forbid,
        },
    }


def _queued() -> dict[str, Json]:
    """Jobs whose runs wait for each other, or end each other."""
    queue = {"policy": "Queue"}
    return {
        "queue": {
            "schedule": {"everySeconds": 14},
            "work": "sleep 6",
            "missedRuns": _missed("All"),
            "concurrency": queue,
        },
        "queue-two": {
            "schedule": {"everySeconds": 9},
            "work": "sleep 14",
            "concurrency": {**queue, "limit": 2},
        },
        "queue-full": {
            "schedule": {"everySeconds": 8},
            "work": "sleep 11",
            "concurrency": {**queue, "queueLimit": 2},
        },
        "replace": {
            "schedule": {"everySeconds": 21},
            "work": "sleep 45 & wait",
            "concurrency": {"policy": "Replace"},
        },
        "replace-short": {
            "schedule": {"everySeconds": 16},
            "work": "sleep 5",
            "concurrency": {"policy": "Replace"},
        },
    }


def _by_hand(span: Span) -> dict[str, Json]:
    """Jobs that are mostly triggered by hand."""
    once = {"at": [stamp(span.ends_at)]}
    return {
        "by-hand": {"schedule": once, "work": "sleep 1"},
        "by-hand-forbid": {
            "schedule": once,
            "work": "sleep 9",
            "concurrency": {"policy": "Forbid"},
        },
    }


TRIGGERED = ("by-hand", "by-hand-forbid")
# Its seconds are the same before its creation, and some of them are run, too.
BACKFILLED = "all"
BACKFILLED_SECONDS = 100
