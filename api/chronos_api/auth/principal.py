"""Whoever a credential belongs to, and what finds it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = Sequence[tuple[bytes, bytes]]
"""Header names in lower case and values, as they came, repetitions and all."""


@dataclass(frozen=True)
class Principal:
    """Somebody who may use the API."""

    name: str


class Authenticator(Protocol):
    """Tells who sent a request."""

    def authenticate(self, headers: Headers) -> Principal:
        """The sender; raises Unauthenticated."""
