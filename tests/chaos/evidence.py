"""What the cluster and the ledger say, read once and kept as plain values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaos.ticks import read_time

Json = dict[str, Any]

LABEL_JOB = "chronos.dev/job"
LABEL_EXECUTION = "chronos.dev/execution"
LABEL_KUBE_JOB = "batch.kubernetes.io/job-name"
FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Pod:
    """A pod, and when its command ran: in whole seconds, and by its node's uptime if it told."""

    name: str
    uid: str
    kube_job: str
    node: str
    started_at: datetime | None
    ended_at: datetime | None
    uptime: tuple[float, float] | None


@dataclass(frozen=True)
class KubeJob:
    """A kube job: an attempt."""

    name: str
    uid: str
    job: str
    execution: str
    created_at: datetime
    scheduled_at: datetime
    started_at: datetime


@dataclass(frozen=True)
class Execution:
    """A ChronosExecution."""

    name: str
    job: str
    trigger: str
    state: str
    scheduled_at: datetime
    attempts: tuple[Json, ...]

    @property
    def is_scheduled(self) -> bool:
        return self.trigger in ("Schedule", "Immediate")

    @property
    def starts_at(self) -> datetime | None:
        """The start of its first attempt."""
        started = [it["startTime"] for it in self.attempts if "startTime" in it]
        return read_time(started[0]) if started else None

    @property
    def ends_at(self) -> datetime:
        """The end of its last attempt; the far future while that runs."""
        ended = self.attempts[-1].get("completionTime") if self.attempts else None
        return read_time(ended) if ended else FAR_FUTURE


@dataclass(frozen=True)
class Job:
    """A ChronosJob with its ledger."""

    name: str
    spec: Json
    status: Json
    created_at: datetime
    lines: tuple[Json, ...]
    unknown: tuple[Json, ...]
    warnings: tuple[str, ...]

    @property
    def cursor(self) -> datetime:
        """Up to here it says that each second is accounted for."""
        return read_time(self.status["cursorTime"])

    @property
    def policy(self) -> str:
        policy: str = self.spec.get("concurrency", {}).get("policy", "Allow")
        return policy

    @property
    def limit(self) -> int:
        limit: int = self.spec.get("concurrency", {}).get("limit", 1)
        return limit


@dataclass(frozen=True)
class Evidence:
    """All of a namespace; ``births`` are the (kind, name, UID) of kube jobs and pods ever seen."""

    jobs: tuple[Job, ...]
    executions: dict[str, Execution]
    kube_jobs: dict[str, KubeJob]
    pods: tuple[Pod, ...]
    calendars: dict[str, Json]
    births: frozenset[tuple[str, str, str]] = frozenset()
    pods_of: dict[str, list[Pod]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grouped: dict[str, list[Pod]] = defaultdict(list)
        for pod in self.pods:
            grouped[pod.kube_job].append(pod)
        object.__setattr__(self, "pods_of", grouped)

    def executions_of(self, job: str) -> list[Execution]:
        """The executions of a job, by their scheduled time."""
        found = [it for it in self.executions.values() if it.job == job]
        return sorted(found, key=lambda it: it.scheduled_at)

    def kube_jobs_of(self, execution: str) -> list[KubeJob]:
        """The attempts of an execution."""
        return [it for it in self.kube_jobs.values() if it.execution == execution]


def read_evidence(
    objects: dict[str, list[Json]],
    ledgers: dict[str, Json],
    births: frozenset[tuple[str, str, str]],
) -> Evidence:
    """From lists of objects by kind (as ``kubectl get -o json`` has them) and ledgers by job."""
    warnings: dict[str, list[str]] = defaultdict(list)
    for event in objects["Event"]:
        if event["type"] == "Warning":
            warnings[event["involvedObject"]["name"]].append(event["reason"])
    return Evidence(
        jobs=tuple(
            _read_job(it, ledgers[it["metadata"]["name"]], warnings[it["metadata"]["name"]])
            for it in objects["ChronosJob"]
        ),
        executions={it.name: it for it in map(_read_execution, objects["ChronosExecution"])},
        kube_jobs={it.name: it for it in map(_read_kube_job, objects["Job"])},
        pods=tuple(map(_read_pod, objects["Pod"])),
        calendars={it["metadata"]["name"]: it for it in objects["ChronosCalendar"]},
        births=births | frozenset(_list_births(objects)),
    )


def _list_births(objects: dict[str, list[Json]]) -> Iterator[tuple[str, str, str]]:
    for kind in ("Job", "Pod"):
        for it in objects[kind]:
            yield kind, it["metadata"]["name"], it["metadata"]["uid"]


def _read_job(body: Json, ledger: Json, warnings: list[str]) -> Job:
    return Job(
        name=body["metadata"]["name"],
        spec=body["spec"],
        status=body.get("status", {}),
        created_at=read_time(body["metadata"]["creationTimestamp"]),
        lines=tuple(ledger["lines"]),
        unknown=tuple(ledger["unknown"]),
        warnings=tuple(warnings),
    )


def _read_execution(body: Json) -> Execution:
    spec, status = body["spec"], body.get("status", {})
    created = body["metadata"]["creationTimestamp"]
    return Execution(
        name=body["metadata"]["name"],
        job=spec["jobRef"]["name"],
        trigger=spec["trigger"],
        state=status.get("state", ""),
        scheduled_at=read_time(spec.get("scheduledTime") or created),
        attempts=tuple(status.get("attempts", ())),
    )


def _read_kube_job(body: Json) -> KubeJob:
    meta = body["metadata"]
    return KubeJob(
        name=meta["name"],
        uid=meta["uid"],
        job=meta["labels"][LABEL_JOB],
        execution=meta["labels"][LABEL_EXECUTION],
        created_at=read_time(meta["creationTimestamp"]),
        scheduled_at=read_time(meta["annotations"]["chronos.dev/scheduled-time"]),
        started_at=read_time(meta["annotations"]["chronos.dev/start-time"]),
    )


def _read_pod(body: Json) -> Pod:
    states = [it["state"] for it in body["status"].get("containerStatuses", ())]
    ended: Json = next((it["terminated"] for it in states if "terminated" in it), {})
    running: Json = next((it["running"] for it in states if "running" in it), {})
    begun = ended.get("startedAt") or running.get("startedAt")
    return Pod(
        name=body["metadata"]["name"],
        uid=body["metadata"]["uid"],
        kube_job=body["metadata"]["labels"].get(LABEL_KUBE_JOB, ""),
        node=body["spec"].get("nodeName", ""),
        started_at=read_time(begun) if begun else None,
        ended_at=read_time(ended["finishedAt"]) if ended.get("finishedAt") else None,
        uptime=_read_uptime(ended.get("message", "")),
    )


def _read_uptime(message: str) -> tuple[float, float] | None:
    words = message.split()
    return (float(words[0]), float(words[1])) if len(words) == 2 else None
