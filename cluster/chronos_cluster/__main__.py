"""`python -m chronos_cluster COMMAND`: what the Makefile calls."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from chronos_cluster.command import CommandFailed
from chronos_cluster.down import take_down
from chronos_cluster.lock import hold_lock
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
    "clean-cache": "remove programs, images and the compiler's packages from the cache",
}


def main() -> int:
    """0 where all went well, 1 where not, 2 where it was refused before anything was touched."""
    parser = argparse.ArgumentParser(prog="chronos_cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == "test":
            command.add_argument("paths", nargs="+", help="folders of tests")
    options = parser.parse_args()
    # A terminated run shall end its children and say so, like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _run(options)
    except Refusal as refusal:
        print(f"Refused: {refusal}\n  What to do: {refusal.remedy}", file=sys.stderr)
        return 2
    except StepFailed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        if failure.log is not None:
            print(f"  Log to read: {failure.log}", file=sys.stderr)
        print(f"  What to do: {failure.remedy}", file=sys.stderr)
        return 1
    except CommandFailed as failure:
        print(f"Failed: {failure}", file=sys.stderr)
        if failure.log is not None:
            print(f"  Log to read: {failure.log}", file=sys.stderr)
        print("  What to do: mend what it says and repeat; `make down` starts anew")
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; repeating the command goes on from here.", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    workshop = Workshop(read_settings(os.environ, root=ROOT, home=Path.home()))
    if options.command in ("status", "env"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `make status | head` is no mistake.
    if options.command == "status":
        return 0 if print_status(workshop) else 1
    if options.command == "programs-path":
        print(workshop.toolchain.folder)
        return 0
    if options.command == "env":
        print_env(workshop)
        return 0
    if options.command == "test":
        return run_trial(workshop, options.paths)
    with hold_lock(workshop.lock_file, what=f"chronos_cluster {options.command} of {ROOT}"):
        if options.command in ("up", "up-empty"):
            Up(workshop, with_chronos=options.command == "up").run()
        elif options.command == "down":
            take_down(workshop)
        elif options.command == "programs":
            clients = Step("build kubectl and helm", lambda: workshop.toolchain.build(CLIENTS))
            run_steps([clients])
        elif options.command == "image":
            _build_image(workshop)
        else:
            _clean_cache(workshop)
    return 0


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
    for entry in (cache / name for name in ("bin", "buildah", "go", "images", "logs")):
        if entry.exists():
            shutil.rmtree(entry)
    print(f"Removed programs, images and logs from {cache}.")


if __name__ == "__main__":
    sys.exit(main())
