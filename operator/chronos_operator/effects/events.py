"""Kubernetes Events about jobs and executions. A lost Event is a pity, never a failure."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from chronos_clients.errors import AlreadyExists, ClientError
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.resources import EVENTS, Object, Resource
from chronos_crds.meta import ObjectMeta, format_time
from chronos_operator.decide.narrative import Note

REPORTER = "chronos-operator"
MESSAGE_MAX_LENGTH = 1000

log = logging.getLogger(__name__)


class Events:
    """Sends Events."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    async def send_event(
        self, resource: Resource, about: ObjectMeta, note: Note, *, now: datetime
    ) -> None:
        """Sends one; the same news about the same version of an object is one Event."""
        try:
            await self._kubernetes.create(
                EVENTS, about.namespace, build_event(resource, about, note, now=now)
            )
        except AlreadyExists:
            return
        except ClientError as error:
            log.warning("event was not sent", extra={"event": note.reason, "error": str(error)})


def build_event(resource: Resource, about: ObjectMeta, note: Note, *, now: datetime) -> Object:
    """The Event; its name is made of its content, so that a repeated step sends it once."""
    content = "/".join((about.uid, str(about.generation), note.reason, note.message))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about.name}.{digest}", "namespace": about.namespace},
        "involvedObject": {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": about.name,
            "namespace": about.namespace,
            "uid": about.uid,
        },
        "type": "Warning" if note.warning else "Normal",
        "reason": note.reason,
        "message": note.message[:MESSAGE_MAX_LENGTH],
        "firstTimestamp": format_time(now.replace(microsecond=0)),
        "lastTimestamp": format_time(now.replace(microsecond=0)),
        "count": 1,
        "source": {"component": REPORTER},
        "reportingComponent": REPORTER,
        "reportingInstance": REPORTER,
    }
