"""Which cluster is chosen, out of what was found."""

from __future__ import annotations

import json

import pytest

from chronos_cluster.kind import build_configuration
from chronos_cluster.provider import Findings, Provider, choose_provider

NOTHING = {"named_server": None, "own_server": None, "kind_server": None, "docker_answers": False}
OWN = "https://172.30.250.2:6443"
KIND = "https://127.0.0.1:41000"
OTHER = "https://cluster.example:6443"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param({}, Provider.OWN, id="a bare machine gets the own cluster"),
        pytest.param({"docker_answers": True}, Provider.KIND, id="where Docker answers, kind"),
        pytest.param(
            {"named_server": OTHER, "docker_answers": True},
            Provider.NAMED,
            id="a named cluster wins over Docker",
        ),
        pytest.param(
            {"named_server": OTHER, "own_server": OWN, "kind_server": KIND},
            Provider.NAMED,
            id="a named cluster wins over clusters of ours that run",
        ),
        pytest.param(
            {"named_server": OWN, "own_server": OWN},
            Provider.OWN,
            id="a kubeconfig that leads to our own cluster means that cluster",
        ),
        pytest.param(
            {"named_server": KIND, "kind_server": KIND},
            Provider.KIND,
            id="a kubeconfig that leads to our kind cluster means that cluster",
        ),
        pytest.param(
            {"own_server": OWN, "docker_answers": True},
            Provider.OWN,
            id="an own cluster that exists is used even where Docker answers",
        ),
        pytest.param(
            {"kind_server": KIND},
            Provider.KIND,
            id="our kind cluster is meant even while Docker is stopped",
        ),
    ],
)
def test_choice(found: dict[str, object], expected: Provider) -> None:
    assert choose_provider(Findings(**{**NOTHING, **found})) is expected


def test_kind_opens_its_two_ports_on_loopback_only() -> None:
    (node,) = json.loads(build_configuration())["nodes"]
    opened = [
        (mapping["listenAddress"], mapping["hostPort"], mapping["containerPort"])
        for mapping in node["extraPortMappings"]
    ]
    assert opened == [("127.0.0.1", 30080, 30080), ("127.0.0.1", 30070, 30070)]
