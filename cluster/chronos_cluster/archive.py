"""Writes container images as docker-archive files, for clusters that no registry feeds.

An image is a tar of one layer tar, one configuration and one manifest. The output depends on
the input alone (no time stamps), so the same content is the same image.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FOLDER_MODE = 0o755
PROGRAM_MODE = 0o755
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    """What goes into an image of one layer; paths without a leading slash."""

    tags: tuple[str, ...]
    files: dict[str, bytes]
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    env: tuple[str, ...] = ("PATH=/bin",)


def write_image(path: Path, image: Image, *, machine: str = platform.machine()) -> None:
    """Write the archive beside `path` and move it there, so that no half file is ever seen."""
    layer = _pack_layer(image)
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(_describe(image, digest, machine), sort_keys=True).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": list(image.tags), "Layers": [f"{digest}/layer.tar"]}]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with tarfile.open(partial, "w") as tar:
        _add(tar, name, config, mode=0o644)
        _add(tar, f"{digest}/layer.tar", layer, mode=0o644)
        _add(tar, "manifest.json", json.dumps(manifest).encode(), mode=0o644)
    partial.replace(path)


def _describe(image: Image, layer_digest: str, machine: str) -> dict[str, object]:
    config: dict[str, object] = {"Env": list(image.env)}
    optional: Sequence[tuple[str, object]] = (
        ("Entrypoint", list(image.entrypoint)),
        ("Cmd", list(image.command)),
        ("User", image.user),
    )
    config.update({key: value for key, value in optional if value})
    return {
        "architecture": ARCHITECTURES[machine],
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }


def _pack_layer(image: Image) -> bytes:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, mode in sorted(_all_folders(image).items()):
            _add(tar, name, b"", mode=mode, kind=tarfile.DIRTYPE)
        for name, data in sorted(image.files.items()):
            _add(tar, name, data, mode=PROGRAM_MODE)
        for name, target in sorted(image.links.items()):
            _add(tar, name, b"", mode=0o777, kind=tarfile.SYMTYPE, target=target)
    return layer.getvalue()


def _all_folders(image: Image) -> dict[str, int]:
    """The folders asked for and every parent of a file."""
    folders: dict[str, int] = {}
    paths: Iterable[str] = [*image.files, *image.links, *image.folders]
    for path in paths:
        for parent in Path(path).parents:
            if str(parent) != ".":
                folders[str(parent)] = FOLDER_MODE
    return {**folders, **image.folders}


def _add(
    tar: tarfile.TarFile,
    name: str,
    data: bytes,
    *,
    mode: int,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname = len(data), mode, kind, target
    tar.addfile(info, io.BytesIO(data))
