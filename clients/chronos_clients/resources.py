"""The kinds of Kubernetes objects Chronos touches, and where each lies in the API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from chronos_clients.errors import Invalid
from chronos_crds import GROUP, VERSION

# What names of Kubernetes objects are made of; anything else would change the path's meaning.
_SEGMENT = re.compile(r"(?!\.\.?$)[-._:a-zA-Z0-9]+", re.ASCII)

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True)
class Resource:
    """One kind: its group ("" is the core group), version, plural and kind."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """The URL path; a namespace of None spans all of them.

        Raises Invalid for what cannot be one segment of it, such as ``..`` or ``a/b``.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        for part in parts:
            if not _SEGMENT.fullmatch(part):
                raise Invalid(f"{part[:80]!r} cannot be part of a path")
        return "/" + "/".join(parts)


JOBS = Resource(GROUP, VERSION, "chronosjobs", "ChronosJob")
EXECUTIONS = Resource(GROUP, VERSION, "chronosexecutions", "ChronosExecution")
CALENDARS = Resource(GROUP, VERSION, "chronoscalendars", "ChronosCalendar")
KUBE_JOBS = Resource("batch", "v1", "jobs", "Job")
PODS = Resource("", "v1", "pods", "Pod")
EVENTS = Resource("", "v1", "events", "Event")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
