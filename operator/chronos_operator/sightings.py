"""What to do when an object is seen or found gone: remember it, and wake whom it concerns."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from chronos_clients.resources import Object
from chronos_crds.validation import InvalidInput
from chronos_operator.decide.values import (
    JobView,
    PodView,
    mark_gone,
    read_calendar,
    read_execution,
    read_job,
    read_kube_job,
    read_pod,
)
from chronos_operator.effects.logs import LogShipper
from chronos_operator.observed import Name, Observed
from chronos_operator.records import Key
from chronos_operator.workqueue import WorkQueue

log = logging.getLogger(__name__)


@dataclass
class Sightings:
    """Takes raw objects in, from watches and listings alike."""

    observed: Observed
    queue: WorkQueue[Key]
    logs: LogShipper
    # Told of each job that is gone, as it was.
    on_departed: Callable[[JobView], None] = lambda _: None

    def saw_job(self, body: Object) -> None:
        """A ChronosJob as it is now."""
        try:
            job = read_job(body)
        except InvalidInput as error:
            name = body["metadata"]["name"]
            log.error("job is not served", extra={"job": name, "error": str(error)})
            self.lost_job((body["metadata"]["namespace"], name))
            return
        if self.observed.put_job(job):
            self._wake_job((job.meta.namespace, job.meta.name))

    def lost_job(self, name: Name) -> None:
        """A ChronosJob is gone; its children follow by the cluster's garbage collection."""
        job = self.observed.jobs.drop(name)
        if job is not None:
            self.on_departed(job)
        self._wake_job(name)

    def saw_execution(self, body: Object) -> None:
        """A ChronosExecution as it is now."""
        try:
            execution = read_execution(body)
        except InvalidInput as error:
            name = body["metadata"]["name"]
            log.warning("execution is passed over", extra={"execution": name, "error": str(error)})
            self.observed.unreadable.add((body["metadata"]["namespace"], name))
            return
        self.observed.unreadable.discard((execution.meta.namespace, execution.meta.name))
        if self.observed.put_execution(execution):
            meta = execution.meta
            self.queue.add(("execution", meta.namespace, meta.name))
            self.queue.add(("job", meta.namespace, execution.spec.job_ref.name))

    def lost_execution(self, name: Name) -> None:
        """A ChronosExecution is gone."""
        self.observed.unreadable.discard(name)
        execution = self.observed.executions.drop(name)
        self.queue.add(("execution", *name))
        if execution is not None:
            self.queue.add(("job", name[0], execution.spec.job_ref.name))

    def saw_calendar(self, body: Object) -> None:
        """A ChronosCalendar as it is now."""
        calendar = read_calendar(body)
        if self.observed.put_calendar(calendar):
            self._wake_jobs_naming((calendar.meta.namespace, calendar.meta.name))

    def lost_calendar(self, name: Name) -> None:
        """A ChronosCalendar is gone."""
        self.observed.calendars.drop(name)
        self._wake_jobs_naming(name)

    def _wake_jobs_naming(self, calendar: Name) -> None:
        for name in self.observed.jobs.names():
            job = self.observed.jobs.get(name)
            if name[0] == calendar[0] and job is not None and calendar[1] in job.calendar_names:
                self.queue.add(("job", *name))

    def saw_kube_job(self, body: Object) -> None:
        """A kube job of ours as it is now."""
        kube_job = read_kube_job(body)
        if self.observed.put_kube_job(kube_job):
            self.queue.add(("execution", kube_job.namespace, kube_job.execution))

    def lost_kube_job(self, name: Name) -> None:
        """A kube job is gone; a pod of it that runs goes when it has ended, and says so itself."""
        kube_job = self.observed.kube_jobs.drop(name)
        for pod in self.observed.pods.children(name):
            if pod.is_ended or pod.is_gone or not pod.is_started:
                self.observed.pods.drop((pod.namespace, pod.name))
                self.logs.note_gone(pod.uid)
        if kube_job is not None:
            self.queue.add(("execution", kube_job.namespace, kube_job.execution))

    def saw_pod(self, body: Object) -> None:
        """A pod of ours as it is now."""
        pod = read_pod(body)
        if self.observed.put_pod(pod):
            self.wake_for_pod(pod)

    def lost_pod(self, name: Name) -> None:
        """A pod is gone; how it ended is still asked for as long as its kube job is there."""
        pod = self.observed.pods.drop(name)
        if pod is None:
            return
        self.logs.note_gone(pod.uid)
        if self.observed.kube_jobs.get((pod.namespace, pod.kube_job)) is not None:
            self.observed.put_pod(mark_gone(pod))
        if not pod.is_gone:
            self.wake_for_pod(pod)

    def wake_for_pod(self, pod: PodView) -> None:
        """Wakes the execution that a pod belongs to, whether or not its kube job is there."""
        self.queue.add(("execution", pod.namespace, pod.execution))

    def wake_all(self) -> None:
        """Wakes everything that is not at rest, so that a lost event is made good."""
        for name in self.observed.jobs.names():
            self.queue.add(("job", *name))
        for name in self.observed.executions.names():
            execution = self.observed.executions.get(name)
            state = execution.status.state if execution is not None else None
            if state is None or not state.is_final:
                self.queue.add(("execution", *name))
        for name in self.observed.kube_jobs.names():
            kube_job = self.observed.kube_jobs.get(name)
            if kube_job is not None:
                parent = (kube_job.namespace, kube_job.execution)
                if self.observed.executions.get(parent) is None:
                    self.queue.add(("execution", *parent))

    def _wake_job(self, name: Name) -> None:
        """A job's own news concerns its executions too: they may be held, or may go on."""
        self.queue.add(("job", *name))
        for execution in self.observed.executions.children(name):
            state = execution.status.state
            if state is None or not state.is_final:
                self.queue.add(("execution", *name[:1], execution.meta.name))
