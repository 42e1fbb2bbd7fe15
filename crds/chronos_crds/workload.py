"""What a job runs: the typed workload, never a PodSpec.

Every field's description is what ``kubectl explain`` prints. A field is here only when it works.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chronos_crds.meta import Model

ENV_NAME_PATTERN = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"

Argument = Annotated[str, Field(max_length=32768)]
Quantity = Annotated[str, Field(pattern=QUANTITY_PATTERN, max_length=32)]


class EnvVar(Model):
    """One environment variable with a literal value; never put a secret here."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=ENV_NAME_PATTERN,
        description="The variable's name. Names that begin with CHRONOS_ are set by Chronos.",
    )
    value: str = Field(
        default="", max_length=32768, description="Its value, stored as plain text. Default empty."
    )


def check_unique_env(env: Sequence[EnvVar]) -> None:
    """Raises PydanticCustomError where a variable is named twice."""
    names = [variable.name for variable in env]
    if len(set(names)) != len(names):
        raise PydanticCustomError(
            "env_duplicate", "names a variable twice in env: keep one of each name"
        )


class ResourceAmounts(Model):
    """Amounts of cpu and memory, as Kubernetes quantities."""

    cpu: Quantity | None = Field(default=None, description="Cores, such as 500m or 2.")
    memory: Quantity | None = Field(default=None, description="Bytes, such as 128Mi or 1Gi.")


class Resources(Model):
    """What the container is promised (requests) and the most it may take (limits)."""

    requests: ResourceAmounts = Field(
        default=ResourceAmounts(cpu="10m", memory="32Mi"),
        description="What the scheduler keeps free for the pod. Default cpu 10m, memory 32Mi.",
    )
    limits: ResourceAmounts = Field(
        default=ResourceAmounts(),
        description=(
            "The most the container may take: cpu beyond it is throttled, memory beyond it ends "
            "the attempt as OutOfMemory. Default none."
        ),
    )


class Container(Model):
    """One container, run to its end in a pod of its own, without rights in the cluster."""

    image: str = Field(
        min_length=1,
        max_length=512,
        pattern=r"^\S+$",
        description="The image to run, such as docker.io/library/busybox:1.35.",
    )
    command: (
        Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=256)] | None
    ) = Field(
        default=None,
        description="The program and first arguments; no shell reads it. Default: the image's.",
    )
    args: (
        Annotated[tuple[Argument, ...], Field(strict=False, min_length=1, max_length=256)] | None
    ) = Field(default=None, description="Arguments behind the command. Default: the image's.")
    env: Annotated[tuple[EnvVar, ...], Field(strict=False, max_length=256)] = Field(
        default=(),
        description=(
            "Environment variables. Chronos adds CHRONOS_JOB, CHRONOS_EXECUTION_ID, "
            "CHRONOS_ATTEMPT, CHRONOS_SCHEDULED_TIME and CHRONOS_IDEMPOTENCY_KEY."
        ),
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    resources: Resources = Field(
        default=Resources(), description="Requests and limits of cpu and memory."
    )
    run_as_user: int = Field(
        default=65532,
        ge=1,
        le=2147483647,
        description="The numeric user the command runs as; never root. Default 65532.",
    )

    @model_validator(mode="after")
    def _has_unique_env(self) -> Self:
        check_unique_env(self.env)
        return self


class WorkloadType(StrEnum):
    """What kind of work an attempt is."""

    CONTAINER = "container"


class Workload(Model):
    """What to run: its type, and the part that is named like the type."""

    type: WorkloadType = Field(
        default=WorkloadType.CONTAINER,
        strict=False,
        description="The kind of work: container. Default container.",
    )
    container: Container | None = Field(
        default=None, description="The container to run; required where type is container."
    )

    @model_validator(mode="after")
    def _has_its_part(self) -> Self:
        if self.type is WorkloadType.CONTAINER and self.container is None:
            raise PydanticCustomError(
                "workload_part", "has type container but no container: add container.image"
            )
        return self
