"""The flags and files that mattered are there, and carry the cluster's own addresses."""

from __future__ import annotations

import json
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest

from chronos_cluster.node.addresses import Link
from chronos_cluster.node.bringup import build_init_script
from chronos_cluster.node.components import (
    build_containerd_configuration,
    build_corefile,
    build_kubelet_configuration,
    build_pod_network,
    list_components,
)
from chronos_cluster.node.layout import Layout
from chronos_cluster.supervision import build_supervisor_configuration

LAYOUT = Layout(Path("/state"))
LINK = Link("172.30.250.0/30", "172.30.250.1", "172.30.250.2", 1400)
COMPONENTS = {each.name: each for each in list_components(LAYOUT, LINK, Path("/bin-1"))}


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        pytest.param("etcd", "--listen-client-urls=http://127.0.0.1:2379", id="etcd: loopback"),
        pytest.param(
            "kube-apiserver", "--authorization-mode=Node,RBAC", id="nobody is let in without rights"
        ),
        pytest.param(
            "kube-apiserver",
            "--kubelet-certificate-authority=/state/pki/ca.crt",
            id="the kubelet is not believed unproven",
        ),
        pytest.param(
            "kube-controller-manager",
            "--use-service-account-credentials=true",
            id="each controller has only its own rights",
        ),
        pytest.param(
            "kube-proxy", "--conntrack-max-per-core=0", id="the machine's connection table stays"
        ),
        pytest.param("kubelet", "--node-ip=172.30.250.2", id="the node has its own address"),
    ],
)
def test_flag(name: str, flag: str) -> None:
    assert flag in COMPONENTS[name].argv


def test_everything_that_is_asked_for_its_health_is_asked_at_the_nodes_address() -> None:
    urls = [each.ready_url for each in COMPONENTS.values() if each.ready_url]
    assert len(urls) == 6
    assert all("://172.30.250.2:" in url for url in urls)


def test_kubelet() -> None:
    kubelet = json.loads(build_kubelet_configuration(LAYOUT))
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["cgroupRoot"] == "/chronos-cluster"
    assert kubelet["maxPods"] == 250
    assert kubelet["clusterDNS"] == ["10.244.0.1"]
    assert "containerLogMaxSize" not in kubelet  # Tests of rotation rely on the default.


def test_containerd_configuration_is_toml_with_the_settings_that_mattered() -> None:
    text = build_containerd_configuration(LAYOUT, snapshotter="native")
    cri = tomllib.loads(text)["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["containerd"]["snapshotter"] == "native"
    assert cri["cni"]["conf_dir"] == "/state/conf/cni"


def test_pods_get_the_mtu_of_the_way_out() -> None:
    bridge, portmap = json.loads(build_pod_network(mtu=1400))["plugins"]
    assert bridge["mtu"] == 1400
    assert portmap["capabilities"] == {"portMappings": True}


@pytest.mark.parametrize(
    ("resolvers", "forward"),
    [
        pytest.param(("10.0.0.1", "10.0.0.2"), ["forward . 10.0.0.1 10.0.0.2"], id="forwarded"),
        pytest.param((), [], id="no resolver, no forward"),
    ],
)
def test_corefile(resolvers: tuple[str, ...], forward: list[str]) -> None:
    lines = [line.strip() for line in build_corefile(LAYOUT, resolvers).splitlines()]
    assert [line for line in lines if line.startswith("forward")] == forward
    assert lines[0] == ".:53 {"
    assert lines[-1] == "}"


def test_supervisor_configuration_is_an_ini_file_with_one_section_a_program() -> None:
    text = build_supervisor_configuration(
        [("one", ("/bin/one", "--share=5%", "two words")), ("two", ("/bin/two",))],
        socket_path=Path("/s/sock"),
        pid_file=Path("/s/pid"),
        logs=Path("/s/logs"),
        path="/bin",
        autostart=False,
    )
    read = RawConfigParser()
    read.read_string(text)
    assert read["program:one"]["command"] == "/bin/one --share=5%% 'two words'"
    assert read["program:two"]["stdout_logfile"] == "/s/logs/two.log"
    assert read["unix_http_server"]["chmod"] == "0700"


def test_init_waits_for_its_network_before_it_becomes_supervisord() -> None:
    lines = build_init_script(LAYOUT, LINK).splitlines()
    assert lines[0] == "set -e"
    assert lines.index("read go || exit 1") < lines.index("ip link set eth0 up")
    assert lines[-1].startswith("exec ")
