"""The only place in this package that reads a clock or waits."""

import time
from collections.abc import Callable


def now_monotonic() -> float:
    """Seconds on a clock that never goes back."""
    return time.monotonic()


def wait_until(is_true: Callable[[], bool], *, timeout: float, pause: float = 0.1) -> bool:
    """Ask until the answer is yes; False when `timeout` seconds have passed without one."""
    deadline = time.monotonic() + timeout
    while not is_true():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True
