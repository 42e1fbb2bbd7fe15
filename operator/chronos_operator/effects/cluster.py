"""What the operator writes to the cluster. Each verb may be repeated; a repeat changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chronos_clients.errors import AlreadyExists, NotFound
from chronos_clients.kubernetes import Kubernetes, list_all
from chronos_clients.resources import EXECUTIONS, JOBS, KUBE_JOBS, PODS, Object, Resource
from chronos_crds.execution import ExecutionStatus
from chronos_crds.job import ChronosJobStatus
from chronos_crds.meta import Model
from chronos_crds.naming import LABEL_JOB_UID, LABEL_KUBE_JOB
from chronos_operator.decide.values import ExecutionView, JobView, KubeJobView
from chronos_operator.errors import NameTaken


class Cluster:
    """The operator's hands in the cluster."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    async def create_kube_job(self, manifest: Object) -> Object:
        """The attempt's kube job, created now or found; raises NameTaken where it is not ours."""
        return await self._create(KUBE_JOBS, manifest)

    async def create_execution(self, manifest: Object) -> Object:
        """The execution, created now or found; raises NameTaken where it is not this job's."""
        return await self._create(EXECUTIONS, manifest)

    async def find_job(self, namespace: str, name: str) -> Object | None:
        """The ChronosJob of that name as the API server has it now."""
        return await self._find(JOBS, namespace, name)

    async def find_kube_job(self, namespace: str, name: str) -> Object | None:
        """The kube job of that name as the API server has it now."""
        return await self._find(KUBE_JOBS, namespace, name)

    async def find_execution(self, namespace: str, name: str) -> Object | None:
        """The execution of that name as the API server has it now."""
        return await self._find(EXECUTIONS, namespace, name)

    async def find_pods(self, kube_job: KubeJobView) -> list[Object]:
        """The pods of a kube job as the API server has them now."""
        labels = {LABEL_KUBE_JOB: kube_job.name}
        return await list_all(self._kubernetes, PODS, kube_job.namespace, labels=labels)

    async def adopt_execution(self, execution: ExecutionView, patch: Object) -> Object:
        """Fills in what an execution's author left out; raises Conflict where it has changed."""
        meta = execution.meta
        lock = {"resourceVersion": meta.resource_version, "uid": meta.uid}
        body = {**patch, "metadata": {**patch["metadata"], **lock}}
        return await self._kubernetes.patch(EXECUTIONS, meta.namespace, meta.name, body)

    async def cancel_kube_job(self, kube_job: KubeJobView, patch: Object) -> Object | None:
        """Has a kube job end before its time; None where it is gone."""
        body = {**patch, "metadata": {**patch["metadata"], "uid": kube_job.uid}}
        try:
            return await self._kubernetes.patch(KUBE_JOBS, kube_job.namespace, kube_job.name, body)
        except NotFound:
            return None

    async def patch_job_status(self, job: JobView, status: ChronosJobStatus) -> Object:
        """Writes a job's status; raises Conflict where the job has changed meanwhile."""
        return await self._kubernetes.patch(
            JOBS,
            job.meta.namespace,
            job.meta.name,
            {
                # Counters move with the cursor: neither may be written over a newer one.
                "metadata": {"resourceVersion": job.meta.resource_version, "uid": job.meta.uid},
                "status": _difference(job.status, status),
            },
            subresource="status",
        )

    async def patch_execution_status(
        self, execution: ExecutionView, status: ExecutionStatus
    ) -> Object:
        """Writes an execution's status; raises Conflict where it has changed meanwhile."""
        meta = execution.meta
        return await self._kubernetes.patch(
            EXECUTIONS,
            meta.namespace,
            meta.name,
            {
                "metadata": {"resourceVersion": meta.resource_version, "uid": meta.uid},
                "status": _difference(execution.status, status),
            },
            subresource="status",
        )

    async def delete_kube_job(self, kube_job: KubeJobView) -> None:
        """Deletes a kube job and its pods."""
        try:
            await self._kubernetes.delete(
                KUBE_JOBS, kube_job.namespace, kube_job.name, uid=kube_job.uid
            )
        except NotFound:
            return

    async def delete_execution(self, execution: ExecutionView) -> None:
        """Deletes the record of an execution."""
        meta = execution.meta
        try:
            await self._kubernetes.delete(EXECUTIONS, meta.namespace, meta.name, uid=meta.uid)
        except NotFound:
            return

    async def _find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        try:
            return await self._kubernetes.get(resource, namespace, name)
        except NotFound:
            return None

    async def _create(self, resource: Resource, manifest: Object) -> Object:
        meta = manifest["metadata"]
        try:
            return await self._kubernetes.create(resource, meta["namespace"], manifest)
        except AlreadyExists:
            found = await self._kubernetes.get(resource, meta["namespace"], meta["name"])
        if _owner_uid(found) != _owner_uid(manifest):
            raise NameTaken(
                f"{resource.kind} {meta['name']} exists and belongs to something else; "
                "delete it, or give the job another name"
            )
        return found


def _owner_uid(body: Object) -> str:
    labels: Mapping[str, str] = body["metadata"].get("labels") or {}
    return labels.get(LABEL_JOB_UID, "")


def _difference(before: Model, after: Model) -> dict[str, Any]:
    """A merge patch from one status to the other."""
    return _merge_patch(before.to_manifest(), after.to_manifest())


def _merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What turns one into the other by RFC 7386: objects are merged, so that what is gone from
    inside one has to be named too."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        known = old.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            inner = _merge_patch(known, value)
            patch |= {name: inner} if inner else {}
        elif name not in old or known != value:
            patch[name] = value
    return patch
