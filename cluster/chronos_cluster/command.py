"""Runs other programs: each with a time-out, its output in a log, its failure as a value."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TAIL_LINES = 12


class CommandFailed(Exception):
    """A program ended with a non-zero code or ran out of time; `tail` is its last output."""

    def __init__(self, argv: Sequence[str], why: str, tail: str, log: Path | None = None) -> None:
        shown = " ".join(argv[:4]) + (" ..." if len(argv) > 4 else "")
        super().__init__(f"`{shown}` {why}" + (f"\n{tail}" if tail else ""))
        self.tail = tail
        self.log = log


def last_lines(text: str, count: int = TAIL_LINES) -> str:
    """The last lines of a program's output, indented, for a person to read."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-count:])


def run_command(
    argv: Sequence[str],
    *,
    timeout: float,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
) -> str:
    """Run a program and give back its standard output; with `log`, append all output there.

    `env` is added to the present environment. Raises CommandFailed.
    """
    full_env = {**os.environ, **env} if env is not None else None
    try:
        if log is not None:
            return _run_logged(argv, timeout=timeout, log=log, env=full_env, cwd=cwd)
        done = subprocess.run(
            argv,
            timeout=timeout,
            env=full_env,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(argv, f"took longer than {timeout:.0f} s", "", log) from error
    except OSError as error:
        raise CommandFailed(argv, f"could not be started: {error}", "", log) from error
    if done.returncode != 0:
        raise CommandFailed(
            argv, f"ended with {done.returncode}", last_lines(done.stdout + done.stderr), log
        )
    return done.stdout


def _run_logged(
    argv: Sequence[str],
    *,
    timeout: float,
    log: Path,
    env: dict[str, str] | None,
    cwd: Path | None,
) -> str:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(("$ " + " ".join(argv) + "\n").encode())
        sink.flush()
        start = sink.tell()
        done = subprocess.run(
            argv,
            timeout=timeout,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        )
    with log.open("rb") as source:
        source.seek(start)
        output = source.read().decode(errors="replace")
    if done.returncode != 0:
        raise CommandFailed(argv, f"ended with {done.returncode}", last_lines(output), log)
    return output


def succeeds(argv: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None) -> bool:
    """Whether a program can be run and ends with 0."""
    try:
        run_command(argv, timeout=timeout, env=env)
    except CommandFailed:
        return False
    return True
