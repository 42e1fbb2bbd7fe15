"""The API key: read from a mounted file, compared in constant time, never kept in clear."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from pathlib import Path

from chronos_api.errors import ApiProblem, unauthorized

MIN_LENGTH = 32
MAX_LENGTH = 512


class KeyUnusable(RuntimeError):
    """The API cannot start with such a key."""


class ApiKey:
    """The one key; its file is read anew when it changes, so that a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] = (0, 0)
        self._digest = b""
        self._load()

    def check(self, authorization: Sequence[str], api_key: Sequence[str]) -> None:
        """Raises ApiProblem 401 unless exactly one right key is among the headers' values."""
        if len(authorization) + len(api_key) != 1:
            given = "no key was sent" if not authorization and not api_key else "several keys"
            raise unauthorized(given)
        candidate = api_key[0] if api_key else _bearer(authorization[0])
        self._load()
        digest = hashlib.sha256(candidate.encode("utf-8", "surrogateescape")).digest()
        if len(candidate) > MAX_LENGTH or not hmac.compare_digest(digest, self._digest):
            raise unauthorized("the key is not right")

    def _load(self) -> None:
        try:
            stat = self._path.stat()
            version = (stat.st_mtime_ns, stat.st_ino)
            if version == self._version:
                return
            key = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            if self._digest:
                return  # the kubelet is changing it just now
            raise KeyUnusable(f"the API key in {self._path} cannot be read: {error}") from error
        if len(key) < MIN_LENGTH:
            if self._digest:
                return
            raise KeyUnusable(f"the API key is shorter than {MIN_LENGTH} characters")
        self._version, self._digest = version, hashlib.sha256(key.encode()).digest()


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _wrong_scheme()
    return token.strip()


def _wrong_scheme() -> ApiProblem:
    return unauthorized("the Authorization header is not of the form Bearer KEY")
