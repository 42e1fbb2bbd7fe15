"""Jobs and executions in the cluster, as values the API speaks of. It keeps nothing of its own."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from chronos_api.errors import ApiProblem, invalid, not_found
from chronos_api.schemas import Json
from chronos_clients.errors import Conflict, NotFound
from chronos_clients.kubernetes import Kubernetes, list_all
from chronos_clients.resources import EXECUTIONS, JOBS, Object
from chronos_crds import API_VERSION
from chronos_crds.execution import ExecutionState
from chronos_crds.job import ChronosJobSpec
from chronos_crds.naming import LABEL_JOB
from chronos_crds.validation import Problem as FieldProblem

WRITE_TRIES = 5


@dataclass(frozen=True)
class StoredJob:
    """A job, as schemas.Job, and the version it was read at."""

    document: Json
    version: str


class Store:
    """Reads and writes, each for one tenant."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    async def create_job(self, tenant: str, name: str, spec: ChronosJobSpec) -> StoredJob:
        """Stores a new job; raises AlreadyExists."""
        body = _build_job(tenant, name, spec)
        return read_job(await self._kubernetes.create(JOBS, tenant, body))

    async def get_job(self, tenant: str, name: str) -> StoredJob:
        """One job; raises ApiProblem 404."""
        try:
            return read_job(await self._kubernetes.get(JOBS, tenant, name))
        except NotFound as error:
            raise not_found(f"job {name!r} in tenant {tenant!r}") from error

    async def replace_job(
        self, tenant: str, name: str, spec: ChronosJobSpec, *, version: str | None
    ) -> StoredJob:
        """Stores a changed spec, over that version only where one is given."""
        for tries_left in reversed(range(WRITE_TRIES)):
            try:
                current = await self._kubernetes.get(JOBS, tenant, name)
            except NotFound as error:
                raise not_found(f"job {name!r} in tenant {tenant!r}") from error
            if version is not None and current["metadata"]["resourceVersion"] != version:
                raise precondition_failed()
            body = {**current, "spec": spec.to_manifest()}
            try:
                return read_job(await self._kubernetes.replace(JOBS, tenant, name, body))
            except Conflict:
                # Mostly the operator's status: the spec has not changed, so write it again.
                if not tries_left:
                    raise
        raise AssertionError("unreachable")

    async def delete_job(self, tenant: str, name: str, *, version: str | None) -> None:
        """Deletes a job with all it has; raises ApiProblem 404."""
        if version is not None and (await self.get_job(tenant, name)).version != version:
            raise precondition_failed()
        try:
            await self._kubernetes.delete(JOBS, tenant, name)
        except NotFound as error:
            raise not_found(f"job {name!r} in tenant {tenant!r}") from error

    async def list_jobs(self, tenant: str, *, limit: int, token: str) -> Json:
        """A page of jobs in name order."""
        page = await self._kubernetes.list(JOBS, tenant, limit=limit, next=token)
        return build_page([read_job(it).document for it in page.items], page.next)

    async def list_executions(self, tenant: str, job: str, *, limit: int, token: str) -> Json:
        """A page of a job's executions, newest first; raises ApiProblem 404 without the job."""
        uid = (await self.get_job(tenant, job)).document["uid"]
        bodies = await list_all(self._kubernetes, EXECUTIONS, tenant, labels={LABEL_JOB: job})
        executions = sorted(
            (read_execution(it) for it in bodies if it["spec"]["jobRef"]["uid"] == uid),
            key=_position,
            reverse=True,
        )
        if token:
            after = _read_token(token)
            executions = [it for it in executions if _position(it) < after]
        page = executions[:limit]
        rest = len(executions) > limit
        return build_page(page, _write_token(page[-1]) if rest else "")

    async def get_execution(self, tenant: str, id: str) -> Json:
        """One execution; raises ApiProblem 404."""
        try:
            return read_execution(await self._kubernetes.get(EXECUTIONS, tenant, id))
        except NotFound as error:
            raise not_found(f"execution {id!r} in tenant {tenant!r}") from error


def build_page(items: list[Json], token: str) -> Json:
    """A page as JSON: its items, and the token for the rest where there is one."""
    return {"items": items, "continue": token} if token else {"items": items}


def precondition_failed() -> ApiProblem:
    """412: If-Match names another version."""
    return ApiProblem(
        412,
        "precondition_failed",
        "Changed meanwhile",
        "the job is not at the version that If-Match names",
        remedy="read it again and repeat the change with its new ETag",
    )


def _build_job(tenant: str, name: str, spec: ChronosJobSpec) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": JOBS.kind,
        "metadata": {"name": name, "namespace": tenant},
        "spec": spec.to_manifest(),
    }


def read_job(body: Object) -> StoredJob:
    """A job from its resource; shown as it is stored, also where it passed no check of ours."""
    meta = body["metadata"]
    document = {
        "name": meta["name"],
        "tenant": meta["namespace"],
        "uid": meta["uid"],
        "createdTime": meta["creationTimestamp"],
        **body.get("spec", {}),
        "status": body.get("status", {}),
    }
    return StoredJob(document, meta["resourceVersion"])


def read_execution(body: Object) -> Json:
    """An execution from its resource, as schemas.Execution."""
    meta, spec, status = body["metadata"], body["spec"], body.get("status", {})
    kept = ("reason", "message", "nextAttemptTime", "completionTime")
    return {
        "id": meta["name"],
        "job": spec["jobRef"]["name"],
        "tenant": meta["namespace"],
        "trigger": spec["trigger"],
        "scheduledTime": spec["scheduledTime"],
        "state": status.get("state", ExecutionState.PENDING.value),
        "attempts": status.get("attempts", []),
        **{name: status[name] for name in kept if name in status},
    }


def _position(execution: Json) -> tuple[str, str]:
    """Where an execution stands in the order of a job's; times are all written alike, in UTC."""
    return execution["scheduledTime"], execution["id"]


def _write_token(execution: Json) -> str:
    return base64.urlsafe_b64encode("\n".join(_position(execution)).encode()).decode()


def _read_token(token: str) -> tuple[str, str]:
    try:
        time, _, id = base64.urlsafe_b64decode(token.encode()).decode().partition("\n")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise invalid(
            [FieldProblem("continue", "is not a token of this list", "list again from the start")]
        ) from error
    return time, id
