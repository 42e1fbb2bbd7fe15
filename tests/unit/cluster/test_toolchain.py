"""What is built, with which flags, and under which key it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from chronos_cluster.toolchain import (
    ALONE,
    KEY_FILES,
    PACKAGES,
    Toolchain,
    build_flags,
    compute_build_key,
    plan_builds,
    read_go_version,
    read_module_version,
)

SOURCE = Path(__file__).parents[3] / "cluster" / "go"
GO_MOD = """module x

require k8s.io/kubernetes v1.36.3 // indirect

require (
	github.com/versity/versitygw v1.8.0 // indirect
)

replace k8s.io/api => k8s.io/api v0.36.3
"""


@pytest.mark.parametrize(
    ("module", "version"),
    [
        pytest.param("k8s.io/kubernetes", "v1.36.3", id="required on a line of its own"),
        pytest.param("github.com/versity/versitygw", "v1.8.0", id="required in a block"),
    ],
)
def test_module_version(module: str, version: str) -> None:
    assert read_module_version(GO_MOD, module) == version


def test_a_module_that_is_only_replaced_is_not_required() -> None:
    with pytest.raises(ValueError, match=r"k8s\.io/api"):
        read_module_version(GO_MOD, "k8s.io/api")


def test_programs_are_told_the_version_that_was_pinned() -> None:
    flags = " ".join(build_flags(GO_MOD))
    assert "version.gitVersion=v1.36.3" in flags
    assert "version.gitMajor=1 " in flags
    assert flags.endswith("version.gitMinor=36")


FILES = {"go.mod": b"a", "go.sum": b"b"}


@pytest.mark.parametrize(
    ("files", "flags"),
    [
        pytest.param({**FILES, "go.sum": b"c"}, ("-trimpath",), id="another checksum"),
        pytest.param({"go.mod": b"ab", "go.sum": b""}, ("-trimpath",), id="bytes moved over"),
        pytest.param(FILES, ("-trimpath", "-race"), id="another flag"),
    ],
)
def test_key_changes_with(files: dict[str, bytes], flags: tuple[str, ...]) -> None:
    assert compute_build_key(files, flags) != compute_build_key(FILES, ("-trimpath",))


def test_key_does_not_depend_on_the_order_of_files() -> None:
    backwards = dict(reversed(FILES.items()))
    assert compute_build_key(backwards, ()) == compute_build_key(FILES, ())


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        pytest.param((), [], id="nothing missing, nothing built"),
        pytest.param(
            ("helm", "kubectl"), [("kubectl", "helm")], id="those that may share one call share it"
        ),
        pytest.param(
            ("local-path-provisioner", "kubectl", "etcd"),
            [("kubectl",), ("etcd",), ("local-path-provisioner",)],
            id="those that must be alone are alone, and last",
        ),
    ],
)
def test_plan(missing: tuple[str, ...], expected: list[tuple[str, ...]]) -> None:
    assert plan_builds(missing) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param("go version go1.26.8 linux/amd64", (1, 26), id="a release"),
        pytest.param("go version go1.27rc1 linux/arm64", (1, 27), id="a candidate"),
        pytest.param("go: command gone", None, id="something else"),
    ],
)
def test_go_version(output: str, expected: tuple[int, int] | None) -> None:
    assert read_go_version(output) == expected


def test_every_program_is_a_tool_of_go_mod_or_lies_beside_it() -> None:
    go_mod = (SOURCE / "go.mod").read_text()
    tools = go_mod[go_mod.index("tool (") :]
    for package in PACKAGES.values():
        assert f"\t{package}\n" in tools or (SOURCE / package / "main.go").exists(), package


def test_a_program_counts_as_built_once_it_lies_in_the_folder_of_its_key(tmp_path: Path) -> None:
    for name in KEY_FILES:
        (tmp_path / "go" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "go" / name).write_text(GO_MOD)
    tools = Toolchain(source=tmp_path / "go", cache_dir=tmp_path, logs_dir=tmp_path / "logs")
    assert tools.list_missing(ALONE) == ALONE
    tools.folder.mkdir(parents=True)
    (tools.folder / "etcd").touch()
    assert tools.list_missing(ALONE) == ("coredns", "local-path-provisioner")
    assert tools.build(("etcd",)) == "cached"
