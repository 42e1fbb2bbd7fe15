"""What every command starts from: the settings, the programs, the clusters there may be."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from chronos_cluster.command import CommandFailed
from chronos_cluster.image import ImageRecipe
from chronos_cluster.kind import Kind, docker_answers
from chronos_cluster.kubectl import Kubectl
from chronos_cluster.lock import hold_lock
from chronos_cluster.named import PortForwards
from chronos_cluster.node.bringup import OwnCluster
from chronos_cluster.node.busybox import Busybox
from chronos_cluster.node.layout import Layout
from chronos_cluster.provider import (
    API_NODE_PORT,
    STORE_NODE_PORT,
    Findings,
    Provider,
    Target,
    choose_provider,
    read_server,
)
from chronos_cluster.refusal import Refusal
from chronos_cluster.release import NAMESPACE, Release
from chronos_cluster.settings import Settings
from chronos_cluster.toolchain import CLIENTS, Toolchain

MACHINE_LOCKS = Path("/run/lock")


class Workshop:
    """Parts are made when first asked for; none of them does anything by being made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.toolchain = Toolchain(
            source=settings.root / "cluster" / "go",
            cache_dir=settings.cache_dir,
            logs_dir=settings.logs_dir,
        )

    @cached_property
    def own(self) -> OwnCluster:
        layout = Layout(self.settings.state_dir)
        return OwnCluster(layout, self.toolchain.folder, self.busybox)

    @cached_property
    def busybox(self) -> Busybox:
        return Busybox(self.settings.cache_dir)

    @cached_property
    def kind(self) -> Kind:
        return Kind(
            self.toolchain.folder,
            folder=self.settings.named_dir,
            log=self.settings.logs_dir / "kind.log",
        )

    @cached_property
    def recipe(self) -> ImageRecipe:
        return ImageRecipe(self.settings.root)

    @contextmanager
    def alone(self, command: str, *, with_cluster: bool) -> Iterator[None]:
        """Keep others off the cache and, where asked for, off the machine's one own cluster."""
        what = f"chronos_cluster {command} of {self.settings.root}"
        locks = [self.settings.cache_dir / "lock"]
        if with_cluster and os.geteuid() == 0 and MACHINE_LOCKS.is_dir():
            locks.append(MACHINE_LOCKS / "chronos-cluster.lock")
        with ExitStack() as held:
            for lock in locks:
                held.enter_context(hold_lock(lock, what=what))
            yield

    @property
    def install_log(self) -> Path:
        return self.settings.logs_dir / "install.log"

    @property
    def receipt_file(self) -> Path:
        """JSON: what of CRDs and namespace in the named cluster is ours to remove."""
        return self.forwards.folder / "receipt.json"

    @property
    def example_image(self) -> str:
        """A small image with a shell, by its full name."""
        return self.busybox.image

    def choose(self) -> Provider:
        """Look, then decide; see choose_provider."""
        named_server = self._read_named_server()
        link = self.own.read_link()
        kind_server = self._read_kind_server()
        needs_docker = named_server is None and link is None and kind_server is None
        return choose_provider(
            Findings(
                named_server=named_server,
                own_server=link.server if link else None,
                kind_server=kind_server,
                docker_answers=needs_docker and docker_answers(),
            )
        )

    def find_target(self, provider: Provider) -> Target | None:
        """The cluster if it is up, without starting anything."""
        if provider is Provider.OWN:
            return self.own_target() if self.own.is_alive() else None
        if self.toolchain.list_missing(CLIENTS):
            return None
        if provider is Provider.KIND:
            return self.kind_target() if self.kind.kubeconfig.exists() else None
        ports = self.forwards.read_ports()
        return self.named_target(ports.api_port, ports.store_port) if ports else None

    def own_target(self) -> Target:
        link = self.own.read_link()
        if link is None:
            raise Refusal("the own cluster is not up", remedy="make up")
        base = f"http://{link.node_ip}"
        return Target(
            provider=Provider.OWN,
            kubectl=self.own.kubectl,
            api_url=f"{base}:{API_NODE_PORT}",
            store_url=f"{base}:{STORE_NODE_PORT}",
            service_type="NodePort",
        )

    def kind_target(self) -> Target:
        return Target(
            provider=Provider.KIND,
            kubectl=Kubectl(self.toolchain.folder, self.kind.kubeconfig),
            api_url=f"http://127.0.0.1:{API_NODE_PORT}",
            store_url=f"http://127.0.0.1:{STORE_NODE_PORT}",
            service_type="NodePort",
        )

    def named_target(self, api_port: int, store_port: int) -> Target:
        return Target(
            provider=Provider.NAMED,
            kubectl=self.named_kubectl,
            api_url=f"http://127.0.0.1:{api_port}",
            store_url=f"http://127.0.0.1:{store_port}",
            service_type="ClusterIP",
        )

    @property
    def named_kubectl(self) -> Kubectl:
        if self.settings.named_kubeconfig is None:
            raise Refusal("no cluster is named", remedy="set CHRONOS_KUBECONFIG")
        return Kubectl(self.toolchain.folder, self.settings.named_kubeconfig)

    @property
    def forwards(self) -> PortForwards:
        return PortForwards(self.named_kubectl, folder=self.settings.named_dir, namespace=NAMESPACE)

    def release(self, target: Target) -> Release:
        chart = self.settings.root / "charts" / "chronos"
        return Release(target, chart=chart, log=self.install_log)

    def _read_named_server(self) -> str | None:
        named = self.settings.named_kubeconfig
        if named is None:
            return None
        if not named.is_file():
            raise Refusal(f"CHRONOS_KUBECONFIG: no file {named}", remedy="name an existing one")
        self.toolchain.build(CLIENTS)
        try:
            server = read_server(self.named_kubectl)
        except CommandFailed as error:
            raise Refusal(f"{named} cannot be read: {error}", remedy="mend the file") from error
        if server is None:
            raise Refusal(f"{named} has no current context", remedy="set one in that file")
        return server

    def _read_kind_server(self) -> str | None:
        if not self.kind.kubeconfig.exists() or self.toolchain.list_missing(CLIENTS):
            return None
        return read_server(Kubectl(self.toolchain.folder, self.kind.kubeconfig))
