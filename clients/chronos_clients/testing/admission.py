"""What the API server does with a Chronos object on its way in: prune, default, validate.

The CRD's own schema says what is unknown and what is the default; the models say what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from chronos_clients.errors import Cause, Invalid
from chronos_clients.resources import CALENDARS, EXECUTIONS, JOBS, Object, Resource
from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.execution import ExecutionSpec, ExecutionStatus
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus
from chronos_crds.naming import EXECUTION_NAME_MAX_LENGTH, is_job_name, is_scheduled_name
from chronos_crds.schema import build_structural_schema

_MODELS: dict[Resource, tuple[type[BaseModel], ...]] = {
    JOBS: (ChronosJobSpec, ChronosJobStatus),
    EXECUTIONS: (ExecutionSpec, ExecutionStatus),
    CALENDARS: (ChronosCalendarSpec,),
}
# What the models refuse and a CRD's schema cannot say; such objects get stored.
_BEYOND_THE_SCHEMA = (
    "at_fraction",
    "anchor_fraction",
    "range_forms",
    "range_backwards",
    "no_such_day",
    "window_empty",
    "time_out_of_reach",
)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def is_chronos(resource: Resource) -> bool:
    """Whether the kind is one of Chronos' own."""
    return resource in _MODELS


def admit(resource: Resource, body: Object, *, strict: bool) -> None:
    """Prunes and defaults ``body`` in place; raises Invalid where the cluster would refuse it.

    ``strict`` refuses unknown fields instead of pruning them (fieldValidation=Strict).
    """
    _check_name(resource, body)
    if not is_chronos(resource):
        return
    unknown = list(_prune(_schema(resource), body, ""))
    if unknown and strict:
        text = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise Invalid(f"strict decoding error: {text}")
    causes = list(_causes(resource, body))
    if causes:
        name = body["metadata"].get("name", "")
        text = ", ".join(f"{cause.field}: {cause.message}" for cause in causes)
        raise Invalid(f'{resource.kind}.{resource.group} "{name}" is invalid: {text}', causes)


def check_unchanged_spec(resource: Resource, before: Object, after: Object) -> None:
    """Raises Invalid where an execution's spec is changed; what was left out may be filled in."""
    if resource == EXECUTIONS and not _is_filled_in(before.get("spec"), after.get("spec")):
        raise Invalid(
            "an execution's spec never changes",
            [Cause("spec", "Invalid value: an execution's spec never changes: it says what ran")],
        )


def _is_filled_in(before: Any, after: Any) -> bool:
    fillable = ("scheduledTime", "workload", "retry", "jobRef")
    return all(
        {**after.get(name, {}), **value} == after.get(name)
        if name == "jobRef"
        else after.get(name) == value
        for name, value in before.items()
    ) and all(name in before or name in fillable for name in after)


def _execution_causes(body: Object) -> Iterator[Cause]:
    name, spec = body["metadata"].get("name", ""), body.get("spec") or {}
    if len(name) > EXECUTION_NAME_MAX_LENGTH:
        yield Cause("<nil>", "Invalid value: metadata.name: use at most 59 characters")
    trigger = spec.get("trigger", "Manual")
    if trigger == "Manual" and is_scheduled_name(name):
        yield Cause("<nil>", "Invalid value: metadata.name: ends like that of a scheduled second")
    if trigger != "Manual" and "scheduledTime" not in spec:
        yield Cause("spec", "Invalid value: scheduledTime: is required but for trigger Manual")
    if (trigger == "Backfill") != ("backfill" in spec):
        yield Cause("spec", "Invalid value: backfill: belongs to trigger Backfill")


def _check_name(resource: Resource, body: Object) -> None:
    name = body.get("metadata", {}).get("name", "")
    if not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        cause = Cause("metadata.name", f"Invalid value: {name!r}: must be a RFC 1123 subdomain")
        raise Invalid(f"{resource.kind} {name!r} is invalid: {cause.message}", [cause])


@lru_cache(maxsize=8)
def _schema(resource: Resource) -> Object:
    parts = zip(("spec", "status"), _MODELS[resource], strict=False)
    known: Object = {"apiVersion": {}, "kind": {}, "metadata": {}}
    return {"properties": {**known, **{it: build_structural_schema(model) for it, model in parts}}}


def _prune(schema: Object, value: Any, path: str) -> Iterator[str]:
    """Drops unknown fields and nulls, sets defaults; yields the paths of what was unknown."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _prune(schema.get("items", {}), item, f"{path}[{index}]")
    properties: Object | None = schema.get("properties")
    if not isinstance(value, dict) or properties is None:
        return
    for key in list(value):
        inner = f"{path}.{key}".lstrip(".")
        if key not in properties:
            del value[key]
            yield inner
        elif value[key] is None:
            del value[key]
        else:
            yield from _prune(properties[key], value[key], inner)
    for key, known in properties.items():
        if key not in value and "default" in known:
            value[key] = deepcopy(known["default"])
            yield from _prune(known, value[key], "")


def _causes(resource: Resource, body: Object) -> Iterator[Cause]:
    if resource == JOBS and not is_job_name(body["metadata"].get("name", "")):
        yield Cause("<nil>", "Invalid value: metadata.name: use at most 46 lower-case letters")
    if resource == EXECUTIONS:
        yield from _execution_causes(body)
    for part, model in zip(("spec", "status"), _MODELS[resource], strict=False):
        if part not in body and part == "status":
            continue
        try:
            model.model_validate(body.get(part))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                if detail["type"] not in _BEYOND_THE_SCHEMA:
                    yield Cause(_path(part, detail["loc"]), f"Invalid value: {detail['msg']}")


def _path(part: str, location: tuple[int | str, ...]) -> str:
    return part + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in location)
