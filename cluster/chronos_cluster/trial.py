"""`make test` from the third floor up: the tests that need a cluster."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from chronos_cluster.down import take_down
from chronos_cluster.node.machine import install_packages
from chronos_cluster.provider import Target
from chronos_cluster.refusal import Refusal, StepFailed
from chronos_cluster.release import Release
from chronos_cluster.up import Up
from chronos_cluster.workshop import Workshop

PYTEST_TIMEOUT = 4500.0
# Moves the clock of one process; a test runs the operator so. No part of what `make up` needs.
FAKETIME_PACKAGE = "libfaketime"
LIBRARIES = Path("/usr/lib")
# Set by cluster/bootstrap for this program's environment; the tests have another one.
OUR_OWN = ("PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")


def build_pytest_argv(python: str, paths: Sequence[str], *, kubeconfig: Path) -> list[str]:
    """pytest with the cluster named explicitly, so that no test can take another one."""
    return [
        python,
        "-m",
        "pytest",
        "--k8s-provider=external",
        f"--k8s-kubeconfig-override={kubeconfig}",
        *paths,
    ]


def build_test_environ(
    environ: Mapping[str, str], *, target: Target, key: str, example_image: str, python: str
) -> dict[str, str]:
    """What `make env` exports, for the tests, without what this program runs on."""
    kept = {name: value for name, value in environ.items() if name not in OUR_OWN}
    folders = (str(Path(python).parent), str(target.kubectl.binaries), environ.get("PATH", ""))
    return {
        **kept,
        "KUBECONFIG": str(target.kubectl.kubeconfig),
        "CHRONOS_URL": target.api_url,
        "CHRONOS_API_KEY": key,
        "CHRONOS_EXAMPLE_IMAGE": example_image,
        "PATH": ":".join(folders),
    }


def list_test_packages(libraries: Path, *, can_install: bool) -> tuple[str, ...]:
    """Debian packages that the tests need and this machine lacks."""
    is_there = any(libraries.glob("*/faketime/libfaketimeMT.so.1"))
    return () if is_there or not can_install else (FAKETIME_PACKAGE,)


def run_trial(workshop: Workshop, paths: Sequence[str]) -> int:
    """Bring the cluster up to date, run the tests, take down only what this run started."""
    was_up = workshop.find_target(workshop.choose()) is not None
    with workshop.alone("test", with_cluster=True):
        _install_test_packages(workshop)
        Up(workshop).run()
    try:
        return _run_pytest(workshop, paths)
    finally:
        if not was_up:
            with workshop.alone("test", with_cluster=True):
                take_down(workshop)


def _install_test_packages(workshop: Workshop) -> None:
    can_install = os.geteuid() == 0 and shutil.which("apt-get") is not None
    packages = list_test_packages(LIBRARIES, can_install=can_install)
    install_packages(packages, log=workshop.settings.logs_dir / "apt.log")


def _run_pytest(workshop: Workshop, paths: Sequence[str]) -> int:
    target = workshop.find_target(workshop.choose())
    release: Release | None = workshop.release(target) if target else None
    key = release.read_api_key() if release else None
    if target is None or key is None:
        raise Refusal("Chronos is not up although it was brought up", remedy="make status")
    # The tests' own Python, not the one this program runs on.
    python = os.environ.get("CHRONOS_TEST_PYTHON") or sys.executable
    argv = build_pytest_argv(python, paths, kubeconfig=target.kubectl.kubeconfig)
    environ = build_test_environ(
        os.environ, target=target, key=key, example_image=workshop.example_image, python=python
    )
    try:
        done = subprocess.run(
            argv, cwd=workshop.settings.root, env=environ, timeout=PYTEST_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise StepFailed(
            f"the tests took longer than {PYTEST_TIMEOUT:.0f} s", remedy="see which one hangs"
        ) from error
    return done.returncode
