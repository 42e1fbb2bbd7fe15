"""What every route is given: who calls, for which tenant, and the ports. Deny by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from chronos_api.auth.apikey import ApiKey
from chronos_api.config import Config
from chronos_api.errors import invalid, not_found
from chronos_api.store import Store
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.objectstore import ObjectStore
from chronos_crds.validation import Problem as FieldProblem

# What answers without a key; everything else needs one.
OPEN_PATHS = frozenset({"/api/v1/health/live", "/api/v1/health/ready"})
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass
class Ports:
    """What the API works with; put into the application's state at its start."""

    config: Config
    kubernetes: Kubernetes
    objects: ObjectStore
    key: ApiKey

    @property
    def store(self) -> Store:
        """Jobs and executions."""
        return Store(self.kubernetes)


def ports_of(request: Request) -> Ports:
    """The application's ports."""
    ports: Ports = request.app.state.ports
    return ports


async def authenticate(request: Request) -> None:
    """Lets a request pass if its path is open or its key right; decided before its body is read."""
    if request.url.path in OPEN_PATHS:
        return
    headers = request.headers
    ports_of(request).key.check(headers.getlist("authorization"), headers.getlist("x-api-key"))


async def refuse_unknown_parameters(request: Request) -> None:
    """422 for a query parameter that the route does not have, or that is given twice."""
    route: Any = request.scope["route"]
    known = {parameter.alias for parameter in _query_parameters(route.dependant)}
    given = [name for name, _ in request.query_params.multi_items()]
    problems = [
        FieldProblem(name, "is not a known parameter", f"use one of {', '.join(sorted(known))}")
        for name in sorted(set(given) - known)
    ]
    problems += [
        FieldProblem(name, "is given more than once", "give it once")
        for name in sorted({name for name in given if given.count(name) > 1})
    ]
    if problems:
        raise invalid(problems)


def _query_parameters(dependant: Any) -> list[Any]:
    found = list(dependant.query_params)
    for child in dependant.dependencies:
        found += _query_parameters(child)
    return found


def find_tenant(
    request: Request,
    tenant: Annotated[
        str | None,
        Query(
            max_length=63,
            description="The tenant (a namespace); left out: the installation's default.",
        ),
    ] = None,
) -> str:
    """The tenant asked for; what is unknown and what is forbidden are answered alike."""
    config = ports_of(request).config
    name = config.default_tenant if tenant is None else tenant
    served = not config.watch_namespaces or name in config.watch_namespaces
    internal = name == config.namespace or name.startswith("kube-")
    if not served or internal or _NAMESPACE.fullmatch(name) is None:
        raise not_found(f"tenant {name!r}")
    return name


Tenant = Annotated[str, Depends(find_tenant)]
Given = Annotated[Ports, Depends(ports_of)]
