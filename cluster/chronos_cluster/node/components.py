"""The command line of each component, as values: every flag that mattered has its reason."""

import json
from dataclasses import dataclass
from pathlib import Path

from chronos_cluster.node.addresses import (
    API_PORT,
    BRIDGE,
    NODE_NAME,
    POD_CIDR,
    POD_GATEWAY,
    SERVICE_CIDR,
    Link,
)
from chronos_cluster.node.layout import Layout

CGROUP = "chronos-cluster"
PAUSE_IMAGE = "chronos.local/pause:1"
ETCD_URL = "http://127.0.0.1:2379"
ETCD_QUOTA_BYTES = 4 * 1024**3


@dataclass(frozen=True)
class Component:
    """One supervised program; `ready_url` answers 200 once it can be used."""

    name: str
    argv: tuple[str, ...]
    ready_url: str | None = None


def list_components(layout: Layout, link: Link, binaries: Path) -> tuple[Component, ...]:
    """In the order in which they are started."""
    return (
        _etcd(layout, binaries),
        _apiserver(layout, link, binaries),
        _controller_manager(layout, link, binaries),
        _scheduler(layout, link, binaries),
        Component("containerd", ("containerd", "-c", str(layout.conf / "containerd.toml"))),
        _kubelet(layout, link, binaries),
        _proxy(layout, link, binaries),
        Component(
            "coredns",
            (str(binaries / "coredns"), "-conf", str(layout.conf / "Corefile")),
            ready_url=f"http://{link.node_ip}:8181/ready",
        ),
        _provisioner(layout, binaries),
    )


def _etcd(layout: Layout, binaries: Path) -> Component:
    return Component(
        "etcd",
        (
            str(binaries / "etcd"),
            f"--data-dir={layout.etcd}",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            f"--quota-backend-bytes={ETCD_QUOTA_BYTES}",
            "--log-level=warn",
        ),
    )


def _apiserver(layout: Layout, link: Link, binaries: Path) -> Component:
    pki = layout.pki
    return Component(
        "kube-apiserver",
        (
            str(binaries / "kube-apiserver"),
            f"--etcd-servers={ETCD_URL}",
            f"--secure-port={API_PORT}",
            f"--advertise-address={link.node_ip}",
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP,Hostname",
            "--profiling=false",
        ),
        ready_url=f"{link.server}/readyz",
    )


def _controller_manager(layout: Layout, link: Link, binaries: Path) -> Component:
    kubeconfig, pki = layout.kubeconfig_of("controller-manager"), layout.pki
    return Component(
        "kube-controller-manager",
        (
            str(binaries / "kube-controller-manager"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            "--profiling=false",
        ),
        ready_url=f"https://{link.node_ip}:10257/healthz",
    )


def _scheduler(layout: Layout, link: Link, binaries: Path) -> Component:
    kubeconfig = layout.kubeconfig_of("scheduler")
    return Component(
        "kube-scheduler",
        (
            str(binaries / "kube-scheduler"),
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--leader-elect=false",
            f"--tls-cert-file={layout.pki}/apiserver.crt",
            f"--tls-private-key-file={layout.pki}/apiserver.key",
            "--profiling=false",
        ),
        ready_url=f"https://{link.node_ip}:10259/readyz",
    )


def _kubelet(layout: Layout, link: Link, binaries: Path) -> Component:
    return Component(
        "kubelet",
        (
            str(binaries / "kubelet"),
            f"--config={layout.conf}/kubelet.json",
            f"--kubeconfig={layout.kubeconfig_of('kubelet')}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={link.node_ip}",
            f"--root-dir={layout.kubelet_root}",
        ),
        ready_url=f"http://{link.node_ip}:10248/healthz",
    )


def _proxy(layout: Layout, link: Link, binaries: Path) -> Component:
    return Component(
        "kube-proxy",
        (
            str(binaries / "kube-proxy"),
            f"--kubeconfig={layout.kubeconfig_of('proxy')}",
            f"--hostname-override={NODE_NAME}",
            f"--cluster-cidr={POD_CIDR}",
            "--proxy-mode=iptables",
            # The connection table's size belongs to the machine, not to this namespace.
            "--conntrack-max-per-core=0",
            "--metrics-bind-address=127.0.0.1:10249",
        ),
        ready_url=f"http://{link.node_ip}:10256/healthz",
    )


def _provisioner(layout: Layout, binaries: Path) -> Component:
    return Component(
        "local-path-provisioner",
        (
            str(binaries / "local-path-provisioner"),
            "start",
            f"--config={layout.conf}/local-path.json",
            f"--helper-pod-file={layout.conf}/helper-pod.json",
            f"--kubeconfig={layout.kubeconfig_of('admin')}",
            "--namespace=local-path-storage",
            "--service-account-name=local-path-helper",
            "--configmap-name=local-path-config",
        ),
    )


def build_kubelet_configuration(layout: Layout) -> str:
    """KubeletConfiguration as JSON."""
    pki = layout.pki
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{pki}/kubelet.crt",
            "tlsPrivateKeyFile": f"{pki}/kubelet.key",
            "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
            # An own top folder, so that what a crash leaves behind can be told from others'.
            "cgroupRoot": f"/{CGROUP}",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "clusterDNS": [POD_GATEWAY],
            "clusterDomain": "cluster.local",
            # Reached from this machine alone, by `make status`; it tells only whether it lives.
            "healthzBindAddress": "0.0.0.0",  # noqa: S104
            "resolvConf": f"{layout.conf}/resolv.conf",
            "maxPods": 250,
            # A developer's half-full disk must not evict pods.
            "evictionHard": {},
            "localStorageCapacityIsolation": False,
            "imageGCHighThresholdPercent": 100,
            "serializeImagePulls": False,
        },
        indent=1,
    )


def build_containerd_configuration(layout: Layout, *, snapshotter: str) -> str:
    """containerd's TOML. JSON strings are valid TOML strings."""

    def quoted(path: Path | str) -> str:
        return json.dumps(str(path))

    return "\n".join(
        (
            "version = 2",
            f"root = {quoted(layout.containerd_root)}",
            'state = "/run/containerd"',
            "[grpc]",
            f"  address = {quoted(layout.containerd_socket)}",
            '[plugins."io.containerd.grpc.v1.cri"]',
            f"  sandbox_image = {quoted(PAUSE_IMAGE)}",
            # Without it every pod fails with "can't get final child's PID from pipe: EOF"
            # where CAP_SYS_RESOURCE is missing.
            "  restrict_oom_score_adj = true",
            '  [plugins."io.containerd.grpc.v1.cri".containerd]',
            f"    snapshotter = {quoted(snapshotter)}",
            '  [plugins."io.containerd.grpc.v1.cri".cni]',
            '    bin_dir = "/usr/lib/cni"',
            f"    conf_dir = {quoted(layout.conf / 'cni')}",
            "",
        )
    )


def build_pod_network(*, mtu: int) -> str:
    """The CNI configuration list: a bridge, addresses, host ports."""
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "chronos",
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": BRIDGE,
                    "isGateway": True,
                    "ipMasq": True,
                    "hairpinMode": True,
                    "mtu": mtu,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": POD_CIDR}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                        # On the tmpfs: after a crash no pod lives, so no address is taken.
                        "dataDir": "/run/cni-addresses",
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        },
        indent=1,
    )


def build_corefile(layout: Layout, resolvers: tuple[str, ...]) -> str:
    """CoreDNS: the cluster's names; all others by the machine's resolvers, where it has any."""
    lines = [
        ".:53 {",
        "    health 127.0.0.1:8080",
        "    ready :8181",
        "    errors",
        "    cache 30",
        "    kubernetes cluster.local in-addr.arpa ip6.arpa {",
        f"        kubeconfig {layout.kubeconfig_of('admin')}",
        "        pods insecure",
        "        fallthrough in-addr.arpa ip6.arpa",
        "    }",
    ]
    if resolvers:
        lines.append("    forward . " + " ".join(resolvers))
    return "\n".join([*lines, "}", ""])
