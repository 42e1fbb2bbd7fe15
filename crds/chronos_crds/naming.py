"""Every name, label and annotation that Chronos gives to anything.

A child's name is computed from what it is a child of, so creating it twice is impossible: the API
server is the lock.
"""

from __future__ import annotations

import re
from datetime import datetime

from chronos_crds import GROUP

# 63 characters of a label, less "-" and ten digits of unix seconds, less "-" and five characters
# for the attempt number or the pod's suffix.
JOB_NAME_MAX_LENGTH = 46
JOB_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

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

# The one container of a pod that runs the user's command.
MAIN_CONTAINER = "main"


def is_job_name(name: str) -> bool:
    """Whether a ChronosJob may be called so: a DNS label of at most 46 characters."""
    return len(name) <= JOB_NAME_MAX_LENGTH and re.fullmatch(JOB_NAME_PATTERN, name) is not None


def execution_name(job: str, scheduled_at: datetime) -> str:
    """``<job>-<unix seconds of the scheduled time>``."""
    return f"{job}-{int(scheduled_at.timestamp())}"


def attempt_name(execution: str, number: int) -> str:
    """``<execution>-<attempt number>``: the kube job of that attempt."""
    return f"{execution}-{number}"


def log_key(*, prefix: str, tenant: str, job_uid: str, execution: str, attempt: int) -> str:
    """Where an attempt's log lies in the object store: ``<tenant>/<job uid>/<execution>/<n>.log``.

    The job's UID keeps the logs of a job and of a later one with the same name apart.
    """
    return f"{prefix}{tenant}/{job_uid}/{execution}/{attempt}.log"
