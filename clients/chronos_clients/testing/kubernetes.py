"""A Kubernetes API server in a dict: faithful where Chronos relies on it, and no further.

No controller runs in it: a kube job gets no pod, a namespace is gone at once, dependents are
removed with their owner whatever the propagation says (unless Orphan).
"""

from __future__ import annotations

import base64
import binascii
import itertools
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from chronos_clients.errors import AlreadyExists, Cause, Conflict, Expired, Invalid, NotFound
from chronos_clients.kubernetes import Page, Propagation
from chronos_clients.resources import EVENTS, NAMESPACES, PODS, Object, Resource
from chronos_clients.testing.admission import admit, check_unchanged_spec, is_chronos
from chronos_clients.testing.faults import Call, Faults
from chronos_clients.testing.podlog import FakeLog
from chronos_crds.meta import format_time
from chronos_crds.naming import MAIN_CONTAINER

_Key = tuple[str, str]
# What the server alone writes; whatever a client hands over is put back.
_SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "namespace")


class FakeKubernetes(Faults):
    """Verbs for ``fail_next``: get, list, create, replace, patch, delete, follow_log."""

    def __init__(
        self, clock: Callable[[], datetime], *, namespaces: Sequence[str] = ("default",)
    ) -> None:
        super().__init__()
        self._clock = clock
        self._objects: dict[Resource, dict[_Key, Object]] = {}
        self._logs: dict[tuple[str, str, str], FakeLog] = {}
        self._numbers = itertools.count(1)
        self._oldest_token = 0
        for namespace in namespaces:
            self.seed(NAMESPACES, None, {"metadata": {"name": namespace}})

    # The port.

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        async with self._call(Call("get", resource.plural, namespace, name)):
            return _copy(self._known(resource, namespace, name))
        raise AssertionError("unreachable")

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: Mapping[str, str] | None = None,
        limit: int = 500,
        next: str = "",
    ) -> Page:
        async with self._call(Call("list", resource.plural, namespace, body=dict(labels or {}))):
            after = self._read_token(next)
            found = [
                (key, stored)
                for key, stored in sorted(self._objects.get(resource, {}).items())
                if key > after and namespace in (None, key[0]) and _matches(stored, labels or {})
            ]
            page = found[:limit] if limit else found
            token = self._write_token(page[-1][0]) if len(page) < len(found) else ""
            return Page([_copy(stored) for _, stored in page], token)
        raise AssertionError("unreachable")

    async def create(
        self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False
    ) -> Object:
        name = body.get("metadata", {}).get("name", "")
        async with self._call(Call("create", resource.plural, namespace, name, _copy(body))):
            _check_kind(resource, body)
            stored = self._build(resource, namespace, body)
            key = (namespace or "", stored["metadata"]["name"])
            if key in self._objects.get(resource, {}):
                raise AlreadyExists(f'{resource.plural} "{key[1]}" already exists')
            if not dry_run:
                self._objects.setdefault(resource, {})[key] = stored
            return _copy(stored)
        raise AssertionError("unreachable")

    async def replace(
        self, resource: Resource, namespace: str | None, name: str, body: Object
    ) -> Object:
        async with self._call(Call("replace", resource.plural, namespace, name, _copy(body))):
            _check_kind(resource, body)
            before = self._known(resource, namespace, name)
            after = _copy(body)
            meta = after.setdefault("metadata", {})
            if meta.get("name") != name:
                raise Invalid(f"the name of the object does not match the URL's ({name})")
            if is_chronos(resource) and not meta.get("resourceVersion"):
                cause = Cause("metadata.resourceVersion", "must be specified for an update")
                raise Invalid(f"{resource.kind} {name!r} is invalid: {cause.message}", [cause])
            _check_identity(before, meta)
            return self._store(resource, namespace, before, after, strict=True)
        raise AssertionError("unreachable")

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Object,
        *,
        subresource: str = "",
    ) -> Object:
        call = Call("patch", f"{resource.plural}/{subresource}".rstrip("/"), namespace, name)
        async with self._call(Call(**{**call.__dict__, "body": _copy(body)})):
            before = self._known(resource, namespace, name)
            if subresource not in ("", "status") or (subresource and resource == EVENTS):
                raise NotFound("the server could not find the requested resource")
            after = _merge(_copy(before), _copy(body))
            _check_identity(before, after["metadata"])
            if subresource:
                after = {**_copy(before), "status": after.get("status")}
                if after["status"] is None:
                    del after["status"]
            return self._store(
                resource, namespace, before, after, strict=False, is_status=bool(subresource)
            )
        raise AssertionError("unreachable")

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str = "",
        propagation: Propagation = "Background",
    ) -> None:
        async with self._call(Call("delete", resource.plural, namespace, name, propagation)):
            stored = self._known(resource, namespace, name)
            if uid and stored["metadata"]["uid"] != uid:
                raise Conflict(f"the UID in the precondition ({uid}) does not match {name!r}")
            if stored["metadata"].get("finalizers"):
                stored["metadata"].setdefault("deletionTimestamp", self._now())
                stored["metadata"]["resourceVersion"] = self._next_number()
                return
            self._remove(resource, (namespace or "", name), propagation)

    async def follow_log(
        self, namespace: str, pod: str, container: str, *, since: datetime | None = None
    ) -> AsyncGenerator[bytes, None]:
        async with self._call(Call("follow_log", "pods", namespace, pod, since)):
            log = self._logs.get((namespace, pod, container))
            if log is None:
                self._known(PODS, namespace, pod)
                raise Invalid(f'container "{container}" in pod "{pod}" is waiting to start')
        whole = since.replace(microsecond=0) if since else None
        async for chunk in log.follow(whole):
            yield chunk

    # For tests alone.

    def seed(self, resource: Resource, namespace: str | None, body: Object) -> Object:
        """Places an object, status and all, as if the cluster's own controllers had made it."""
        stored = self._build(resource, namespace, body)
        if "status" in body:
            stored["status"] = _copy(body["status"])
            admit(resource, stored, strict=False)
        key = (namespace or "", stored["metadata"]["name"])
        self._objects.setdefault(resource, {})[key] = stored
        return _copy(stored)

    def log(self, namespace: str, pod: str, container: str = MAIN_CONTAINER) -> FakeLog:
        """The log of a container; from the first call on the container counts as started."""
        return self._logs.setdefault((namespace, pod, container), FakeLog(self._clock))

    def objects(self, resource: Resource, namespace: str | None = None) -> Sequence[Object]:
        """What is stored, in name order; without a call being recorded."""
        found = sorted(self._objects.get(resource, {}).items())
        return [_copy(stored) for key, stored in found if namespace in (None, key[0])]

    def expire_tokens(self) -> None:
        """Makes every continue token given out so far too old."""
        self._oldest_token = next(self._numbers)

    # Inside.

    def _now(self) -> str:
        return format_time(self._clock().replace(microsecond=0))

    def _next_number(self) -> str:
        return str(next(self._numbers))

    def _known(self, resource: Resource, namespace: str | None, name: str) -> Object:
        resource.path(namespace, name)
        stored = self._objects.get(resource, {}).get((namespace or "", name))
        if stored is None:
            raise NotFound(f'{resource.plural} "{name}" not found')
        return stored

    def _build(self, resource: Resource, namespace: str | None, body: Object) -> Object:
        """The new object as the server would store it; not stored yet."""
        if resource.namespaced:
            if namespace is None:
                raise ValueError(f"{resource.kind} needs a namespace")
            self._known(NAMESPACES, None, namespace)
        stored = _copy(body)
        meta = stored.setdefault("metadata", {})
        if meta.get("resourceVersion"):
            raise Invalid("resourceVersion should not be set on objects to be created")
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = f"{meta['generateName']}{int(self._next_number()):05d}"
        for field in _SERVER_FIELDS:
            meta.pop(field, None)
        number = self._next_number()
        uid = str(uuid.uuid5(uuid.NAMESPACE_OID, number))
        meta |= {"uid": uid, "resourceVersion": number, "creationTimestamp": self._now()}
        meta["generation"] = 1
        if is_chronos(resource):
            meta["managedFields"] = self._managed(resource, {}, stored)
        if namespace is not None:
            meta["namespace"] = namespace
        stored |= {"apiVersion": resource.api_version, "kind": resource.kind}
        stored.pop("status", None)
        admit(resource, stored, strict=True)
        return stored

    def _store(
        self,
        resource: Resource,
        namespace: str | None,
        before: Object,
        after: Object,
        *,
        strict: bool,
        is_status: bool = False,
    ) -> Object:
        """Stores a changed object the way the server would, if there is a change at all."""
        meta, known = after["metadata"], before["metadata"]
        for field in (*_SERVER_FIELDS, "name", "resourceVersion", "managedFields"):
            meta.pop(field, None)
            if field in known:
                meta[field] = known[field]
        after |= {"apiVersion": resource.api_version, "kind": resource.kind}
        if not is_status:
            after.pop("status", None)
            if "status" in before:
                after["status"] = _copy(before["status"])
        admit(resource, after, strict=strict)
        check_unchanged_spec(resource, before, after)
        if after == before:
            return _copy(before)
        if is_chronos(resource):
            meta["managedFields"] = self._managed(resource, before, after)
        if _without(after) != _without(before):
            meta["generation"] = known["generation"] + 1
        meta["resourceVersion"] = self._next_number()
        key = (namespace or "", known["name"])
        self._objects[resource][key] = after
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._remove(resource, key, "Background")
        return _copy(after)

    def _managed(self, resource: Resource, before: Object, after: Object) -> Sequence[Object]:
        """Who wrote which part last, and when: what a server side apply goes by. All clients are
        one here, and of the fields only those on top are told."""
        known = (before.get("metadata") or {}).get("managedFields") or ()
        entries = {entry.get("subresource", ""): entry for entry in known}
        for part, subresource in (("spec", ""), ("status", "status")):
            if part in after and after[part] != before.get(part):
                entries[subresource] = {
                    "manager": "a client",
                    "operation": "Update",
                    "apiVersion": resource.api_version,
                    "time": self._now(),
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {f"f:{part}": {}},
                    **({"subresource": subresource} if subresource else {}),
                }
        return list(entries.values())

    def _remove(self, resource: Resource, key: _Key, propagation: Propagation) -> None:
        gone = self._objects[resource].pop(key)
        for kind, inner, stored in list(self._dependents(gone["metadata"]["uid"])):
            if propagation == "Orphan":
                del stored["metadata"]["ownerReferences"]
            elif inner in self._objects[kind]:
                self._remove(kind, inner, propagation)
        if resource == NAMESPACES:
            for objects in self._objects.values():
                for inner in [inner for inner in objects if inner[0] == key[1]]:
                    del objects[inner]
        if resource == PODS:
            for known in [known for known in self._logs if known[:2] == key]:
                self._logs.pop(known).end()

    def _dependents(self, uid: str) -> Iterator[tuple[Resource, _Key, Object]]:
        for resource, stored_by_key in self._objects.items():
            for key, stored in stored_by_key.items():
                owners = stored["metadata"].get("ownerReferences") or []
                if owners and all(owner.get("uid") == uid for owner in owners):
                    yield resource, key, stored

    def _write_token(self, key: _Key) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([next(self._numbers), *key])).decode()

    def _read_token(self, token: str) -> _Key:
        if not token:
            return ("", "")
        try:
            number, namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError, binascii.Error) as error:
            raise Invalid("continue key is not valid") from error
        if number < self._oldest_token:
            raise Expired("the provided continue parameter is too old")
        return (namespace, name)


def _copy(value: Object) -> Object:
    """A deep copy by way of JSON: what cannot be sent cannot be stored here either."""
    copied: Object = orjson.loads(orjson.dumps(value))
    return copied


def _check_kind(resource: Resource, body: Object) -> None:
    """Raises Invalid where one of our kinds does not say what it is; the built-in need not."""
    told = (body.get("apiVersion"), body.get("kind"))
    if is_chronos(resource) and told != (resource.api_version, resource.kind):
        raise Invalid(f"the object provided is unrecognized (must be of type {resource.kind})")


def _matches(stored: Object, labels: Mapping[str, str]) -> bool:
    has: Mapping[str, str] = stored["metadata"].get("labels") or {}
    return all(has.get(key) == value for key, value in labels.items())


def _check_identity(before: Object, meta: Object) -> None:
    """Raises where the metadata names another version or another object than the stored one."""
    known = before["metadata"]
    if meta.get("resourceVersion", known["resourceVersion"]) != known["resourceVersion"]:
        raise Conflict("the object has been modified; apply your changes to the latest version")
    if meta.get("uid", known["uid"]) != known["uid"]:
        raise Conflict("Precondition failed: UID in precondition does not match")
    if meta.get("name") != known["name"]:
        raise Invalid("the name of the object does not match the name on the URL")


def _without(stored: Object) -> Object:
    """What a new generation is counted by: all but metadata and status."""
    return {key: part for key, part in stored.items() if key not in ("metadata", "status")}


def _merge(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result
