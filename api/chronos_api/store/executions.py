"""Executions, over the Kubernetes port."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from chronos_api.errors import Conflicting, ExecutionNotFound, TenantNotFound
from chronos_api.problems import raise_outside
from chronos_api.store.listing import Listing, bad_token
from chronos_api.tenants import Tenant
from chronos_clients.errors import AlreadyExists, ClientError, NotFound
from chronos_clients.kubernetes import Kubernetes, list_all
from chronos_clients.resources import EXECUTIONS, Object
from chronos_crds.execution import ExecutionSpec
from chronos_crds.meta import parse_time
from chronos_crds.naming import (
    JOB_NAME_PATTERN,
    LABEL_JOB,
    LABEL_JOB_UID,
    LABEL_MANAGED_BY,
    MANAGED_BY,
    manual_prefix,
)

_EXECUTION_ID = re.compile(JOB_NAME_PATTERN, re.ASCII)
# As Kubernetes makes names: without vowels there are no words, without 0, 1, 3 no look-alikes.
NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
NAME_ATTEMPTS = 5
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class ExecutionStore:
    """The executions of a tenant. Every verb raises an ApiError."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    async def create(
        self, tenant: Tenant, job: Object, name: str, spec: ExecutionSpec
    ) -> Object | None:
        """Stores an execution of that job; None where the name is taken."""
        body = build_execution(job, name, spec)
        try:
            return await self._kubernetes.create(EXECUTIONS, tenant, body)
        except AlreadyExists:
            return None
        except NotFound as error:
            raise TenantNotFound(f"there is no tenant {tenant!r} here") from error
        except ClientError as error:
            raise_outside(error)

    async def create_manual(self, tenant: Tenant, job: Object, spec: ExecutionSpec) -> Object:
        """Stores an execution asked for by hand under a name of its own."""
        for _ in range(NAME_ATTEMPTS):
            name = manual_prefix(job["metadata"]["name"]) + random_letters(5)
            stored = await self.create(tenant, job, name, spec)
            if stored is not None:
                return stored
        raise Conflicting("no free name was found for the execution", remedy="send it again")

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
            raise_outside(error)

    async def list_of(self, tenant: Tenant, job: Object, *, limit: int, token: str) -> Listing:
        """A job's executions, newest scheduled time first."""
        after = _read_token(token)
        ours = await self.all_of(tenant, job)
        ordered = sorted(ours, key=_position, reverse=True)
        rest = [it for it in ordered if after is None or _position(it) < after]
        page = rest[:limit]
        return Listing(page, _write_token(page[-1]) if len(rest) > limit else "")

    async def all_of(self, tenant: Tenant, job: Object) -> Sequence[Object]:
        """A job's executions in name order.

        Kubernetes lists in name order only, so all of them are read; the job's history bounds how
        many there are. Executions of an earlier job of the same name are left out.
        """
        meta = job["metadata"]
        try:
            found = await list_all(
                self._kubernetes, EXECUTIONS, tenant, labels={LABEL_JOB: meta["name"]}
            )
        except ClientError as error:
            raise_outside(error)
        return [it for it in found if it["spec"]["jobRef"].get("uid") == meta["uid"]]


def random_letters(count: int) -> str:
    """Part of a name."""
    return "".join(secrets.choice(NAME_LETTERS) for _ in range(count))


def build_execution(job: Object, name: str, spec: ExecutionSpec) -> Object:
    """A ChronosExecution of that job, labelled and owned as the operator labels and owns its own,
    so that it is listed with the others at once and goes with its job."""
    meta = job["metadata"]
    return {
        "apiVersion": EXECUTIONS.api_version,
        "kind": EXECUTIONS.kind,
        "metadata": {
            "name": name,
            "labels": {
                LABEL_JOB: meta["name"],
                LABEL_JOB_UID: meta["uid"],
                LABEL_MANAGED_BY: MANAGED_BY,
            },
            "ownerReferences": [
                {
                    "apiVersion": job["apiVersion"],
                    "kind": job["kind"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": spec.to_manifest(),
    }


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
        raise bad_token() from error
    if not isinstance(name, str):
        raise bad_token()
    return position
