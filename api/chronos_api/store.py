"""Jobs and executions, over the Kubernetes port."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson

from chronos_api.clock import Clock
from chronos_api.errors import (
    ApiError,
    Conflicting,
    ExecutionNotFound,
    FieldError,
    InvalidRequest,
    JobNotFound,
    NameTaken,
    PreconditionFailed,
    TenantNotFound,
)
from chronos_api.problems import translate_outside
from chronos_api.tenants import Tenant
from chronos_clients.errors import AlreadyExists, ClientError, Conflict, Invalid, NotFound
from chronos_clients.kubernetes import Kubernetes, list_all
from chronos_clients.resources import EXECUTIONS, JOBS, Object
from chronos_crds.job import ChronosJobSpec
from chronos_crds.meta import parse_time
from chronos_crds.naming import JOB_NAME_PATTERN, LABEL_JOB, is_job_name
from chronos_crds.validation import check_times_ahead

# The operator writes a job's status now and then; it cannot win this often in a row.
REPLACE_ATTEMPTS = 8
_EXECUTION_ID = re.compile(JOB_NAME_PATTERN, re.ASCII)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Listing:
    """Some of a list, and the token that asks for what follows ("" at the end)."""

    items: Sequence[Object]
    next: str


class JobStore:
    """The jobs of a tenant. Every verb raises an ApiError."""

    def __init__(self, kubernetes: Kubernetes, clock: Clock) -> None:
        self._kubernetes = kubernetes
        self._clock = clock

    async def create(self, tenant: Tenant, name: str, spec: ChronosJobSpec) -> Object:
        """Stores a new job; raises NameTaken, InvalidInput for times in the past."""
        check_times_ahead(spec.schedule, now=self._clock.now())
        body = {
            "apiVersion": JOBS.api_version,
            "kind": JOBS.kind,
            "metadata": {"name": name},
            "spec": spec.to_manifest(),
        }
        try:
            return await self._kubernetes.create(JOBS, tenant, body)
        except AlreadyExists as error:
            raise NameTaken(f"there is a job {name} already") from error
        except NotFound as error:
            raise TenantNotFound(f"there is no tenant {tenant!r} here") from error
        except ClientError as error:
            _raise(error)

    async def get(self, tenant: Tenant, name: str) -> Object:
        """The job of that name; raises JobNotFound."""
        if not is_job_name(name):
            raise _no_job(name)
        try:
            return await self._kubernetes.get(JOBS, tenant, name)
        except NotFound as error:
            raise _no_job(name) from error
        except ClientError as error:
            _raise(error)

    async def list(self, tenant: Tenant, *, limit: int, token: str) -> Listing:
        """Jobs in name order; raises ContinueExpired, InvalidRequest for a token not from here."""
        try:
            page = await self._kubernetes.list(JOBS, tenant, limit=limit, next=token)
        except Invalid as error:
            raise _bad_token() if token else translate_outside(error) from error
        except ClientError as error:
            _raise(error)
        return Listing(page.items, page.next)

    async def replace(
        self, tenant: Tenant, name: str, spec: ChronosJobSpec, *, versions: Sequence[str] | None
    ) -> Object:
        """Gives a job another spec, only while it is at one of ``versions`` (None: at any).

        Raises JobNotFound, PreconditionFailed, InvalidInput for times in the past that the job did
        not have before.
        """
        for _ in range(REPLACE_ATTEMPTS):
            current = await self.get(tenant, name)
            check_version(current, versions)
            known = known_times(current)
            check_times_ahead(spec.schedule, now=self._clock.now(), known=known)
            changed = {**current, "spec": spec.to_manifest()}
            try:
                return await self._kubernetes.replace(JOBS, tenant, name, changed)
            except Conflict:
                continue
            except NotFound as error:
                raise _no_job(name) from error
            except ClientError as error:
                _raise(error)
        raise Conflicting(f"the job {name} changes faster than it can be replaced")

    async def delete(self, tenant: Tenant, name: str, *, versions: Sequence[str] | None) -> None:
        """Removes a job, only while it is at one of ``versions`` (None: at any).

        Raises JobNotFound, PreconditionFailed.
        """
        uid = ""
        if versions is not None:
            current = await self.get(tenant, name)
            check_version(current, versions)
            uid = current["metadata"]["uid"]
        elif not is_job_name(name):
            raise _no_job(name)
        try:
            await self._kubernetes.delete(JOBS, tenant, name, uid=uid)
        except NotFound as error:
            raise _no_job(name) from error
        except ClientError as error:
            _raise(error)


class ExecutionStore:
    """The executions of a tenant. Every verb raises an ApiError."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    async def get(self, tenant: Tenant, id: str) -> Object:
        """The execution of that id; raises ExecutionNotFound."""
        missing = ExecutionNotFound(f"there is no execution {id[:80]!r}")
        if len(id) > 63 or not _EXECUTION_ID.fullmatch(id):
            raise missing
        try:
            return await self._kubernetes.get(EXECUTIONS, tenant, id)
        except NotFound as error:
            raise missing from error
        except ClientError as error:
            _raise(error)

    async def list_of(self, tenant: Tenant, job: Object, *, limit: int, token: str) -> Listing:
        """A job's executions, newest scheduled time first.

        Kubernetes lists in name order only, so all of them are read; the job's history bounds how
        many there are. Executions of an earlier job of the same name are left out.
        """
        meta = job["metadata"]
        after = _read_token(token)
        try:
            found = await list_all(
                self._kubernetes, EXECUTIONS, tenant, labels={LABEL_JOB: meta["name"]}
            )
        except ClientError as error:
            _raise(error)
        ours = [it for it in found if it["spec"]["jobRef"]["uid"] == meta["uid"]]
        ordered = sorted(ours, key=_position, reverse=True)
        rest = [it for it in ordered if after is None or _position(it) < after]
        page = rest[:limit]
        return Listing(page, _write_token(page[-1]) if len(rest) > limit else "")


def check_version(stored: Object, versions: Sequence[str] | None) -> None:
    """Raises PreconditionFailed unless the object is at one of those versions (None: at any)."""
    if versions is not None and stored["metadata"]["resourceVersion"] not in versions:
        raise PreconditionFailed(f"{stored['metadata']['name']} is at another version")


def known_times(stored: Object) -> list[datetime]:
    """The one-time runs a stored job already has; what cannot be read is no time."""
    schedule = stored.get("spec", {}).get("schedule") or {}
    times = []
    for text in schedule.get("at") or ():
        try:
            times.append(parse_time(text))
        except ValueError:
            continue
    return times


def _position(execution: Object) -> tuple[datetime, str]:
    """Where an execution stands in the list."""
    try:
        moment = parse_time(execution["spec"].get("scheduledTime"))
    except ValueError:
        moment = _LONG_AGO
    return (moment, execution["metadata"]["name"])


def _write_token(last: Object) -> str:
    moment, name = _position(last)
    return base64.urlsafe_b64encode(orjson.dumps([moment.isoformat(), name])).decode()


def _read_token(token: str) -> tuple[datetime, str] | None:
    if not token:
        return None
    try:
        moment, name = orjson.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        position: tuple[Any, Any] = (parse_time(moment), name)
    except (ValueError, TypeError, binascii.Error) as error:
        raise _bad_token() from error
    if not isinstance(name, str):
        raise _bad_token()
    return position


def _bad_token() -> InvalidRequest:
    field = FieldError(
        "is not a token from a list", "take it from the answer before", parameter="continue"
    )
    return InvalidRequest("continue is not a token from a list", errors=[field])


def _no_job(name: str) -> JobNotFound:
    return JobNotFound(f"there is no job {name[:80]!r}")


def _raise(error: ClientError) -> NoReturn:
    translated: ApiError = translate_outside(error)
    raise translated from error
