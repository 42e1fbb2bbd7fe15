"""The story of the own cluster: how it comes up, and how nothing of it stays behind."""

import shutil
import sys
from functools import partial
from pathlib import Path

from chronos_cluster.certificates import (
    build_kubeconfig,
    list_identities,
    write_certificates,
)
from chronos_cluster.claim import claim_folder, is_claimed
from chronos_cluster.clock import wait_until
from chronos_cluster.command import CommandFailed, succeeds
from chronos_cluster.health import is_well
from chronos_cluster.kubectl import Kubectl
from chronos_cluster.node import addresses, cgroups, network, sandbox, storage
from chronos_cluster.node.addresses import Link
from chronos_cluster.node.busybox import Busybox
from chronos_cluster.node.components import (
    Component,
    build_containerd_configuration,
    build_corefile,
    build_kubelet_configuration,
    build_pod_network,
    list_components,
)
from chronos_cluster.node.host import (
    load_modules,
    read_host_record,
    restore_settings,
    write_host_record,
)
from chronos_cluster.node.images import ImageStore
from chronos_cluster.node.layout import Layout
from chronos_cluster.node.machine import SYSTEM_PATHS, choose_snapshotter
from chronos_cluster.record import read_record, write_record
from chronos_cluster.refusal import Refusal, StepFailed
from chronos_cluster.supervision import Supervisor, build_supervisor_configuration

# A fixed path of the CNI plugins; an empty folder on the host for our mount to cover.
CNI_STATE = Path("/var/lib/cni")
RESOLVER_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
FIRST = ("etcd", "containerd", "kube-apiserver")
API_TIMEOUT = 60.0
NODE_TIMEOUT = 90.0
STATE_VERSION = 1
KUBECONFIGS = ("admin", "controller-manager", "scheduler", "kubelet", "proxy")


class OwnCluster:
    """One cluster a machine; every method can be repeated at any time."""

    def __init__(self, layout: Layout, binaries: Path, busybox: Busybox) -> None:
        self.layout = layout
        self.busybox = busybox
        self.binaries = binaries
        self.supervisor = Supervisor(layout.supervisor_socket)
        self.snapshotter = choose_snapshotter(Path("/proc/mounts").read_text(), layout.state_dir)
        self.images = ImageStore(
            layout.containerd_socket,
            log=layout.log_of("images"),
            snapshotter=self.snapshotter,
        )

    @property
    def _origin(self) -> dict[str, object]:
        """What the state is made for; state of another origin is of no use."""
        return {"version": STATE_VERSION, "binaries": self.binaries.name}

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.binaries, self.layout.kubeconfig)

    def is_alive(self) -> bool:
        """Whether the recorded init lives and answers."""
        return sandbox.find_init(self.layout.init_record) is not None and self.supervisor.is_up()

    def read_link(self) -> Link | None:
        record = read_host_record(self.layout.host_record)
        return record[0] if record else None

    def list_components(self) -> tuple[Component, ...]:
        link = self.read_link()
        return list_components(self.layout, link, self.binaries) if link else ()

    def start(self) -> str | None:
        """Bring the API server up from whatever state is found; gives a remark."""
        claim_folder(self.layout.state_dir, variable="CHRONOS_STATE_DIR")
        remarks = [self._drop_foreign_state()]
        had_data = self.layout.etcd.exists()
        try:
            remarks.append(self._start_first())
        except StepFailed:
            if not had_data:
                raise
            self.wipe()
            self._start_first()
            remarks.append("earlier data were unusable: made anew")
        return "; ".join(remark for remark in remarks if remark) or None

    def _start_first(self) -> str | None:
        """Namespaces, then the programs that the others need, until the API server is ready."""
        remark = None
        link = self.read_link()
        if self.is_alive() and network.has_link() and link is not None:
            remark = "already up"
        else:
            link = self._clear_and_choose()
            self._write_files(link)
            self._open(link)
        warning = network.open_way_out(link)
        for name in FIRST:
            self.supervisor.start_program(name)
        self._await_api(link)
        return warning or remark

    def finish(self) -> None:
        """Start the other programs and wait until pods can run."""
        for component in self.list_components():
            self.supervisor.start_program(component.name)
        self.kubectl.apply(
            storage.build_storage_objects(
                volumes=self.layout.volumes, helper_image=self.busybox.image
            )
        )
        self._await_components()
        if not wait_until(self._is_node_ready, timeout=NODE_TIMEOUT, pause=0.3):
            raise StepFailed(
                f"the node was not ready after {NODE_TIMEOUT:.0f} s",
                remedy="read the logs of kubelet and containerd beside it, then repeat",
                log=self.layout.log_of("kubelet"),
            )
        self._await_default_account()

    def destroy(self) -> list[str]:
        """End everything and remove the state; gives what could not be removed."""
        record = read_host_record(self.layout.host_record)
        self._kill_all()
        network.remove_link()
        network.close_way_out()
        left = cgroups.remove_cgroups()
        if record:
            restore_settings(record[1])
        if is_claimed(self.layout.state_dir):
            shutil.rmtree(self.layout.state_dir)
        if CNI_STATE.is_dir() and not any(CNI_STATE.iterdir()):
            CNI_STATE.rmdir()
        return [*left, *network.list_left_over()]

    def wipe(self) -> None:
        """Forget the cluster's contents but keep what is known of the host's settings."""
        record = self.layout.host_record
        kept = record.read_bytes() if record.exists() else None
        self._kill_all()
        shutil.rmtree(self.layout.state_dir)
        claim_folder(self.layout.state_dir, variable="CHRONOS_STATE_DIR")
        if kept is not None:
            record.write_bytes(kept)

    def _kill_all(self) -> None:
        """The init takes all others along; cgroups find them where its record was lost."""
        sandbox.kill_init(self.layout.init_record)
        cgroups.kill_members()

    def _drop_foreign_state(self) -> str | None:
        """State made from other pins, or half made, is of no use: start anew."""
        found = read_record(self.layout.origin_record)
        if found == self._origin or not self.layout.conf.exists():
            return None
        self.wipe()
        return "pinned versions changed: made anew" if found else None

    def _clear_and_choose(self) -> Link:
        """Remove what a crash left in the kernel; keep the earlier subnet if it is still free."""
        self._kill_all()
        network.remove_link()
        left = cgroups.remove_cgroups()
        if left:
            raise Refusal(
                f"processes of an earlier cluster still live, in {left[0]}",
                remedy="end them (their numbers are in cgroup.procs there), then repeat",
            )
        return network.choose_link()

    def _write_files(self, link: Link) -> None:
        layout = self.layout
        for folder in (layout.state_dir, layout.conf, layout.conf / "cni", layout.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (layout.volumes, layout.var_log, layout.var_lib_cni):
            folder.mkdir(exist_ok=True)
        layout.state_dir.chmod(0o711)  # Pods' volumes are reached through it, nothing is listed.
        before = self.read_link()
        write_host_record(layout.host_record, link)
        if not (layout.pki / "sa.pub").exists() or before is None or before != link:
            self._write_pki(link)
        self._write_configuration(link)
        write_record(layout.origin_record, self._origin)

    def _write_pki(self, link: Link) -> None:
        shutil.rmtree(self.layout.pki, ignore_errors=True)
        identities = list_identities(
            node=addresses.NODE_NAME,
            node_ip=link.node_ip,
            service_ip=addresses.SERVICE_API_IP,
        )
        write_certificates(self.layout.pki, identities)

    def _write_configuration(self, link: Link) -> None:
        layout, pki = self.layout, self.layout.pki
        resolvers = _find_resolvers()
        texts = {
            "kubelet.json": build_kubelet_configuration(layout),
            "containerd.toml": build_containerd_configuration(layout, snapshotter=self.snapshotter),
            "cni/10-chronos.conflist": build_pod_network(mtu=link.mtu),
            "Corefile": build_corefile(layout, resolvers),
            "resolv.conf": "".join(f"nameserver {address}\n" for address in resolvers),
            "local-path.json": storage.build_provisioner_configuration(layout.volumes),
            "helper-pod.json": storage.build_helper_pod(self.busybox.image),
            "supervisord.conf": build_supervisor_configuration(
                [(each.name, each.argv) for each in list_components(layout, link, self.binaries)],
                socket_path=layout.supervisor_socket,
                pid_file=Path("/run/supervisord.pid"),
                logs=layout.logs,
                autostart=False,
                path=f"{self.binaries}:{SYSTEM_PATHS}",
            ),
        }
        for user in KUBECONFIGS:
            texts[f"{user}.kubeconfig"] = build_kubeconfig(
                server=link.server,
                authority=pki / "ca.crt",
                certificate=pki / f"{user}.crt",
                key=pki / f"{user}.key",
            )
        for name, text in texts.items():
            (layout.conf / name).write_text(text)
        layout.kubeconfig.touch(mode=0o600)
        layout.kubeconfig.write_text(texts["admin.kubeconfig"])

    def _open(self, link: Link) -> None:
        """New namespaces, the wire into them, then supervisord as their init."""
        load_modules()
        cgroups.create_cgroups()
        CNI_STATE.mkdir(exist_ok=True)
        log = self.layout.log_of("init")
        try:
            box = sandbox.open_sandbox(
                build_init_script(self.layout, link), record=self.layout.init_record, log=log
            )
            cgroups.join_cgroups(box.init_pid)
            network.connect_link(link, init_pid=box.init_pid)
            box.release()
        except (OSError, CommandFailed) as error:
            raise StepFailed(
                f"the cluster's namespaces could not be made: {error}",
                remedy="read the log; in a container this needs --privileged",
                log=log,
            ) from error
        if not wait_until(self.supervisor.is_up, timeout=30.0):
            raise StepFailed("supervisord did not start", remedy="read the log", log=log)

    def _await_api(self, link: Link) -> None:
        url = f"{link.server}/readyz"
        authority = self.layout.pki / "ca.crt"
        if not wait_until(lambda: is_well(url, authority=authority), timeout=API_TIMEOUT):
            raise StepFailed(
                f"the API server was not ready after {API_TIMEOUT:.0f} s",
                remedy="read this log and etcd.log beside it; after `make down` all starts anew",
                log=self.layout.log_of("kube-apiserver"),
            )
        ask_version = ["ctr", "--address", str(self.layout.containerd_socket), "version"]
        if not wait_until(lambda: succeeds(ask_version, timeout=10), timeout=30):
            raise StepFailed(
                "containerd does not answer",
                remedy="read the log, then repeat",
                log=self.layout.log_of("containerd"),
            )

    def _await_components(self) -> None:
        """After a crash the stored node still says Ready, so the programs are asked themselves."""
        authority = self.layout.pki / "ca.crt"
        for component in self.list_components():
            url = component.ready_url
            if url is None:
                continue
            if not wait_until(partial(is_well, url, authority=authority), timeout=NODE_TIMEOUT):
                raise StepFailed(
                    f"{component.name} was not ready after {NODE_TIMEOUT:.0f} s",
                    remedy="read the log, then repeat",
                    log=self.layout.log_of(component.name),
                )

    def _is_node_ready(self) -> bool:
        try:
            node = self.kubectl.get("node", addresses.NODE_NAME)
        except CommandFailed:
            return False
        conditions = node["status"].get("conditions", []) if node else []
        return any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in conditions
        )

    def _await_default_account(self) -> None:
        """Pods are refused until the controller-manager has made this one."""

        def exists() -> bool:
            try:
                found = self.kubectl.get("serviceaccount", "default", "--namespace=default")
            except CommandFailed:
                return False
            return found is not None

        if not wait_until(exists, timeout=30.0, pause=0.3):
            raise StepFailed(
                "the controller-manager makes no service accounts",
                remedy="read the log, then repeat",
                log=self.layout.log_of("kube-controller-manager"),
            )


def _find_resolvers() -> tuple[str, ...]:
    """The machine's; behind a stub on loopback those that systemd-resolved asks itself."""
    for path in RESOLVER_FILES:
        found = addresses.read_resolvers(path.read_text()) if path.exists() else ()
        if found:
            return found
    return ()


def build_init_script(layout: Layout, link: Link) -> str:
    """What process 1 does inside before it becomes supervisord; runs under `sh`."""
    supervisord = Path(sys.executable).with_name("supervisord")
    lines = (
        "set -e",
        # The kubelet and containerd share mounts with pods; outside none of it is seen.
        "mount --make-rshared /",
        "mount -t tmpfs -o mode=755,nosuid,nodev chronos-run /run",
        "mkdir -p /run/lock",
        f"mount --bind '{layout.var_log}' /var/log",
        f"mount --bind '{layout.var_lib_cni}' {CNI_STATE}",
        f"hostname {addresses.NODE_NAME}",
        "read go || exit 1",
        "ip link set lo up",
        f"ip addr add {link.node_ip}/30 dev {addresses.INSIDE_LINK}",
        f"ip link set {addresses.INSIDE_LINK} up",
        f"ip route add default via {link.host_ip}",
        f"ip link add {addresses.BRIDGE} mtu {link.mtu} type bridge",
        f"ip addr add {addresses.POD_GATEWAY}/24 dev {addresses.BRIDGE}",
        f"ip link set {addresses.BRIDGE} up",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        # Without it a pod that calls its own node's service address gets no answer.
        "echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables || true",
        f"exec '{supervisord}' -n -c '{layout.conf}/supervisord.conf'",
    )
    return "\n".join(lines)
