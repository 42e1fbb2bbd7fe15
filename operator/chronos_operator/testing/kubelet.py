"""A node and the kube job controller in one: makes a pod of each kube job and lets it run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chronos_clients.errors import ClientError, NotFound
from chronos_clients.resources import KUBE_JOBS, PODS, Object, Resource
from chronos_crds.meta import format_time
from chronos_crds.naming import MAIN_CONTAINER
from chronos_operator.clock import Clock
from chronos_operator.testing.cluster import Change, WatchedKubernetes


@dataclass(frozen=True)
class Command:
    """What a command does: prints each piece after a pause of so many seconds, then ends."""

    pieces: tuple[tuple[float, bytes], ...] = ((0.3, b"hello\n"),)
    exit_code: int = 0
    # From the kube job's creation until the command runs; a real one takes a second.
    pending_seconds: float = 0.5
    # Whether any node has room for it.
    is_schedulable: bool = True

    @property
    def output(self) -> bytes:
        """All that it prints."""
        return b"".join(piece for _, piece in self.pieces)


@dataclass
class Span:
    """How long the pod of a kube job was there: from its creation until nothing of it ran."""

    kube_job: str
    begun_at: datetime
    ended_at: datetime | None = None


Script = Callable[[str], Command]
"""What the command of the kube job of that name does."""


class Kubelet:
    """Runs pods until it is closed; ``runs`` are the kube jobs whose commands were begun, ``spans``
    the times of their pods."""

    def __init__(self, cluster: WatchedKubernetes, clock: Clock, script: Script) -> None:
        self._cluster = cluster
        self._clock = clock
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._finished: set[str] = set()
        self._stop = cluster.watch(self._see)
        self.runs: list[str] = []
        self.spans: dict[str, Span] = {}

    async def close(self) -> None:
        """Ends all pods where they are."""
        self._stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def fail_kube_job(self, namespace: str, name: str) -> None:
        """What the controller says of a kube job whose pod was taken away."""
        kube_job = await self._cluster.get(KUBE_JOBS, namespace, name)
        await self._finish_kube_job(kube_job, 1, "BackoffLimitExceeded")

    def _see(self, change: Change) -> None:
        if change.resource == KUBE_JOBS and change.type == "ADDED":
            task = asyncio.create_task(self._run(change.body))
            self._tasks.add(task)
            self._running[change.body["metadata"]["uid"]] = task
        elif change.resource == KUBE_JOBS and change.body["spec"].get("activeDeadlineSeconds"):
            running = self._running.pop(change.body["metadata"]["uid"], None)
            if running is not None and change.body["metadata"]["name"] not in self._finished:
                running.cancel()
                self._tasks.add(asyncio.create_task(self._terminate(change.body)))

    async def _terminate(self, kube_job: Object) -> None:
        """What happens to a kube job whose deadline has passed: its pod gets SIGTERM and goes."""
        meta = kube_job["metadata"]
        try:
            await asyncio.sleep(0.5)
            await self._end_pod(meta)
        except NotFound:
            pass  # It had none yet.
        try:
            await self._finish_kube_job(kube_job, 143, "DeadlineExceeded")
        except ClientError:
            return

    async def _end_pod(self, meta: Object) -> None:
        name = f"{meta['name']}-x7f2p"
        pod = await self._cluster.get(PODS, meta["namespace"], name)
        if meta["name"] in self.runs:
            self._cluster.log(meta["namespace"], name).end()
            ended = {"exitCode": 143, "reason": "Error", "finishedAt": self._now()}
            await self._tell_pod(pod, "Failed", {"terminated": ended})
        self._note_end(meta["name"])
        await self._cluster.delete(PODS, meta["namespace"], name)

    def _note_end(self, kube_job: str) -> None:
        span = self.spans.get(kube_job)
        if span is not None and span.ended_at is None:
            span.ended_at = self._clock.now()

    async def _run(self, kube_job: Object) -> None:
        command = self._script(kube_job["metadata"]["name"])
        try:
            pod = await self._create_pod(kube_job, command)
            if not command.is_schedulable:
                return
            await asyncio.sleep(command.pending_seconds)
            await self._run_command(pod, command)
            await asyncio.sleep(0.1)
            await self._finish_kube_job(kube_job, command.exit_code, "BackoffLimitExceeded")
        except ClientError:
            # Somebody deleted it meanwhile: its log ends with it.
            self._note_end(kube_job["metadata"]["name"])

    async def _create_pod(self, kube_job: Object, command: Command) -> Object:
        meta, template = kube_job["metadata"], kube_job["spec"]["template"]
        await asyncio.sleep(0.05)
        self.spans[meta["name"]] = Span(meta["name"], self._clock.now())
        pod = await self._cluster.create(
            PODS,
            meta["namespace"],
            {
                "metadata": {
                    "name": f"{meta['name']}-x7f2p",
                    "labels": {
                        **template["metadata"]["labels"],
                        "batch.kubernetes.io/job-name": meta["name"],
                    },
                    "ownerReferences": [
                        {
                            "apiVersion": "batch/v1",
                            "kind": "Job",
                            "name": meta["name"],
                            "uid": meta["uid"],
                            "controller": True,
                        }
                    ],
                },
                "spec": {
                    **template["spec"],
                    **({"nodeName": "node-1"} if command.is_schedulable else {}),
                },
            },
        )
        if not command.is_schedulable:
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient memory.",
            }
            await self._patch(PODS, pod, {"phase": "Pending", "conditions": [condition]})
        return pod

    async def _run_command(self, pod: Object, command: Command) -> None:
        meta = pod["metadata"]
        log, started = self._cluster.log(meta["namespace"], meta["name"]), self._now()
        self.runs.append(meta["labels"]["batch.kubernetes.io/job-name"])
        await self._tell_pod(pod, "Running", {"running": {"startedAt": started}})
        for pause, piece in command.pieces:
            await asyncio.sleep(pause)
            log.write(piece)
        log.end()
        self._note_end(meta["labels"]["batch.kubernetes.io/job-name"])
        ended = {
            "exitCode": command.exit_code,
            "reason": "Error" if command.exit_code else "Completed",
            "startedAt": started,
            "finishedAt": self._now(),
        }
        phase = "Failed" if command.exit_code else "Succeeded"
        await self._tell_pod(pod, phase, {"terminated": ended})

    async def _finish_kube_job(self, kube_job: Object, exit_code: int, reason: str) -> None:
        self._finished.add(kube_job["metadata"]["name"])
        now = self._now()
        condition: dict[str, Any] = {
            "type": "Failed" if exit_code else "Complete",
            "status": "True",
            "lastTransitionTime": now,
        }
        if exit_code:
            condition |= {"reason": reason, "message": f"the controller says {reason}"}
        status = {"conditions": [condition], **({} if exit_code else {"completionTime": now})}
        await self._patch(KUBE_JOBS, kube_job, status)

    async def _tell_pod(self, pod: Object, phase: str, state: dict[str, Any]) -> None:
        containers = [{"name": MAIN_CONTAINER, "state": state}]
        await self._patch(PODS, pod, {"phase": phase, "containerStatuses": containers})

    async def _patch(self, resource: Resource, body: Object, status: dict[str, Any]) -> None:
        meta = body["metadata"]
        await self._cluster.patch(
            resource,
            meta["namespace"],
            meta["name"],
            {"metadata": {"uid": meta["uid"]}, "status": status},
            subresource="status",
        )

    def _now(self) -> str:
        """As Kubernetes writes times: whole seconds."""
        return format_time(self._clock.now().replace(microsecond=0))
