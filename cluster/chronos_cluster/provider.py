"""Which cluster Chronos goes to: a pure decision over what was found on this machine."""

import json
from dataclasses import dataclass
from enum import Enum

from chronos_cluster.kubectl import Kubectl

API_NODE_PORT = 30080
STORE_NODE_PORT = 30070


class Provider(Enum):
    """Who runs the cluster."""

    NAMED = "the cluster you named"
    KIND = "kind, in Docker"
    OWN = "the own one-node cluster"


@dataclass(frozen=True)
class Findings:
    """What the decision looks at; servers are URLs of API servers, None where there is none."""

    named_server: str | None
    own_server: str | None
    kind_server: str | None
    docker_answers: bool


def choose_provider(found: Findings) -> Provider:
    """A named cluster, else one of ours that exists, else kind where Docker answers, else own.

    A named kubeconfig that leads to a cluster of ours means that cluster, with all we know of it.
    The user's current context is never looked at.
    """
    if found.named_server is not None:
        if found.named_server == found.own_server:
            return Provider.OWN
        if found.named_server == found.kind_server:
            return Provider.KIND
        return Provider.NAMED
    if found.own_server is not None:
        return Provider.OWN
    return Provider.KIND if found.docker_answers or found.kind_server else Provider.OWN


@dataclass(frozen=True)
class Target:
    """A cluster that is up: how to speak to it and where its services are reached from here."""

    provider: Provider
    kubectl: Kubectl
    api_url: str
    store_url: str
    service_type: str

    @property
    def api_node_port(self) -> int | None:
        return API_NODE_PORT if self.service_type == "NodePort" else None

    @property
    def store_node_port(self) -> int | None:
        return STORE_NODE_PORT if self.service_type == "NodePort" else None


def read_server(kubectl: Kubectl) -> str | None:
    """The API server's URL in a kubeconfig's current context; nobody is asked for it."""
    arguments = ("config", "view", "--minify", "-o", "json")
    clusters = json.loads(kubectl.run(*arguments, timeout=20)).get("clusters") or []
    return str(clusters[0]["cluster"]["server"]) if clusters else None
