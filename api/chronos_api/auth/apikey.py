"""The API key: one secret in a mounted file, sent along with each request."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
from pathlib import Path

from chronos_api.auth.principal import Headers, Principal
from chronos_api.errors import Unauthenticated

log = logging.getLogger(__name__)

MIN_LENGTH = 32
MAX_LENGTH = 512
_KEY = re.compile(rb"[!-~]+")
_BEARER = re.compile(rb"bearer ([!-~]+)", re.IGNORECASE)


class BadKeyFile(ValueError):
    """The key file cannot be read, or what it holds is no key."""


class KeyFile:
    """The key of the moment; the file is looked at again with each request, read when it changed.

    Only the SHA-256 of the key stays in memory. A file that goes bad lets nobody in: whoever
    replaced the key meant the old one to end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = _version_of(path)
        self._digest: bytes | None = _read_digest(path)

    def digest(self) -> bytes | None:
        """SHA-256 of the key; None while the file holds none."""
        try:
            version = _version_of(self._path)
            if version == self._version:
                return self._digest
            self._version, self._digest = version, _read_digest(self._path)
            log.info("The API key has been read again")
        except BadKeyFile as error:
            if self._digest is not None:
                log.error("The API key file is bad: nobody is let in", extra={"reason": str(error)})
            self._version, self._digest = None, None
        return self._digest


def _version_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror}") from error
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _read_digest(path: Path) -> bytes:
    try:
        key = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise BadKeyFile(f"{path}: {error.strerror}") from error
    if not MIN_LENGTH <= len(key) <= MAX_LENGTH or not _KEY.fullmatch(key):
        raise BadKeyFile(
            f"{path}: an API key is one line of {MIN_LENGTH} to {MAX_LENGTH} visible ASCII "
            f"characters, this one has {len(key)} bytes"
        )
    return hashlib.sha256(key).digest()


class ApiKeyAuthenticator:
    """Lets in whoever holds the key."""

    def __init__(self, keys: KeyFile) -> None:
        self._keys = keys

    def authenticate(self, headers: Headers) -> Principal:
        presented = hashlib.sha256(read_credential(headers)).digest()
        expected = self._keys.digest()
        if expected is None or not hmac.compare_digest(presented, expected):
            raise Unauthenticated("the API key is wrong", headers=challenge("invalid_token"))
        return Principal("api-key")


def read_credential(headers: Headers) -> bytes:
    """The one credential a request carries; raises Unauthenticated for none, two, or odd ones."""
    found = [pair for pair in headers if pair[0] in (b"authorization", b"x-api-key")]
    if not found:
        raise Unauthenticated("no API key was sent", headers=challenge())
    if len(found) > 1:
        # Two proxies that each look at another one is how credentials get smuggled.
        raise Unauthenticated("more than one credential was sent", headers=challenge())
    name, value = found[0]
    if len(value) > MAX_LENGTH + len(b"bearer "):
        raise Unauthenticated("the credential is too long", headers=challenge())
    if name == b"x-api-key":
        match, key = _KEY.fullmatch(value), value
    else:
        match = _BEARER.fullmatch(value)
        key = match[1] if match else b""
    if match is None:
        raise Unauthenticated("the credential has a wrong form", headers=challenge())
    return key


def challenge(error: str = "") -> dict[str, str]:
    """The WWW-Authenticate header (RFC 6750)."""
    return {"WWW-Authenticate": 'Bearer realm="chronos"' + (f', error="{error}"' if error else "")}
