"""Conditions as Kubernetes knows them: a type, a truth, a one-word reason, a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chronos_crds.meta import Model, Time


class Truth(StrEnum):
    """A condition's status; Kubernetes writes it as a word."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """One observation about an object, with the time at which its truth last changed."""

    type: Annotated[str, Field(max_length=63, description="What is observed, e.g. Valid.")]
    status: Annotated[Truth, Field(strict=False, description="True, False or Unknown.")]
    reason: Annotated[str, Field(max_length=63, description="One word for programs.")]
    message: Annotated[str, Field(max_length=1024, description="A sentence for people.")] = ""
    observed_generation: Annotated[
        int, Field(ge=0, description="The metadata.generation this was observed at.")
    ] = 0
    transition_at: Time = Field(
        alias="lastTransitionTime", description="When the status last changed."
    )


def merge_condition(
    conditions: Sequence[Condition],
    *,
    type: str,
    status: Truth,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> tuple[Condition, ...]:
    """The conditions with this one set; its transition time moves only when its status does."""
    before = next((known for known in conditions if known.type == type), None)
    changed = before is None or before.status != status
    condition = Condition(
        type=type,
        status=status,
        reason=reason,
        message=message[:1024],
        observed_generation=generation,
        transition_at=now if changed or before is None else before.transition_at,
    )
    others = tuple(known for known in conditions if known.type != type)
    return (*others, condition)
