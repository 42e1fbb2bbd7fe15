"""What all documents share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import Field

from chronos_crds.validation import Problem

Json = dict[str, Any]
NEXT = Field(alias="continue", description='Asks for what follows; "" at the end.')


def find_name_problems(
    given: object, address: str | None, check: Callable[[str], Sequence[Problem]]
) -> Sequence[Problem]:
    """What is wrong with the name in a body; ``address`` is the one in the address, where there is
    one, and ``check`` knows what such an object may be called."""
    if given is None:
        return (Problem("/name", "is required", "add it"),)
    if not isinstance(given, str):
        return (Problem("/name", "must be a string", "put it in quotes"),)
    if address is not None and given != address:
        remedy = "leave it out: names never change"
        return (Problem("/name", "is not the name in the address", remedy),)
    return check(given)
