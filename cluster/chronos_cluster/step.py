"""Shows each step: what it does, that it is still alive, how long it took."""

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TextIO, TypeVar

from chronos_cluster.clock import now_monotonic

SIGN_OF_LIFE_SECONDS = 20.0
T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One line of the account: a sentence without subject, and what it runs.

    `act` gives back a short remark for the end of the line, or None.
    """

    title: str
    act: Callable[[], str | None]


def format_seconds(seconds: float) -> str:
    """Seconds as a person reads them: one decimal below ten."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def run_steps(steps: Sequence[Step], *, out: TextIO = sys.stdout) -> float:
    """Run the steps in order and show them; gives the seconds taken in all."""
    begun = now_monotonic()
    width = len(str(len(steps)))
    for number, step in enumerate(steps, start=1):
        _run_step(f"[{number:>{width}}/{len(steps)}] {step.title}", step, out)
    return now_monotonic() - begun


def _run_step(label: str, step: Step, out: TextIO) -> None:
    begun = now_monotonic()
    print(f"{label} ...", end="", file=out, flush=True)
    ended = threading.Event()
    ticker = threading.Thread(target=_show_life, args=(label, begun, ended, out), daemon=True)
    ticker.start()
    try:
        remark = step.act()
    except BaseException:
        _end_line(label, begun, "FAILED", ended, ticker, out)
        raise
    _end_line(label, begun, remark, ended, ticker, out)


def _end_line(
    label: str,
    begun: float,
    remark: str | None,
    ended: threading.Event,
    ticker: threading.Thread,
    out: TextIO,
) -> None:
    ended.set()
    ticker.join()
    start = f"\r\033[K{label} ..." if out.isatty() else ""
    end = f" {format_seconds(now_monotonic() - begun)}" + (f" ({remark})" if remark else "")
    print(start + end, file=out, flush=True)


def _show_life(label: str, begun: float, ended: threading.Event, out: TextIO) -> None:
    """On a terminal a line that counts the seconds; in a log ` 20 s` now and then."""
    pause = 1.0 if out.isatty() else SIGN_OF_LIFE_SECONDS
    while not ended.wait(pause):
        seconds = f" {now_monotonic() - begun:.0f} s ..."
        print(
            f"\r\033[K{label} ...{seconds}" if out.isatty() else seconds,
            end="",
            file=out,
            flush=True,
        )


class Aside:
    """Work done beside the steps; a later step waits for it and gets its error, if any."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")

    def begin(self, work: Callable[[], T]) -> "Future[T]":
        """Start the work; pieces begun later run after it, never beside it."""
        return self._pool.submit(work)

    def abandon(self) -> None:
        """Drop what has not begun, so that a failed run can end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
