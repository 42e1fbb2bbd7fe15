"""Every name, label and annotation that Chronos gives to anything.

A child's name is computed from what it is a child of, so creating it twice is impossible: the API
server is the lock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from chronos_crds import GROUP

# 63 characters of a label, less "-" and ten digits of unix seconds, less "-" and five characters
# for the attempt number or the pod's suffix.
JOB_NAME_MAX_LENGTH = 46
JOB_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
# A ChronosCalendar may be called as any Kubernetes object may: a DNS subdomain.
CALENDAR_NAME_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
# 63 characters of a label, less "-" and three digits of an attempt.
EXECUTION_NAME_MAX_LENGTH = 59

LABEL_JOB = f"{GROUP}/job"
LABEL_JOB_UID = f"{GROUP}/job-uid"
LABEL_EXECUTION = f"{GROUP}/execution"
LABEL_ATTEMPT = f"{GROUP}/attempt"
# Kubernetes' own, on each pod of a kube job.
LABEL_KUBE_JOB = "batch.kubernetes.io/job-name"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "chronos"
ANNOTATION_SCHEDULED_TIME = f"{GROUP}/scheduled-time"
ANNOTATION_START_TIME = f"{GROUP}/start-time"
# On a kube job that Chronos has end before its time: why.
ANNOTATION_CANCELLED = f"{GROUP}/cancelled"

# The one container of a pod that runs the user's command.
MAIN_CONTAINER = "main"


def is_job_name(name: str) -> bool:
    """Whether a ChronosJob may be called so: a DNS label of at most 46 characters."""
    return len(name) <= JOB_NAME_MAX_LENGTH and re.fullmatch(JOB_NAME_PATTERN, name) is not None


def execution_name(job: str, scheduled_at: datetime) -> str:
    """``<job>-<unix seconds of the scheduled time>``."""
    return f"{job}-{int(scheduled_at.timestamp())}"


def manual_prefix(job: str) -> str:
    """What the API server adds five characters to: the name of an execution asked for by hand."""
    return f"{job}-manual-"


def is_scheduled_name(name: str) -> bool:
    """Whether an execution's name is that of a scheduled second, which no other may take."""
    return re.search(r"-[0-9]{9,12}$", name) is not None


def attempt_name(execution: str, number: int) -> str:
    """``<execution>-<attempt number>``: the kube job of that attempt."""
    return f"{execution}-{number}"


def log_key(*, prefix: str, tenant: str, job_uid: str, execution: str, attempt: int) -> str:
    """Where an attempt's log lies in the object store: ``<tenant>/<job uid>/<execution>/<n>.log``.

    The job's UID keeps the logs of a job and of a later one with the same name apart.
    """
    return f"{prefix}{tenant}/{job_uid}/{execution}/{attempt}.log"


def ledger_prefix(*, prefix: str, tenant: str, job_uid: str) -> str:
    """Below which the segments of a job's ledger lie in the object store."""
    return f"{prefix}ledger/{tenant}/{job_uid}/"


def ledger_key(*, prefix: str, tenant: str, job_uid: str, since: datetime, until: datetime) -> str:
    """Where the segment for ``(since, until]`` lies: sorted by its end, so that a listing that
    starts at a time finds the first segment that reaches it."""
    folder = ledger_prefix(prefix=prefix, tenant=tenant, job_uid=job_uid)
    return f"{folder}{_stamp(until)}-{_stamp(since)}.json"


def ledger_start_key(*, prefix: str, tenant: str, job_uid: str, after: datetime) -> str:
    """Every segment that reaches beyond ``after`` sorts behind this key."""
    folder = ledger_prefix(prefix=prefix, tenant=tenant, job_uid=job_uid)
    return f"{folder}{_stamp(after)}-~"


def backfill_prefix(*, prefix: str, tenant: str, job_uid: str) -> str:
    """Below which the lines of backfilled seconds lie, by their second: a backfill runs what the
    ledger has passed long before."""
    return f"{ledger_prefix(prefix=prefix, tenant=tenant, job_uid=job_uid)}backfilled/"


def backfill_key(*, prefix: str, tenant: str, job_uid: str, second: datetime) -> str:
    """Where the line of one backfilled second lies."""
    folder = backfill_prefix(prefix=prefix, tenant=tenant, job_uid=job_uid)
    return f"{folder}{_stamp(second)}.json"


def ledger_span(key: str) -> tuple[datetime, datetime] | None:
    """The ``(since, until]`` that a segment's key tells; None where it is no such key."""
    found = re.search(r"/([0-9]{12})-([0-9]{12})\.json$", key)
    if found is None:
        return None
    until, since = (datetime.fromtimestamp(int(part), UTC) for part in found.groups())
    return since, until


def _stamp(moment: datetime) -> str:
    return f"{int(moment.timestamp()):012d}"
