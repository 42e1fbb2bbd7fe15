"""A page of a list, and the token that asks for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chronos_api.errors import FieldError, InvalidRequest
from chronos_clients.resources import Object


@dataclass(frozen=True)
class Listing:
    """Some of a list, and the token that asks for what follows ("" at the end)."""

    items: Sequence[Object]
    next: str


def bad_token() -> InvalidRequest:
    """The answer to a token that no list has given out."""
    field = FieldError(
        "is not a token from a list", "take it from the answer before", parameter="continue"
    )
    return InvalidRequest("continue is not a token from a list", errors=[field])
