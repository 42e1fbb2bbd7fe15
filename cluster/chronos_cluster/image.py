"""Builds Chronos' own image from the Dockerfile, once for each content of the sources."""

import hashlib
import json
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from chronos_cluster.command import CommandFailed, run_command
from chronos_cluster.refusal import StepFailed

REPOSITORY = "ghcr.io/chronos-dev/chronos"
ALWAYS = ("Dockerfile", ".dockerignore", "pyproject.toml", "uv.lock")
BASE_SUITE = "trixie"
BASE_MIRROR = "http://deb.debian.org/debian"
BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates")
# Raise it when the recipe below changes, so that cached bases are made anew.
BASE_NAME = "localhost/chronos-base:trixie-1"
# apt's lists and manuals: a third of the base, and of no use in a container.
BASE_WITHOUT = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "var/log")
KEPT_ARCHIVES = 3
# Images of single steps, which make the next build quick; pruned by the whole, some 1.5 GB.
KEPT_LAYERS = 120
BUILD_TIMEOUT = 1800.0


def read_version(pyproject: str) -> str:
    """The project's version."""
    return str(tomllib.loads(pyproject)["project"]["version"])


def list_sources(pyproject: str) -> tuple[str, ...]:
    """Top folders of the packages that go into the wheel."""
    wheel = tomllib.loads(pyproject)["tool"]["hatch"]["build"]["targets"]["wheel"]
    return tuple(sorted({package.split("/")[0] for package in wheel["packages"]}))


def read_content(root: Path) -> dict[str, bytes]:
    """Every file the image depends on, by its path; compiled leftovers are none."""
    content = {name: (root / name).read_bytes() for name in ALWAYS}
    for folder in list_sources(content["pyproject.toml"].decode()):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content[str(path.relative_to(root))] = path.read_bytes()
    return content


def compute_content_hash(content: Mapping[str, bytes]) -> str:
    """Ten hexadecimal digits; order of the files does not matter, names and bytes do."""
    digest = hashlib.sha256(BASE_NAME.encode())
    for name in sorted(content):
        digest.update(f"{name} {len(content[name])}\n".encode() + content[name])
    return digest.hexdigest()[:10]


class ImageRecipe:
    """The image of one checkout as it is now; `tag` names its content."""

    def __init__(self, root: Path) -> None:
        self.root = root
        content = read_content(root)
        self.version = read_version(content["pyproject.toml"].decode())
        self.tag = f"dev-{compute_content_hash(content)}"

    @property
    def name(self) -> str:
        return f"{REPOSITORY}:{self.tag}"

    @property
    def release_name(self) -> str:
        """The name the chart uses by default."""
        return f"{REPOSITORY}:{self.version}"


class Buildah:
    """buildah with its storage in the cache; each call in a mount namespace of its own.

    So whatever ends a build, no mount of it stays on the machine.
    """

    def __init__(self, *, cache_dir: Path, log: Path, driver: str) -> None:
        self._home = cache_dir / "buildah"
        self._archives = cache_dir / "images"
        self._log = log
        self._driver = driver

    def build(self, recipe: ImageRecipe) -> tuple[Path, str]:
        """The image as an archive, and a remark; unchanged sources build nothing."""
        archive = self._archives / f"chronos-{recipe.tag}.tar"
        if archive.exists():
            archive.touch()
            return archive, "cached"
        for pattern in ("base-*", "run-*"):
            for left_over in self._home.glob(pattern):  # Of a run that was killed.
                shutil.rmtree(left_over, ignore_errors=True)
        try:
            self._ensure_base()
            self._build(recipe)
            self._export(recipe.name, archive)
        except (CommandFailed, OSError) as error:
            raise StepFailed(
                f"Chronos' image could not be built: {error}", remedy="read the log", log=self._log
            ) from error
        self._drop_old(keep=recipe.name)
        return archive, recipe.tag

    def _build(self, recipe: ImageRecipe) -> None:
        self._run(
            "build",
            "--network=host",
            # The machine's own authorities: it may stand behind a proxy that signs for itself.
            "--volume=/etc/ssl/certs:/etc/ssl/certs:ro",
            "--layers",
            f"--build-arg=BASE_IMAGE={BASE_NAME}",
            f"--build-arg=VERSION={recipe.version}",
            f"--tag={recipe.name}",
            str(recipe.root),
        )

    def _export(self, name: str, archive: Path) -> None:
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        self._run("push", name, f"docker-archive:{partial}:{name}")
        partial.replace(archive)

    def _ensure_base(self) -> None:
        try:
            self._run("inspect", "--type=image", BASE_NAME)
        except CommandFailed:
            self._make_base()

    def _make_base(self) -> None:
        """A minimal Debian with Python, by debootstrap: no registry is asked for it."""
        self._home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._home, prefix="base-") as folder:
            root = Path(folder) / "root"
            include = f"--include={','.join(BASE_PACKAGES)}"
            run_command(
                [
                    *("unshare", "--mount", "debootstrap", "--variant=minbase", include),
                    *(BASE_SUITE, str(root), BASE_MIRROR),
                ],
                timeout=BUILD_TIMEOUT,
                log=self._log,
            )
            for unused in BASE_WITHOUT:
                shutil.rmtree(root / unused, ignore_errors=True)
            (root / "var/log").mkdir(exist_ok=True)
            Path(folder, "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
            self._run("build", f"--tag={BASE_NAME}", folder)

    def _run(self, *arguments: str) -> str:
        """One buildah call; what it keeps for a running system only lives as long as the call."""
        self._home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._home, prefix="run-") as run_root:
            # Without this buildah makes folders below /etc/cni, though no network is set up.
            settings = Path(run_root, "containers.conf")
            settings.write_text(f"[network]\nnetwork_config_dir = {json.dumps(run_root)}\n")
            return run_command(
                [
                    *("unshare", "--mount", "buildah", f"--root={self._home / 'storage'}"),
                    *(f"--runroot={run_root}", f"--storage-driver={self._driver}"),
                    *arguments,
                ],
                timeout=BUILD_TIMEOUT,
                log=self._log,
                env={
                    "BUILDAH_ISOLATION": "chroot",
                    "TMPDIR": run_root,
                    "CONTAINERS_CONF": str(settings),
                },
            )

    def _drop_old(self, *, keep: str) -> None:
        """Forget images of earlier contents; the newest archives stay, for going back and forth."""
        names = self._run("images", "--format", "{{.Name}}:{{.Tag}}", "--filter=dangling=false")
        for name in names.split():
            if name.startswith(f"{REPOSITORY}:") and name != keep:
                self._run("rmi", name)
        if len(self._run("images", "--all", "--quiet").split()) > KEPT_LAYERS:
            self._run("rmi", "--prune")
        archives = sorted(
            self._archives.glob("chronos-dev-*.tar"), key=lambda path: path.stat().st_mtime
        )
        for path in archives[:-KEPT_ARCHIVES]:
            path.unlink()


def build_docker_argv(recipe: ImageRecipe) -> list[str]:
    """`docker build` of the same Dockerfile, with the public base image."""
    return [
        "docker",
        "build",
        f"--build-arg=VERSION={recipe.version}",
        f"--tag={recipe.name}",
        f"--tag={recipe.release_name}",
        str(recipe.root),
    ]
