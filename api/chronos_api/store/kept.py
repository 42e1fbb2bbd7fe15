"""What people keep in the cluster by name: the verbs that jobs and calendars have in common."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from typing import ClassVar

from chronos_api.errors import ApiError, Conflicting, NameTaken, PreconditionFailed, TenantNotFound
from chronos_api.problems import raise_outside, translate_outside
from chronos_api.store.listing import Listing, bad_token
from chronos_api.tenants import Tenant
from chronos_clients.errors import AlreadyExists, ClientError, Conflict, Invalid, NotFound
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.resources import Object, Resource
from chronos_crds.meta import Model

# The operator writes a job's status now and then, and others may change it, too; nobody wins this
# often in a row against those who wait a little longer each time.
REPLACE_ATTEMPTS = 12
WAIT_MILLISECONDS = 10


class KeptObjects:
    """Objects of one kind, of a tenant. Every verb raises an ApiError."""

    resource: ClassVar[Resource]
    noun: ClassVar[str]
    not_found: ClassVar[type[ApiError]]

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    def is_name(self, name: str) -> bool:
        """Whether one of them may be called so."""
        raise NotImplementedError

    async def get(self, tenant: Tenant, name: str) -> Object:
        """The one of that name; raises ``not_found``."""
        if not self.is_name(name):
            raise self._missing(name)
        try:
            return await self._kubernetes.get(self.resource, tenant, name)
        except NotFound as error:
            raise self._missing(name) from error
        except ClientError as error:
            raise_outside(error)

    async def list(self, tenant: Tenant, *, limit: int, token: str) -> Listing:
        """Some in name order; raises ContinueExpired, InvalidRequest for a token not from here."""
        try:
            page = await self._kubernetes.list(self.resource, tenant, limit=limit, next=token)
        except Invalid as error:
            raise bad_token() if token else translate_outside(error) from error
        except ClientError as error:
            raise_outside(error)
        return Listing(page.items, page.next)

    async def pages(self, namespace: str | None) -> AsyncIterator[Sequence[Object]]:
        """All of them page by page; of all namespaces where ``namespace`` is None."""
        token = ""
        while True:
            try:
                page = await self._kubernetes.list(self.resource, namespace, next=token)
            except ClientError as error:
                raise_outside(error)
            yield page.items
            token = page.next
            if not token:
                return

    async def delete(self, tenant: Tenant, name: str, *, versions: Sequence[str] | None) -> None:
        """Removes one, only while it is at one of ``versions`` (None: at any).

        Raises ``not_found``, PreconditionFailed.
        """
        uid = ""
        if versions is not None:
            current = await self.get(tenant, name)
            check_version(current, versions)
            uid = current["metadata"]["uid"]
        elif not self.is_name(name):
            raise self._missing(name)
        try:
            await self._kubernetes.delete(self.resource, tenant, name, uid=uid)
        except NotFound as error:
            raise self._missing(name) from error
        except ClientError as error:
            raise_outside(error)

    async def _create(self, tenant: Tenant, name: str, spec: Model) -> Object:
        """Stores a new one; raises NameTaken, TenantNotFound."""
        body = {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {"name": name},
            "spec": spec.to_manifest(),
        }
        try:
            return await self._kubernetes.create(self.resource, tenant, body)
        except AlreadyExists as error:
            raise NameTaken(f"there is a {self.noun} {name} already") from error
        except NotFound as error:
            raise TenantNotFound(f"there is no tenant {tenant!r} here") from error
        except ClientError as error:
            raise_outside(error)

    async def _replace(
        self,
        tenant: Tenant,
        name: str,
        spec: Model,
        *,
        versions: Sequence[str] | None,
        check: Callable[[Object], None],
    ) -> Object:
        """Gives one another spec, only while it is at one of ``versions`` (None: at any).

        ``check`` may refuse what is there now. Raises ``not_found``, PreconditionFailed.
        """
        for attempt in range(REPLACE_ATTEMPTS):
            if attempt:
                await asyncio.sleep(secrets.randbelow(attempt * WAIT_MILLISECONDS) / 1000)
            current = await self.get(tenant, name)
            check_version(current, versions)
            check(current)
            changed = {**current, "spec": spec.to_manifest()}
            try:
                return await self._kubernetes.replace(self.resource, tenant, name, changed)
            except Conflict:
                continue
            except NotFound as error:
                raise self._missing(name) from error
            except ClientError as error:
                raise_outside(error)
        raise Conflicting(f"the {self.noun} {name} changes faster than it can be replaced")

    def _missing(self, name: str) -> ApiError:
        return self.not_found(f"there is no {self.noun} {name[:80]!r}")


def check_version(stored: Object, versions: Sequence[str] | None) -> None:
    """Raises PreconditionFailed unless the object is at one of those versions (None: at any)."""
    if versions is not None and stored["metadata"]["resourceVersion"] not in versions:
        raise PreconditionFailed(f"{stored['metadata']['name']} is at another version")
