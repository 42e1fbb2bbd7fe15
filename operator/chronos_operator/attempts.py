"""What is observed of an execution's attempts, and of their logs on the way."""

from __future__ import annotations

from dataclasses import dataclass

from chronos_crds.execution import Attempt, AttemptLog, Outcome
from chronos_crds.naming import attempt_name, log_key
from chronos_operator.clock import Clock
from chronos_operator.decide.status import Denial, Observation, log_patience_ends
from chronos_operator.decide.values import (
    ExecutionView,
    KubeJobView,
    PodView,
    mark_gone,
    read_kube_job,
    read_pod,
)
from chronos_operator.effects.cluster import Cluster
from chronos_operator.effects.logs import LogShipper, lost_log
from chronos_operator.observed import Observed


@dataclass
class Attempts:
    """Looks at attempts; asks the API server where what is observed does not tell."""

    observed: Observed
    cluster: Cluster
    logs: LogShipper
    clock: Clock
    log_prefix: str = ""

    async def observe(self, execution: ExecutionView) -> dict[int, Observation]:
        """What is known of each attempt; begins to ship the log of each pod that is seen."""
        meta = execution.meta
        kube_jobs = {
            known.number: known
            for known in self.observed.attempts_of(meta.namespace, meta.name)
            if known.job_uid == execution.job_uid
        }
        recorded = {attempt.number: attempt for attempt in execution.status.attempts}
        seen: dict[int, Observation] = {}
        for number in {*kube_jobs, *recorded}:
            kube_job = kube_jobs.get(number)
            attempt = recorded.get(number)
            pod = await self._pod_of(kube_job, attempt) if kube_job is not None else None
            key = self._log_key(execution, number)
            word = self._ship(key, attempt, pod)
            seen[number] = Observation(kube_job, pod, word, log_moved_at=self.logs.moved_at(key))
        open_number = _open_attempt(execution)
        if open_number is not None and open_number not in kube_jobs:
            seen[open_number] = await self._find_missing(execution, open_number)
        return seen

    async def _pod_of(self, kube_job: KubeJobView, attempt: Attempt | None) -> PodView | None:
        """The pod of an attempt; asked for where the kube job's end came sooner than the pod's.

        Without its pod an attempt that exited 3 would be taken for one whose pod was deleted.
        """
        pod = self.observed.pod_of(kube_job)
        is_told = pod is not None and (pod.is_ended or pod.is_gone)
        is_recorded = attempt is not None and attempt.outcome is not None
        if not kube_job.finished or is_told or is_recorded:
            return pod
        bodies = await self.cluster.find_pods(kube_job)
        for body in bodies:
            self.observed.put_pod(read_pod(body))
        if pod is not None and not bodies:
            self.observed.put_pod(mark_gone(pod))
        return self.observed.pod_of(kube_job)

    def forget(self, namespace: str, execution: str) -> None:
        """The record of that execution is gone."""
        self.logs.forget_execution(namespace, execution)

    def _log_key(self, execution: ExecutionView, number: int) -> str:
        return log_key(
            prefix=self.log_prefix,
            tenant=execution.meta.namespace,
            job_uid=execution.job_uid,
            execution=execution.meta.name,
            attempt=number,
        )

    def _ship(self, key: str, attempt: Attempt | None, pod: PodView | None) -> AttemptLog | None:
        """The word about an attempt's log, where there is one that is not recorded yet."""
        if attempt is not None and attempt.log is not None:
            self.logs.forget(key)
            return None
        if pod is not None and (pod.node or pod.is_ended or pod.is_gone):
            self.logs.ship_log(key, pod)
        if attempt is not None and pod is None and not self.logs.is_shipping(key):
            patience = log_patience_ends(attempt)
            if patience is not None and self.clock.now() >= patience:
                # What an earlier process had read of it died with that process.
                return self.logs.result(key) or lost_log(key, "its pod is gone")
        return self.logs.result(key)

    async def _find_missing(self, execution: ExecutionView, number: int) -> Observation:
        """An attempt that was begun but is not among what is observed: late news, or deleted."""
        meta, now = execution.meta, self.clock.now()
        body = await self.cluster.find_kube_job(meta.namespace, attempt_name(meta.name, number))
        if body is None:
            said = "its kube job was deleted by somebody else"
            return Observation(None, None, None, denial=Denial(said, now, Outcome.DELETED))
        kube_job = read_kube_job(body)
        if kube_job.job_uid != execution.job_uid:
            said = f"Job {kube_job.name} exists and belongs to something else"
            return Observation(None, None, None, denial=Denial(said, now))
        self.observed.put_kube_job(kube_job)
        return Observation(kube_job, self.observed.pod_of(kube_job), None)


def _open_attempt(execution: ExecutionView) -> int | None:
    """The attempt that was begun and has no outcome yet.

    A scheduled execution is recorded only after its first kube job was created, so without any
    record of an attempt the first one is open. One that was recorded first has not begun then.
    """
    attempts = execution.status.attempts
    if not attempts:
        return None if execution.spec.is_recorded_first else 1
    return attempts[-1].number if attempts[-1].outcome is None else None
