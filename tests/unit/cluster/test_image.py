"""The image's tag follows its content and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from chronos_cluster.image import ALWAYS, ImageRecipe, build_docker_argv, compute_content_hash

PYPROJECT = """
[project]
version = "1.2.3"
[tool.hatch.build.targets.wheel]
packages = ["operator/one", "api/two"]
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ALWAYS:
        (tmp_path / name).write_text(PYPROJECT if name == "pyproject.toml" else name)
    for folder in ("operator/one", "api/two", "tests"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.py").write_text("x = 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        pytest.param("operator/one/x.py", True, id="a source"),
        pytest.param("api/two/new.py", True, id="a new source"),
        pytest.param("uv.lock", True, id="the lock file"),
        pytest.param("Dockerfile", True, id="the recipe"),
        pytest.param("tests/x.py", False, id="a test"),
        pytest.param("README.md", False, id="the readme"),
        pytest.param("operator/one/__pycache__/x.pyc", False, id="compiled leftovers"),
    ],
)
def test_tag_changes_with(checkout: Path, path: str, changes: bool) -> None:
    before = ImageRecipe(checkout).tag
    (checkout / path).parent.mkdir(exist_ok=True)
    (checkout / path).write_text("other")
    assert (ImageRecipe(checkout).tag != before) is changes


def test_names(checkout: Path) -> None:
    recipe = ImageRecipe(checkout)
    assert recipe.name == f"ghcr.io/chronos-dev/chronos:{recipe.tag}"
    assert recipe.release_name == "ghcr.io/chronos-dev/chronos:1.2.3"
    argv = build_docker_argv(recipe)
    assert argv[:2] == ["docker", "build"]
    assert f"--tag={recipe.name}" in argv
    assert argv[-1] == str(checkout)


def test_content_hash_tells_names_from_bytes() -> None:
    assert compute_content_hash({"a": b"bc"}) != compute_content_hash({"ab": b"c"})
