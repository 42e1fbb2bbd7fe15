"""Addresses are chosen so that nothing the machine reaches is hidden."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest

from chronos_cluster.node.addresses import (
    HOST_LINK,
    Link,
    build_link,
    choose_subnet,
    read_default_device,
    read_resolvers,
    read_taken_networks,
)


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        pytest.param([], "172.30.250.0/30", id="on a free machine the first candidate"),
        pytest.param(
            ["172.30.0.0/16"], "10.213.250.0/30", id="a Docker network over the first one: second"
        ),
        pytest.param(
            ["172.30.250.1/32"], "10.213.250.0/30", id="a single address inside the first: second"
        ),
        pytest.param(
            ["172.16.0.0/12", "10.0.0.0/8"],
            "192.168.250.0/30",
            id="a company that routes two private ranges: third",
        ),
        pytest.param(
            ["172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16"], None, id="all are routed: none"
        ),
    ],
)
def test_subnet(taken: list[str], expected: str | None) -> None:
    chosen = choose_subnet(IPv4Network(text) for text in taken)
    assert (str(chosen) if chosen else None) == expected


def test_first_address_is_the_hosts_and_second_the_nodes() -> None:
    link = build_link(IPv4Network("172.30.250.0/30"), mtu=1400)
    assert link == Link("172.30.250.0/30", "172.30.250.1", "172.30.250.2", 1400)
    assert link.server == "https://172.30.250.2:6443"


ROUTES = json.dumps(
    [
        {"dst": "default", "gateway": "10.1.0.1", "dev": "eth0"},
        {"dst": "10.1.0.0/24", "dev": "eth0"},
        {"dst": "172.30.250.0/30", "dev": HOST_LINK},
        {"dst": "10.1.0.9", "dev": "lo", "table": "local", "type": "local"},
    ]
)


def test_routes_take_networks_but_the_default_and_our_own_wire_do_not() -> None:
    taken = [str(network) for network in read_taken_networks(ROUTES)]
    assert taken == ["10.1.0.0/24", "10.1.0.9/32"]


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        pytest.param(ROUTES, "eth0", id="the default route names it"),
        pytest.param("[]", None, id="a machine without a network has none"),
        pytest.param("", None, id="no answer is no device"),
    ],
)
def test_default_device(routes: str, expected: str | None) -> None:
    assert read_default_device(routes) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "nameserver 10.0.0.53\nnameserver 10.0.0.54\n",
            ("10.0.0.53", "10.0.0.54"),
            id="all reachable ones, in order",
        ),
        pytest.param("nameserver 127.0.0.53\n", (), id="a stub on loopback is not reachable"),
        pytest.param(
            "nameserver fe80::1%eth0\nnameserver 10.0.0.53 # office\n",
            ("10.0.0.53",),
            id="addresses of version 6 lead nowhere from inside",
        ),
        pytest.param("search example\n# nameserver 1.2.3.4\n", (), id="comments are none"),
        pytest.param("nameserver\nnameserver here\n", (), id="rubbish is passed over"),
    ],
)
def test_resolvers(text: str, expected: tuple[str, ...]) -> None:
    assert read_resolvers(text) == expected
