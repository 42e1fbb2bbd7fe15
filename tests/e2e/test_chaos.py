"""A short run of chaos, audited; `make chaos MINUTES=10` is the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.conftest import Kubectl
from e2e.operator_process import bring_operator_back

MINUTES = "1.5"
TESTS = Path(__file__).parents[1]


@pytest.mark.timeout(480)
def test_thirty_jobs_survive_an_operator_that_is_killed_again_and_again(cluster: Kubectl) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "chaos", "--minutes", MINUTES],
            env={**os.environ, "PYTHONPATH": str(TESTS), "KUBECONFIG": str(cluster.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=440,
            check=False,
        )
    finally:
        # The tool does so itself, unless it was cut off.
        bring_operator_back(cluster)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("proved") == 10
