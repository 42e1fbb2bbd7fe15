"""Renders the chart through helm; answers are remembered, as a call takes a tenth of a second."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]
Refuse = Callable[..., str]

CHART = Path(__file__).parents[3] / "charts" / "chronos"
HELM = os.environ.get("CHRONOS_HELM") or shutil.which("helm")


@cache
def run_helm(settings: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """``helm template`` with the settings, each as for ``--set-json``."""
    if not HELM:
        pytest.skip("there is no helm: put it on the PATH or name it in CHRONOS_HELM")
    command = [HELM, "template", "chronos", str(CHART), "--namespace", "chronos-system"]
    for setting in settings:
        command += ["--set-json", setting]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def render() -> Render:
    """A function from settings to the objects that helm would apply."""

    def render_chart(*settings: str) -> list[Manifest]:
        answer = run_helm(settings)
        assert answer.returncode == 0, answer.stderr
        return [document for document in yaml.safe_load_all(answer.stdout) if document]

    return render_chart


@pytest.fixture
def refuse() -> Refuse:
    """A function from settings to what helm says when it refuses them."""

    def refuse_settings(*settings: str) -> str:
        answer = run_helm(settings)
        assert answer.returncode != 0, f"{settings} was not refused"
        return answer.stderr

    return refuse_settings
