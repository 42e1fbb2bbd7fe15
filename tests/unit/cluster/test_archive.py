"""Images are written as docker-archive files that depend on their content alone."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from chronos_cluster.archive import Image, write_image
from chronos_cluster.node.busybox import read_tag

IMAGE = Image(
    tags=("docker.io/library/x:1", "docker.io/library/x:2"),
    files={"bin/x": b"program", "etc/ssl/certs/ca.crt": b"certificate"},
    links={"bin/sh": "x"},
    folders={"tmp": 0o1777},
    entrypoint=("/bin/x",),
    user="65532",
)


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Manifest entry, configuration, layer."""
    with tarfile.open(path) as tar:

        def read(name: str) -> bytes:
            member = tar.extractfile(name)
            assert member is not None
            return member.read()

        (manifest,) = json.loads(read("manifest.json"))
        return manifest, json.loads(read(manifest["Config"])), read(manifest["Layers"][0])


def test_an_archive_is_what_container_engines_expect(tmp_path: Path) -> None:
    write_image(tmp_path / "x.tar", IMAGE, machine="aarch64")
    manifest, config, layer = read_archive(tmp_path / "x.tar")
    assert manifest["RepoTags"] == list(IMAGE.tags)
    assert config["architecture"] == "arm64"
    assert config["config"] == {"Env": ["PATH=/bin"], "Entrypoint": ["/bin/x"], "User": "65532"}
    digest = hashlib.sha256(layer).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}"]


def test_a_layer_has_the_parents_of_its_files_and_their_modes(tmp_path: Path) -> None:
    write_image(tmp_path / "x.tar", IMAGE, machine="x86_64")
    _, _, layer = read_archive(tmp_path / "x.tar")
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        modes = {member.name: oct(member.mode) for member in tar if member.isdir()}
        link = tar.getmember("bin/sh")
        assert tar.getmember("bin/x").mode == 0o755
    assert modes == {
        "bin": "0o755",
        "etc": "0o755",
        "etc/ssl": "0o755",
        "etc/ssl/certs": "0o755",
        "tmp": "0o1777",
    }
    assert (link.issym(), link.linkname) == (True, "x")


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / name, IMAGE, machine="x86_64")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    ("banner", "tag"),
    [
        pytest.param("BusyBox v1.35.0 (Debian 1:1.35.0-4+b5) multi-call", "1.35", id="bookworm"),
        pytest.param("BusyBox v1.37.0 (Debian 1:1.37.0-6) multi-call", "1.37", id="trixie"),
    ],
)
def test_busybox_tag(banner: str, tag: str) -> None:
    assert read_tag(banner) == tag


def test_another_programs_banner_is_no_busybox() -> None:
    with pytest.raises(ValueError, match="toybox"):
        read_tag("toybox 0.8.9")
