"""What can go wrong outside, in Chronos' own words; third-party errors are chained as the cause.

ClientError
 +-- TemporaryError          worth another try, later
 |    +-- Unreachable        no answer: refused, reset, timed out
 |    +-- Throttled          429; retry_after in seconds
 |    +-- ServerTrouble      5xx
 +-- PermanentError          the same request gets the same answer
      +-- NotFound           404
      +-- AlreadyExists      409 on create
      +-- Conflict           409: changed meanwhile, or its namespace is being deleted
      +-- Denied             401, 403: rights, quota, admission
      +-- Invalid            400, 413, 415, 422: the request itself; causes name the fields
      +-- Expired            410: a continue token or resource version is too old
      +-- TooLarge           an object of more bytes than the caller takes
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ClientError(Exception):
    """Something outside did not do what was asked."""


class TemporaryError(ClientError):
    """Worth another try, later."""

    retry_after: float | None = None


class Unreachable(TemporaryError):
    """No answer: refused, reset, timed out."""


class Throttled(TemporaryError):
    """The server asks for fewer requests; ``retry_after`` in seconds where it says."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerTrouble(TemporaryError):
    """The server failed on its side."""


class PermanentError(ClientError):
    """The same request would get the same answer."""


class NotFound(PermanentError):
    """There is no such thing."""


class AlreadyExists(PermanentError):
    """The name is taken."""


class Conflict(PermanentError):
    """The object has changed meanwhile, or its namespace is being deleted."""


class Denied(PermanentError):
    """Not allowed: rights, a quota, or an admission policy; the message is the server's."""


@dataclass(frozen=True)
class Cause:
    """One field the API server refused, with its path such as ``spec.schedule.cron[0]``."""

    field: str
    message: str


class Invalid(PermanentError):
    """The request itself is wrong."""

    def __init__(self, message: str, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)


class Expired(PermanentError):
    """A continue token or resource version that the server no longer knows."""


class TooLarge(PermanentError):
    """An object of more bytes than whoever asked for it takes."""
