"""What the operator knows of the cluster: the newest version of each object it has seen.

Filled by watch events, by answers to the operator's own writes, and by the periodic listing. An
older version never replaces a newer one, nor brings back what is gone, so the three may come in any
order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from chronos_crds.naming import attempt_name
from chronos_operator.decide.values import (
    CalendarView,
    ExecutionView,
    JobView,
    KubeJobView,
    PodView,
)

Name = tuple[str, str]
"""Namespace and name."""


V = TypeVar("V")


class Shelf(Generic[V]):
    """The objects of one kind by namespace and name, and by one parent's name."""

    def __init__(self) -> None:
        self._items: dict[Name, tuple[int, V]] = {}
        self._by_parent: dict[Name, set[Name]] = defaultdict(set)
        self._parent_of: dict[Name, Name] = {}
        # The last versions of what is gone; of this round of listing and of the one before.
        self._gone: tuple[dict[Name, int], dict[Name, int]] = ({}, {})

    def get(self, name: Name) -> V | None:
        """The object of that name."""
        item = self._items.get(name)
        return item[1] if item is not None else None

    def children(self, parent: Name) -> list[V]:
        """The objects with that parent."""
        names = self._by_parent.get(parent)
        return [self._items[name][1] for name in names] if names else []

    def values(self) -> Iterator[V]:
        """All objects; not to be kept over an await."""
        return (value for _, value in self._items.values())

    def names(self) -> set[Name]:
        """All names, as they are now."""
        return set(self._items)

    def put(self, name: Name, version: int, value: V, parent: Name | None = None) -> bool:
        """Keeps the object unless as new a version is known; whether it was kept."""
        if version > 0 and version <= self._newest(name):
            return False
        self._take_out(name)
        self._items[name] = (version, value)
        if parent is not None:
            self._by_parent[parent].add(name)
            self._parent_of[name] = parent
        return True

    def drop(self, name: Name) -> V | None:
        """The object is gone; what it was. Late news of it do not bring it back."""
        item = self._take_out(name)
        if item is None:
            return None
        self._gone[0][name] = item[0]
        return item[1]

    def begin_round(self) -> None:
        """A listing begins: news from before the last one are not under way any more."""
        self._gone = ({}, self._gone[0])

    def _newest(self, name: Name) -> int:
        item = self._items.get(name)
        return max(item[0] if item else 0, *(gone.get(name, 0) for gone in self._gone))

    def _take_out(self, name: Name) -> tuple[int, V] | None:
        item = self._items.pop(name, None)
        parent = self._parent_of.pop(name, None)
        if parent is not None:
            self._by_parent[parent].discard(name)
            if not self._by_parent[parent]:
                del self._by_parent[parent]
        return item


class Observed:
    """All kinds; ``unreadable`` are executions that somebody wrote and nobody can read."""

    def __init__(self) -> None:
        self.jobs: Shelf[JobView] = Shelf()
        self.executions: Shelf[ExecutionView] = Shelf()
        self.kube_jobs: Shelf[KubeJobView] = Shelf()
        self.pods: Shelf[PodView] = Shelf()
        self.calendars: Shelf[CalendarView] = Shelf()
        self.unreadable: set[Name] = set()

    def begin_round(self) -> None:
        """A listing of all kinds begins."""
        for shelf in (self.jobs, self.executions, self.kube_jobs, self.pods, self.calendars):
            shelf.begin_round()

    def put_job(self, job: JobView) -> bool:
        """Keeps a ChronosJob."""
        meta = job.meta
        return self.jobs.put((meta.namespace, meta.name), _version(meta.resource_version), job)

    def put_calendar(self, calendar: CalendarView) -> bool:
        """Keeps a ChronosCalendar."""
        meta = calendar.meta
        version = _version(meta.resource_version)
        return self.calendars.put((meta.namespace, meta.name), version, calendar)

    def put_execution(self, execution: ExecutionView) -> bool:
        """Keeps an execution, a child of its job."""
        meta = execution.meta
        return self.executions.put(
            (meta.namespace, meta.name),
            _version(meta.resource_version),
            execution,
            (meta.namespace, execution.spec.job_ref.name),
        )

    def put_kube_job(self, kube_job: KubeJobView) -> bool:
        """Keeps a kube job, a child of its execution."""
        return self.kube_jobs.put(
            (kube_job.namespace, kube_job.name),
            kube_job.resource_version,
            kube_job,
            (kube_job.namespace, kube_job.execution),
        )

    def put_pod(self, pod: PodView) -> bool:
        """Keeps a pod, a child of its kube job."""
        return self.pods.put(
            (pod.namespace, pod.name), pod.resource_version, pod, (pod.namespace, pod.kube_job)
        )

    def executions_of(self, job: JobView) -> list[ExecutionView]:
        """The executions of this very job, not of an earlier one of the same name."""
        children = self.executions.children((job.meta.namespace, job.meta.name))
        return [known for known in children if known.job_uid == job.meta.uid]

    def unadopted_of(self, job: JobView) -> list[ExecutionView]:
        """The executions that name the job, and of which Chronos has not filled in whose they
        are."""
        children = self.executions.children((job.meta.namespace, job.meta.name))
        return [known for known in children if not known.job_uid]

    def has_first_attempt(self, namespace: str, job_uid: str) -> Callable[[str], bool]:
        """Tells of an execution's name whether its first kube job is there, and is that job's."""

        def tell(name: str) -> bool:
            kube_job = self.kube_jobs.get((namespace, attempt_name(name, 1)))
            return kube_job is not None and kube_job.job_uid == job_uid

        return tell

    def has_living_pod(self, execution: ExecutionView) -> bool:
        """Whether a pod of one of its attempts still runs, whatever became of the kube job."""
        return any(
            not pod.is_ended and not pod.is_gone
            for attempt in execution.status.attempts
            for pod in self.pods.children((execution.meta.namespace, attempt.name))
        )

    def attempts_of(self, namespace: str, execution: str) -> list[KubeJobView]:
        """The kube jobs of an execution, oldest attempt first."""
        return sorted(
            self.kube_jobs.children((namespace, execution)), key=lambda known: known.number
        )

    def pod_of(self, kube_job: KubeJobView) -> PodView | None:
        """The pod of an attempt: the newest, should there ever be several."""
        pods = self.pods.children((kube_job.namespace, kube_job.name))
        return max(pods, key=lambda pod: pod.resource_version, default=None)


def _version(text: str) -> int:
    return int(text) if text.isdigit() else 0
