"""Steps are shown as they go; failures end the run; locks and settings keep runs apart."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from chronos_cluster.command import CommandFailed, run_command, succeeds
from chronos_cluster.kubectl import Kubectl
from chronos_cluster.lock import hold_lock
from chronos_cluster.node.cgroups import list_hierarchies
from chronos_cluster.provider import Provider, Target
from chronos_cluster.refusal import Refusal, StepFailed
from chronos_cluster.settings import read_settings
from chronos_cluster.step import Step, format_seconds, run_steps
from chronos_cluster.trial import build_pytest_argv, build_test_environ, list_test_packages

HOME = Path("/home/x")


def test_each_step_is_a_line_with_its_number_its_time_and_its_remark() -> None:
    out = io.StringIO()
    run_steps([Step("boil water", lambda: None), Step("make tea", lambda: "green")], out=out)
    first, second = out.getvalue().splitlines()
    assert first.startswith("[1/2] boil water ... 0.")
    assert second.startswith("[2/2] make tea ... 0.")
    assert second.endswith("(green)")


def test_a_failed_step_is_marked_and_ends_the_run() -> None:
    out, done = io.StringIO(), []

    def fail() -> str | None:
        raise StepFailed("no water", remedy="open the tap")

    with pytest.raises(StepFailed, match="no water"):
        run_steps([Step("boil", fail), Step("drink", lambda: done.append(1))], out=out)
    assert out.getvalue().endswith("(FAILED)\n")
    assert done == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [pytest.param(1.26, "1.3 s", id="a short time"), pytest.param(402.4, "402 s", id="a long one")],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_second_run_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        hold_lock(path, what="up of /a"),
        pytest.raises(Refusal, match=f"up of /a, pid {os.getpid()}"),
        hold_lock(path, what="down of /b"),
    ):
        pass


def test_lock_can_be_taken_again_after_its_release(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for what in ("up", "down"):
        with hold_lock(path, what=what):
            assert path.read_text().startswith(what)


@pytest.mark.parametrize(
    ("environ", "cache", "state"),
    [
        pytest.param({}, "/home/x/.cache/chronos", "/var/lib/chronos-cluster", id="defaults"),
        pytest.param(
            {"XDG_CACHE_HOME": "/c"}, "/c/chronos", "/var/lib/chronos-cluster", id="XDG cache"
        ),
        pytest.param(
            {"CHRONOS_CACHE_DIR": "/a", "CHRONOS_STATE_DIR": "/b", "XDG_CACHE_HOME": "/c"},
            "/a",
            "/b",
            id="named folders win",
        ),
        pytest.param(
            {"CHRONOS_CACHE_DIR": ""},
            "/home/x/.cache/chronos",
            "/var/lib/chronos-cluster",
            id="an empty variable is none",
        ),
    ],
)
def test_folders(environ: dict[str, str], cache: str, state: str) -> None:
    settings = read_settings(environ, root=Path("/r"), home=HOME)
    assert (str(settings.cache_dir), str(settings.state_dir)) == (cache, state)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param({"CHRONOS_CACHE_DIR": "x"}, "absolute", id="a relative folder"),
        pytest.param({"CHRONOS_STATE_DIR": "/" + "x" * 80}, "sockets", id="too long for sockets"),
    ],
)
def test_folders_refused(environ: dict[str, str], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        read_settings(environ, root=Path("/r"), home=HOME)


def test_users_own_kubeconfig_is_never_taken() -> None:
    settings = read_settings({"KUBECONFIG": "/home/x/.kube/config"}, root=Path("/r"), home=HOME)
    assert settings.named_kubeconfig is None


def test_failed_command_tells_its_last_words(tmp_path: Path) -> None:
    script = "echo first; echo last words >&2; exit 3"
    with pytest.raises(CommandFailed, match=r"ended with 3\n(.*\n)*.*last words") as failure:
        run_command(["sh", "-c", script], timeout=10, log=tmp_path / "log")
    assert failure.value.log == tmp_path / "log"
    assert "first\nlast words" in (tmp_path / "log").read_text()


def test_log_keeps_earlier_runs_but_output_is_this_runs_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_command(["echo", "one"], timeout=10, log=log)
    assert run_command(["echo", "two"], timeout=10, log=log) == "two\n"
    assert log.read_text() == "$ echo one\none\n$ echo two\ntwo\n"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param(["true"], True, id="ends with 0"),
        pytest.param(["false"], False, id="ends with 1"),
        pytest.param(["/no/such/program"], False, id="does not exist"),
        pytest.param(["sleep", "5"], False, id="takes too long"),
    ],
)
def test_succeeds(argv: list[str], expected: bool) -> None:
    assert succeeds(argv, timeout=0.2) is expected


def test_hierarchies_of_a_hybrid_machine() -> None:
    mounts = (
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    )
    assert list_hierarchies(mounts) == [
        ("cgroup", Path("/sys/fs/cgroup/memory")),
        ("cgroup2", Path("/sys/fs/cgroup/unified")),
    ]


def test_tests_are_given_their_cluster_by_name() -> None:
    argv = build_pytest_argv("python", ["tests/e2e"], kubeconfig=Path("/state/kubeconfig"))
    assert "--k8s-provider=external" in argv
    assert "--k8s-kubeconfig-override=/state/kubeconfig" in argv
    assert argv[-1] == "tests/e2e"


def test_tests_get_the_clusters_address_and_not_the_environment_of_this_program() -> None:
    target = Target(
        provider=Provider.OWN,
        kubectl=Kubectl(Path("/cache/bin/key"), Path("/state/kubeconfig")),
        api_url="http://172.30.250.2:30080",
        store_url="http://172.30.250.2:30070",
        service_type="NodePort",
    )
    environ = build_test_environ(
        {"PYTHONPATH": "cluster", "VIRTUAL_ENV": "/cache/python", "PATH": "/bin", "TERM": "x"},
        target=target,
        key="secret",
        example_image="busybox:1.35",
        python="/r/.venv/bin/python",
    )
    assert environ == {
        "TERM": "x",
        "KUBECONFIG": "/state/kubeconfig",
        "CHRONOS_URL": "http://172.30.250.2:30080",
        "CHRONOS_API_KEY": "secret",
        "CHRONOS_EXAMPLE_IMAGE": "busybox:1.35",
        "PATH": "/r/.venv/bin:/cache/bin/key:/bin",
    }


@pytest.mark.parametrize(
    ("is_there", "can_install", "packages"),
    [
        pytest.param(False, True, ("libfaketime",), id="it is missing: installed"),
        pytest.param(True, True, (), id="it is there: left alone"),
        pytest.param(False, False, (), id="not Debian, or not root: the test says that it is not"),
    ],
)
def test_what_moves_a_clock_is_installed_for_tests_where_it_can_be(
    tmp_path: Path, is_there: bool, can_install: bool, packages: tuple[str, ...]
) -> None:
    if is_there:
        library = tmp_path / "some-linux-gnu" / "faketime" / "libfaketimeMT.so.1"
        library.parent.mkdir(parents=True)
        library.touch()
    assert list_test_packages(tmp_path, can_install=can_install) == packages
