"""`python -m chronos_cluster COMMAND`: what the Makefile calls."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from chronos_cluster.claim import claim_folder
from chronos_cluster.command import CommandFailed
from chronos_cluster.down import take_down
from chronos_cluster.node.machine import install_packages, list_missing_packages
from chronos_cluster.refusal import Refusal, StepFailed
from chronos_cluster.settings import read_settings
from chronos_cluster.status import print_env, print_status
from chronos_cluster.step import Step, run_steps
from chronos_cluster.toolchain import CLIENTS
from chronos_cluster.trial import run_trial
from chronos_cluster.up import Up
from chronos_cluster.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "up": "a cluster if none is named, Chronos by its chart, one example run",
    "up-empty": "only the cluster, without Chronos",
    "down": "remove all that `up` made",
    "status": "what runs; exit code 1 where something is not well",
    "env": "exports for a shell",
    "programs": "build kubectl and helm into the cache, without a cluster",
    "programs-path": "tell the folder that holds kubectl and helm once they are built",
    "image": "build Chronos' image into the cache, without a cluster",
    "test": "tests that need a cluster; brings one up and down where there is none",
    "clean-cache": "remove programs, images and logs from the cache",
}


REMEDY = "mend what it says and repeat; after `make down` all starts anew"
# What `cluster/bootstrap` makes in the cache before this program can claim it.
HARMLESS_IN_CACHE = ("python", "uv-*", "logs")


def main() -> int:
    """0 where all went well, 1 where not, 2 where it was refused before anything was touched."""
    parser = argparse.ArgumentParser(prog="chronos_cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == "test":
            command.add_argument("paths", nargs="+", help="folders of tests")
    options = parser.parse_args()
    # A terminated run ends the program it waits for and says so, like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _run(options)
    except Refusal as refusal:
        print(f"Refused: {refusal}\n  What to do: {refusal.remedy}", file=sys.stderr)
        return 2
    except (StepFailed, CommandFailed) as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        if failure.log is not None:
            print(f"  Log to read: {failure.log}", file=sys.stderr)
        remedy = failure.remedy if isinstance(failure, StepFailed) else REMEDY
        print(f"  What to do: {remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; repeating the command goes on from here.", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    workshop = Workshop(read_settings(os.environ, root=ROOT, home=Path.home()))
    command: str = options.command
    if command in ("status", "env", "programs-path"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make status | head` is no mistake.
        return _look(workshop, command)
    claim_folder(
        workshop.settings.cache_dir, variable="CHRONOS_CACHE_DIR", harmless=HARMLESS_IN_CACHE
    )
    if command == "test":
        return run_trial(workshop, options.paths)
    with workshop.alone(command, with_cluster=command in ("up", "up-empty", "down")):
        _act(workshop, command)
    return 0


def _look(workshop: Workshop, command: str) -> int:
    if command == "status":
        return 0 if print_status(workshop) else 1
    if command == "env":
        print_env(workshop)
    else:
        print(workshop.toolchain.folder)
    return 0


def _act(workshop: Workshop, command: str) -> None:
    if command in ("up", "up-empty"):
        Up(workshop, with_chronos=command == "up").run()
    elif command == "down":
        take_down(workshop)
    elif command == "programs":
        build = Step("build kubectl and helm", lambda: workshop.toolchain.build(CLIENTS))
        run_steps([build])
    elif command == "image":
        _build_image(workshop)
    else:
        _clean_cache(workshop)


def _build_image(workshop: Workshop) -> None:
    up = Up(workshop)
    packages = list_missing_packages()
    log = workshop.settings.logs_dir / "apt.log"
    run_steps(
        [
            Step(
                f"install Debian packages: {' '.join(packages) or 'none missing'}",
                lambda: install_packages(packages, log=log),
            ),
            Step("build Chronos' image", lambda: str(up.build_own_image()[0])),
        ]
    )


def _clean_cache(workshop: Workshop) -> None:
    if workshop.own.is_alive():
        raise Refusal("the own cluster runs from this cache", remedy="make down, then repeat")
    cache = workshop.settings.cache_dir
    for entry in (
        cache / name for name in ("bin", "buildah", "go", "images", "kube-cache", "logs")
    ):
        if entry.exists():
            shutil.rmtree(entry)
    print(f"Removed programs, images and logs from {cache}.")


if __name__ == "__main__":
    sys.exit(main())
