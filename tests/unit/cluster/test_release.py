"""What the chart is told, and what the user is told."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from chronos_cluster.account import (
    build_account,
    build_exports,
    build_table,
    format_duration,
    summarize_pods,
)
from chronos_cluster.kubectl import Kubectl
from chronos_cluster.named import split_image
from chronos_cluster.provider import Provider, Target
from chronos_cluster.refusal import Refusal
from chronos_cluster.release import ImageName, build_values, find_stuck_revisions


def build_target(service_type: str) -> Target:
    return Target(
        provider=Provider.OWN,
        kubectl=Kubectl(Path("/bin-1/key"), Path("/state/kubeconfig")),
        api_url="http://172.30.250.2:30080",
        store_url="http://172.30.250.2:30070",
        service_type=service_type,
    )


@pytest.mark.parametrize(
    ("service_type", "ports"),
    [
        pytest.param("NodePort", (30080, 30070), id="node ports where the node is ours"),
        pytest.param("ClusterIP", (None, None), id="no port is opened on a named cluster"),
    ],
)
def test_values(service_type: str, ports: tuple[int | None, int | None]) -> None:
    image = ImageName("ghcr.io/x/chronos", "dev-1")
    values = build_values(build_target(service_type), image, example_image="busybox:1.35")
    api, store = values["api"]["service"], values["objectStore"]["embedded"]["service"]
    assert (api["nodePort"], store["nodePort"]) == ports
    assert (api["type"], store["type"]) == (service_type, service_type)
    assert values["objectStore"]["publicEndpoint"] == "http://172.30.250.2:30070"
    assert values["image"]["tag"] == "dev-1"


def test_crds_that_were_there_before_are_left_to_their_owner() -> None:
    image = ImageName("x", "1")
    target = build_target("ClusterIP")
    assert build_values(target, image, example_image="b:1")["crds"] == {"install": True}
    values = build_values(target, image, example_image="b:1", with_crds=False)
    assert values["crds"] == {"install": False}


def test_only_revisions_at_which_helm_was_killed_are_in_the_way() -> None:
    history = [
        {"revision": 1, "status": "superseded"},
        {"revision": 2, "status": "deployed"},
        {"revision": 3, "status": "pending-upgrade"},
    ]
    assert find_stuck_revisions(history) == [3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("ghcr.io/x/chronos:1", ("ghcr.io/x/chronos", "1"), id="a usual name"),
        pytest.param("registry:5000/x:2", ("registry:5000/x", "2"), id="a registry with a port"),
    ],
)
def test_image_name(name: str, expected: tuple[str, str]) -> None:
    assert split_image(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(None, id="none given"),
        pytest.param("ghcr.io/x/chronos", id="no tag"),
        pytest.param("registry:5000/x", id="a port is not a tag"),
        pytest.param("x:", id="an empty tag"),
    ],
)
def test_image_name_is_refused(name: str | None) -> None:
    with pytest.raises(Refusal, match="CHRONOS_IMAGE"):
        split_image(name)


def test_exports_are_words_a_shell_reads_back() -> None:
    text = build_exports(
        kubeconfig=Path("/a b/kubeconfig"),
        url="http://x:1",
        key="it's;secret",
        example_image="busybox:1.35",
        programs=Path("/cache/bin"),
    )
    lines = [shlex.split(line) for line in text.splitlines()]
    assert [line[0] for line in lines] == ["export"] * 5
    assert lines[0][1] == "KUBECONFIG=/a b/kubeconfig"
    assert lines[2][1] == "CHRONOS_API_KEY=it's;secret"
    assert lines[4][1] == "PATH=/cache/bin:$PATH"


def test_account_tells_where_how_and_three_commands_but_not_the_key() -> None:
    text = build_account(
        title="kind", api_url="http://127.0.0.1:30080", example_log="hello\n", seconds="42 s"
    )
    assert "http://127.0.0.1:30080/api/v1" in text
    assert "kubectl get secret -n chronos-system chronos-api-key" in text
    assert "    hello" in text
    after = text.split("Three commands to try next:\n")[1].split("\n\n")[0]
    assert len(after.splitlines()) == 3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "0s", id="just started"),
        pytest.param(67, "1m7s", id="a minute"),
        pytest.param(3600, "1h", id="an hour sharp"),
        pytest.param(90061, "1d1h", id="two largest units only"),
        pytest.param(-5, "0s", id="a clock set back"),
    ],
)
def test_duration(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


def test_table_columns_are_as_wide_as_needed() -> None:
    assert build_table([("A", "B"), ("long", "x")]) == "A     B\nlong  x"


def test_pods_without_statuses_yet_are_told_too() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{}, {}]}, "status": {}}
    assert summarize_pods({"items": [pod]}) == [("p", "Unknown", "0/2 ready")]
    assert summarize_pods({}) == []
