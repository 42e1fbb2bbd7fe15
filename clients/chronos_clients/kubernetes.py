"""The port to the Kubernetes API: few verbs, each with a time-out, errors in our own words.

Requests are raw JSON over one aiohttp session: the generated client's models cost more time than
the request itself. Where and as whom to connect is read by the official client.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import aiohttp
import orjson
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from chronos_clients.errors import (
    AlreadyExists,
    Cause,
    ClientError,
    Conflict,
    Denied,
    Expired,
    Invalid,
    NotFound,
    ServerTrouble,
    Throttled,
    Unreachable,
)
from chronos_clients.resources import Object, Resource
from chronos_crds.meta import format_time

REQUEST_SECONDS = 15.0
CONNECT_SECONDS = 5.0
# A followed log is silent as long as its command is; a dead connection is found by TCP keep-alive
# and by the reader's own look at the pod.
LOG_SILENCE_SECONDS = 300.0
CONNECTIONS = 128

Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True)
class Page:
    """Some objects of a list, and the token that asks for the rest ("" at the end)."""

    items: list[Object]
    next: str


class Kubernetes(Protocol):
    """What Chronos asks of a Kubernetes API server. Every verb raises ``errors.ClientError``."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """One object; raises NotFound."""

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: Mapping[str, str] | None = None,
        limit: int = 500,
        next: str = "",
    ) -> Page:
        """A page of objects in name order, of all namespaces where ``namespace`` is None."""

    async def create(
        self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False
    ) -> Object:
        """Stores a new object, refusing unknown fields; raises AlreadyExists, Invalid, Denied."""

    async def replace(
        self, resource: Resource, namespace: str | None, name: str, body: Object
    ) -> Object:
        """Stores a changed object; raises Conflict where its resourceVersion is not the newest."""

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Object,
        *,
        subresource: str = "",
    ) -> Object:
        """Merges ``body`` into the object (RFC 7386); raises Conflict where a resourceVersion in it
        is not the newest."""

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str = "",
        propagation: Propagation = "Background",
    ) -> None:
        """Deletes an object, only if it has that ``uid`` where one is given; raises NotFound."""

    def follow_log(
        self, namespace: str, pod: str, container: str, *, since: datetime | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The container's output from its start (or ``since``), each line behind its time stamp,
        as chunks of any size, until the container ends or the server ends the answer."""


class HttpKubernetes:
    """The real one. Build it with ``connect``."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        log_session: aiohttp.ClientSession,
        configuration: Configuration,
    ) -> None:
        self._session = session
        self._log_session = log_session
        self._configuration = configuration
        self._host = str(configuration.host).rstrip("/")

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        return await self._json("GET", resource.path(namespace, name))

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: Mapping[str, str] | None = None,
        limit: int = 500,
        next: str = "",
    ) -> Page:
        query = {"limit": str(limit)}
        if labels:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in labels.items())
        if next:
            query["continue"] = next
        answer = await self._json("GET", resource.path(namespace), query=query)
        items = answer.get("items") or []
        for item in items:
            # Items of a list come without them.
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return Page(items, answer.get("metadata", {}).get("continue", ""))

    async def create(
        self, resource: Resource, namespace: str | None, body: Object, *, dry_run: bool = False
    ) -> Object:
        query = {"fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return await self._json("POST", resource.path(namespace), query=query, body=body)

    async def replace(
        self, resource: Resource, namespace: str | None, name: str, body: Object
    ) -> Object:
        query = {"fieldValidation": "Strict"}
        return await self._json("PUT", resource.path(namespace, name), query=query, body=body)

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Object,
        *,
        subresource: str = "",
    ) -> Object:
        path = resource.path(namespace, name, subresource)
        return await self._json(
            "PATCH", path, body=body, content_type="application/merge-patch+json"
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str = "",
        propagation: Propagation = "Background",
    ) -> None:
        body: Object = {"propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        await self._json("DELETE", resource.path(namespace, name), body=body)

    async def follow_log(
        self, namespace: str, pod: str, container: str, *, since: datetime | None = None
    ) -> AsyncGenerator[bytes, None]:
        query = {"container": container, "follow": "true", "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = format_time(since.replace(microsecond=0))
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=LOG_SILENCE_SECONDS)
        async with self._answer(
            "GET", path, query=query, timeout=timeout, session=self._log_session
        ) as answer:
            async for chunk in answer.content.iter_any():
                yield chunk

    async def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        data = None if body is None else orjson.dumps(body)
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        async with self._answer(
            method, path, query=query, data=data, content_type=content_type, timeout=timeout
        ) as answer:
            document: Any = orjson.loads(await answer.read())
            return document if isinstance(document, dict) else {}

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        *,
        timeout: aiohttp.ClientTimeout,
        query: Mapping[str, str] | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
        session: aiohttp.ClientSession | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request if it is a good one; everything else is raised as ours."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        try:
            token = await self._configuration.get_api_key_with_prefix("BearerToken")
            if token:
                headers["Authorization"] = token if " " in token else f"Bearer {token}"
            async with (session or self._session).request(
                method, self._host + path, params=query, data=data, headers=headers, timeout=timeout
            ) as answer:
                if answer.status >= 400:
                    raise error_of(answer.status, await answer.read(), answer.headers)
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            text = f"{method} {path}: {type(error).__name__}: {error}".rstrip(": ")
            raise Unreachable(text) from error
        except orjson.JSONDecodeError as error:
            raise ServerTrouble(f"{method} {path}: the answer is not JSON") from error


def error_of(status: int, body: bytes, headers: Mapping[str, str]) -> ClientError:
    """The error that an answer of 400 and above stands for."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    answer: Object = document if isinstance(document, dict) else {}
    message = str(answer.get("message") or body[:300].decode(errors="replace") or f"HTTP {status}")
    match status:
        case 401 | 403:
            return Denied(message)
        case 404:
            return NotFound(message)
        case 409:
            return (AlreadyExists if answer.get("reason") == "AlreadyExists" else Conflict)(message)
        case 410:
            return Expired(message)
        case 429:
            return Throttled(message, _seconds(headers.get("Retry-After")))
    if status >= 500:
        return ServerTrouble(f"HTTP {status}: {message}")
    causes = (answer.get("details") or {}).get("causes") or []
    return Invalid(
        message,
        [Cause(str(cause.get("field", "")), str(cause.get("message", ""))) for cause in causes],
    )


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None


@asynccontextmanager
async def connect(kubeconfig: str | None = None) -> AsyncIterator[HttpKubernetes]:
    """A connection by that kubeconfig, or else by the pod's service account.

    Raises Denied where there are no credentials at all.
    """
    configuration = Configuration()
    try:
        if kubeconfig:
            await load_kube_config(config_file=kubeconfig, client_configuration=configuration)
        else:
            load_incluster_config(client_configuration=configuration)
    except ConfigException as error:
        raise Denied(f"no credentials for Kubernetes: {error}") from error
    context = _ssl_context(configuration)
    # Each followed log holds a connection for as long as its command runs: in a pool shared with
    # the requests, as many running pods as there are connections would stop every start.
    async with (
        aiohttp.ClientSession(connector=_connector(CONNECTIONS, context)) as session,
        aiohttp.ClientSession(connector=_connector(0, context)) as log_session,
    ):
        yield HttpKubernetes(session, log_session, configuration)


def _connector(limit: int, context: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Connections, at most ``limit`` at once; 0: as many as are asked for."""
    return aiohttp.TCPConnector(limit=limit, ssl=context)


def _ssl_context(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Many a cluster's own authority lacks the extensions that Python 3.13 began to insist on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


async def list_all(
    kubernetes: Kubernetes,
    resource: Resource,
    namespace: str | None,
    *,
    labels: Mapping[str, str] | None = None,
) -> list[Object]:
    """All pages of a list; begins anew once where the continue token expires underway."""
    for last_try in (False, True):
        try:
            items: list[Object] = []
            page = await kubernetes.list(resource, namespace, labels=labels)
            items += page.items
            while page.next:
                page = await kubernetes.list(resource, namespace, labels=labels, next=page.next)
                items += page.items
                await asyncio.sleep(0)
            return items
        except Expired:
            if last_try:
                raise
    raise AssertionError("unreachable")
