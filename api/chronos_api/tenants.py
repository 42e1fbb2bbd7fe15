"""Which namespaces are tenants. One that does not exist and one that is not served look alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NewType

from chronos_api.clock import Clock
from chronos_api.errors import TenantNotFound
from chronos_api.problems import translate_outside
from chronos_clients.errors import ClientError, Denied, NotFound
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.resources import NAMESPACES

Tenant = NewType("Tenant", str)
"""A namespace that ``Tenants.find`` has let through; nothing else makes one."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
# How long a namespace that was there counts as there; bounds the extra request per call.
KNOWN_SECONDS = 10.0
MAX_KNOWN = 10_000


ALL = "*"


@dataclass(frozen=True)
class Scope:
    """Several tenants: the namespaces to ask about (None: of all), and which of the objects found
    there count."""

    namespaces: Sequence[str | None]
    has: Callable[[str], bool]


class Tenants:
    """Finds tenants."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        clock: Clock,
        *,
        own_namespace: str,
        served: Sequence[str],
        default: str,
    ) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._own = own_namespace
        self._served = frozenset(served)
        self._default = default
        self._known: dict[str, float] = {}

    async def find(self, name: str | None) -> Tenant:
        """The tenant of that name, or the default one; raises TenantNotFound."""
        name = self._default if name is None else name
        if not self._may_be_served(name) or not await self._exists(name):
            raise TenantNotFound(f"there is no tenant {name[:80]!r} here")
        return Tenant(name)

    async def find_scope(self, name: str | None) -> Scope:
        """The tenant of that name, the default one, or all for ``*``; raises TenantNotFound."""
        if name != ALL:
            return Scope([await self.find(name)], lambda _: True)
        return Scope(sorted(self._served) or [None], self._may_be_served)

    def _may_be_served(self, name: str) -> bool:
        if not _NAME.fullmatch(name) or name == self._own or name.startswith("kube-"):
            return False
        return not self._served or name in self._served

    async def _exists(self, name: str) -> bool:
        now = self._clock.elapsed()
        if now < self._known.get(name, 0.0):
            return True
        try:
            await self._kubernetes.get(NAMESPACES, None, name)
        except NotFound:
            self._known.pop(name, None)
            return False
        except Denied:
            # With rights in named namespaces only, a namespace's own existence may be hidden.
            if name not in self._served:
                return False
        except ClientError as error:
            raise translate_outside(error) from error
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[name] = now + KNOWN_SECONDS
        return True
