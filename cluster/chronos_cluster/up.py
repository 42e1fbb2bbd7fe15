"""`make up`: the steps for each provider, in order."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from chronos_cluster.account import build_account
from chronos_cluster.image import Buildah
from chronos_cluster.named import answers, split_image
from chronos_cluster.node.components import PAUSE_IMAGE
from chronos_cluster.node.images import (
    write_busybox,
    write_pause,
    write_versitygw,
)
from chronos_cluster.node.machine import (
    find_refusal,
    install_packages,
    list_missing_packages,
    look_at_machine,
)
from chronos_cluster.provider import Provider, Target
from chronos_cluster.record import read_record, write_record
from chronos_cluster.refusal import Refusal
from chronos_cluster.release import ImageName, build_values, mark_as_test_cluster
from chronos_cluster.step import Aside, Step, format_seconds, run_steps
from chronos_cluster.toolchain import CLIENTS, PACKAGES
from chronos_cluster.workshop import Workshop

VERSITY_IMAGE = "docker.io/versity/versitygw"
EXAMPLE = Path("examples") / "10-hello.yaml"
OWN_PROGRAMS = tuple(name for name in PACKAGES if name != "kind")
KIND_PROGRAMS = (*CLIENTS, "kind")


class Up:
    """One run of `make up`. `with_chronos` false stops at an empty cluster."""

    def __init__(self, workshop: Workshop, *, with_chronos: bool = True) -> None:
        self._workshop = workshop
        self._with_chronos = with_chronos
        self._aside = Aside()
        self._image_built: Future[tuple[Path, str]] | None = None
        self._target: Target | None = None
        self._example_log: str | None = None

    def run(self) -> None:
        """Everything, shown step by step; ends with the account."""
        provider = self._workshop.choose()
        print(f"Chronos goes to {provider.value}.", flush=True)
        steps = {
            Provider.OWN: self._list_own_steps,
            Provider.KIND: self._list_kind_steps,
            Provider.NAMED: self._list_named_steps,
        }[provider]()
        try:
            seconds = run_steps(steps)
        finally:
            self._aside.abandon()
        if self._with_chronos:
            print(
                build_account(
                    title=provider.value,
                    api_url=self._reach().api_url,
                    example_log=self._example_log,
                    seconds=format_seconds(seconds),
                )
            )

    def _list_own_steps(self) -> list[Step]:
        workshop = self._workshop
        missing = workshop.toolchain.list_missing(OWN_PROGRAMS)
        refusal = find_refusal(
            look_at_machine(
                cache_dir=workshop.settings.cache_dir, state_dir=workshop.settings.state_dir
            ),
            cold=bool(missing),
        )
        if refusal is not None:
            raise refusal
        packages = list_missing_packages()
        listed = " ".join(packages) or "none missing"
        build = f"build {len(missing)} programs from Go modules, 10 minutes" if missing else ""
        return [
            Step(f"install Debian packages: {listed}", self._install_packages),
            Step(build or "find the cluster's programs", self._build_programs(OWN_PROGRAMS)),
            Step("start etcd, containerd and the API server", self._start_own),
            Step("load the cluster's images", self._load_own_images),
            Step("start the other components, await the node", self._finish_own),
            *self._list_chronos_steps("build and load Chronos' image", self._load_own_chronos),
        ]

    def _list_kind_steps(self) -> list[Step]:
        return [
            Step("build kind, kubectl and helm", self._build_programs(KIND_PROGRAMS)),
            Step("create the kind cluster", self._start_kind),
            *self._list_chronos_steps("build and load Chronos' image", self._load_kind_chronos),
        ]

    def _list_named_steps(self) -> list[Step]:
        split_image(self._workshop.settings.image)
        if not answers(self._workshop.named_kubectl):
            raise Refusal(
                f"the cluster of {self._workshop.settings.named_kubeconfig} does not answer",
                remedy="check CHRONOS_KUBECONFIG with `kubectl --kubeconfig FILE get nodes`",
            )
        steps = self._list_chronos_steps("note what the cluster has", self._note_named)
        if self._with_chronos:
            steps.insert(2, Step("forward ports to 127.0.0.1", self._forward_ports))
        return steps

    def _list_chronos_steps(self, title: str, bring_image: Callable[[], str | None]) -> list[Step]:
        if not self._with_chronos:
            return []
        return [
            Step(title, bring_image),
            Step("install Chronos by its chart", self._install_chart),
            Step("wait for the API", self._await_api),
            Step(f"run {EXAMPLE}", self._run_example),
        ]

    def _install_packages(self) -> str | None:
        log = self._workshop.settings.logs_dir / "apt.log"
        remark = install_packages(list_missing_packages(), log=log)
        self._workshop.busybox.fetch(log=log)
        if self._with_chronos:
            # Beside the compiler: debootstrap and pip mostly wait for the network.
            self._image_built = self._aside.begin(self.build_own_image)
        return remark

    def _build_programs(self, names: tuple[str, ...]) -> Callable[[], str | None]:
        return lambda: self._workshop.toolchain.build(names)

    def _start_own(self) -> str | None:
        remark = self._workshop.own.start()
        self._target = self._workshop.own_target()
        return remark

    def _load_own_images(self) -> str | None:
        own, folder = self._workshop.own, self._workshop.settings.cache_dir / "images"
        present = own.images.list_names()
        busybox, versity = self._workshop.busybox, self._versity_image()
        makers: dict[str, Callable[[Path], None]] = {
            PAUSE_IMAGE: lambda path: write_pause(path, busybox),
            busybox.image: lambda path: write_busybox(path, busybox),
            versity: lambda path: write_versitygw(
                path, binary=self._workshop.toolchain.folder / "versitygw", tag=versity
            ),
        }
        missing = [name for name in makers if name not in present]
        for number, name in enumerate(missing):
            archive = folder / f"own-{number}.tar"
            makers[name](archive)
            own.images.load(archive)
            archive.unlink()
            own.images.require(name)
        return ", ".join(missing) or "all there"

    def _finish_own(self) -> str | None:
        self._workshop.own.finish()
        mark_as_test_cluster(self._reach().kubectl)
        return None

    def build_own_image(self) -> tuple[Path, str]:
        workshop = self._workshop
        return Buildah(
            cache_dir=workshop.settings.cache_dir,
            log=workshop.settings.logs_dir / "image.log",
            driver="vfs" if workshop.own.snapshotter == "native" else "overlay",
        ).build(workshop.recipe)

    def _load_own_chronos(self) -> str | None:
        built = self._image_built or self._aside.begin(self.build_own_image)
        archive, remark = built.result()
        images, recipe = self._workshop.own.images, self._workshop.recipe
        if recipe.name not in images.list_names():
            images.load(archive)
            images.require(recipe.name)
        images.tag(recipe.name, recipe.release_name)
        return remark

    def _start_kind(self) -> str | None:
        remark = self._workshop.kind.start()
        self._target = self._workshop.kind_target()
        mark_as_test_cluster(self._target.kubectl)
        return remark

    def _load_kind_chronos(self) -> str | None:
        kind, recipe = self._workshop.kind, self._workshop.recipe
        kind.build_image(recipe)
        if self._workshop.busybox.path is not None:
            archive = self._workshop.settings.cache_dir / "images" / "kind-busybox.tar"
            write_busybox(archive, self._workshop.busybox)
            kind.load_archive(archive)
            archive.unlink()
        return recipe.tag

    def _note_named(self) -> str | None:
        """Remember what was there before us, so that `down` leaves it there."""
        ports = self._workshop.forwards.choose_ports()
        self._target = self._workshop.named_target(ports.api_port, ports.store_port)
        receipt = self._workshop.receipt_file
        if not receipt.exists():
            release = self._workshop.release(self._target)
            made = {"crds": not release.has_crds(), "namespace": not release.has_namespace()}
            receipt.parent.mkdir(parents=True, exist_ok=True)
            write_record(receipt, made)
        return None

    def _forward_ports(self) -> str | None:
        ports = self._workshop.forwards.choose_ports()
        self._workshop.forwards.start(ports)
        return f"{ports.api_port}, {ports.store_port}"

    def _install_chart(self) -> str | None:
        target, recipe = self._reach(), self._workshop.recipe
        image, with_crds = ImageName(*recipe.name.rsplit(":", 1)), True
        if target.provider is Provider.NAMED:
            image = ImageName(*split_image(self._workshop.settings.image))
            with_crds = (read_record(self._workshop.receipt_file) or {}).get("crds", True)
        values = build_values(
            target, image, example_image=self._workshop.example_image, with_crds=with_crds
        )
        self._workshop.release(target).install(values)
        return image.tag

    def _await_api(self) -> str | None:
        self._workshop.release(self._reach()).await_api()
        return self._reach().api_url

    def _run_example(self) -> str | None:
        manifest = self._workshop.settings.root / EXAMPLE
        self._example_log = self._workshop.release(self._reach()).run_example(manifest)
        return "Succeeded"

    def _versity_image(self) -> str:
        return f"{VERSITY_IMAGE}:{self._workshop.toolchain.versity_version}"

    def _reach(self) -> Target:
        if self._target is None:
            raise Refusal("no cluster is up", remedy="make up")
        return self._target
