"""The two ways in which a command of this package ends early."""

from pathlib import Path


class Refusal(Exception):
    """The machine or the user's settings do not allow it; nothing has been touched yet.

    `str()` is what is wrong; `remedy` is what the user can do about it.
    """

    def __init__(self, wrong: str, *, remedy: str) -> None:
        super().__init__(wrong)
        self.remedy = remedy


class StepFailed(Exception):
    """A step was begun and did not end well; repeating the command after the remedy is safe."""

    def __init__(self, wrong: str, *, remedy: str, log: Path | None = None) -> None:
        super().__init__(wrong)
        self.remedy = remedy
        self.log = log
