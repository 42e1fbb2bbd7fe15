"""Which addresses the cluster uses: pure decisions, the machine's own come in as values."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address

NODE_NAME = "chronos-node"
POD_CIDR = "10.244.0.0/24"
POD_GATEWAY = "10.244.0.1"
SERVICE_CIDR = "10.96.0.0/16"
SERVICE_API_IP = "10.96.0.1"
BRIDGE = "chronos0"
HOST_LINK = "chronos-host"
INSIDE_LINK = "eth0"
API_PORT = 6443

CANDIDATES = tuple(
    IPv4Network(text)
    for text in ("172.30.250.0/30", "10.213.250.0/30", "192.168.250.0/30", "172.21.250.0/30")
)


@dataclass(frozen=True)
class Link:
    """The two ends of the wire between this machine and the cluster."""

    subnet: str
    host_ip: str
    node_ip: str
    mtu: int

    @property
    def server(self) -> str:
        """The API server's URL, the same from inside and from this machine."""
        return f"https://{self.node_ip}:{API_PORT}"


def choose_subnet(taken: Iterable[IPv4Network]) -> IPv4Network | None:
    """The first candidate that overlaps nothing this machine has a route to; None if all do."""
    in_use = list(taken)
    for candidate in CANDIDATES:
        if not any(candidate.overlaps(network) for network in in_use):
            return candidate
    return None


def build_link(subnet: IPv4Network, *, mtu: int) -> Link:
    """First address for the host, second for the node."""
    host_ip, node_ip = list(subnet.hosts())
    return Link(subnet=str(subnet), host_ip=str(host_ip), node_ip=str(node_ip), mtu=mtu)


def read_taken_networks(routes_json: str) -> list[IPv4Network]:
    """Networks out of `ip -j -4 route show table all`; the default route takes nothing."""
    networks = []
    for route in json.loads(routes_json or "[]"):
        destination = route.get("dst", "default")
        if destination != "default" and route.get("dev") != HOST_LINK:
            networks.append(IPv4Network(destination, strict=False))
    return networks


def read_default_device(routes_json: str) -> str | None:
    """The interface that leads out of this machine, or None without a network."""
    for route in json.loads(routes_json or "[]"):
        if route.get("dst") == "default" and "dev" in route:
            return str(route["dev"])
    return None


def read_resolvers(resolv_conf: str) -> tuple[str, ...]:
    """Name servers that can be reached from inside: those on loopback cannot."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                address = ip_address(words[1].split("%")[0])
            except ValueError:
                continue
            if address.version == 4 and not address.is_loopback:
                found.append(str(address))
    return tuple(found)
