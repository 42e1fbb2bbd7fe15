"""From pydantic models to CustomResourceDefinitions with structural schemas.

What pydantic writes is JSON Schema 2020-12; the API server takes a structural subset of OpenAPI
3.0: no references, no union with null, no ``additionalProperties: false`` (unknown fields are
refused by ``fieldValidation: Strict``, which kubectl and Chronos' API ask for), no titles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from chronos_crds import GROUP, VERSION
from chronos_crds.calendar import ChronosCalendarSpec
from chronos_crds.execution import ExecutionSpec, ExecutionStatus
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus
from chronos_crds.naming import EXECUTION_NAME_MAX_LENGTH, JOB_NAME_MAX_LENGTH

Json = dict[str, Any]

_COPIED = (
    "description", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems",
    "minimum", "maximum", "enum", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
)  # fmt: skip


def build_structural_schema(model: type[BaseModel]) -> Json:
    """The structural OpenAPI schema of a model, its references inlined."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: Json, definitions: Json) -> Json:
    node = _resolve(node, definitions)
    out: Json = {key: node[key] for key in _COPIED if key in node}
    if "exclusiveMinimum" in node:
        # Only whole numbers have such a bound here.
        out["minimum"] = node["exclusiveMinimum"] + 1
    out["type"] = node["type"]
    if node.get("default") is not None:
        out["default"] = _without_null(node["default"])
    if out["type"] == "integer":
        out["format"] = "int64"
    if out["type"] == "array":
        out["items"] = _structural(node.get("items", {"type": "object"}), definitions)
        out.pop("default", None)
    if "properties" in node:
        out["properties"] = {
            name: _structural(child, definitions) for name, child in node["properties"].items()
        }
        if node.get("required"):
            out["required"] = sorted(node["required"])
    elif out["type"] == "object":
        out["x-kubernetes-preserve-unknown-fields"] = True
    return out


def _without_null(value: Any) -> Any:
    """A default as the API server takes it: an unset option is left out."""
    if isinstance(value, dict):
        return {name: _without_null(it) for name, it in value.items() if it is not None}
    return value


def _resolve(node: Json, definitions: Json) -> Json:
    """The node with its reference and its union with null replaced by what they stand for."""
    merged = dict(node)
    for wrapper in ("anyOf", "allOf"):
        if wrapper in merged:
            choices = [choice for choice in merged.pop(wrapper) if choice.get("type") != "null"]
            if len(choices) != 1:
                raise ValueError(f"not structural: a union of {len(choices)} types in {node}")
            merged = {**choices[0], **merged}
    if "$ref" in merged:
        target = definitions[merged.pop("$ref").removeprefix("#/$defs/")]
        merged = {**_resolve(target, definitions), **merged}
    merged.pop("title", None)
    return merged


def _rule(rule: str, message: str) -> Json:
    return {"rule": rule, "message": message}


def _column(name: str, path: str, *, type: str = "string", wide: bool = False, text: str) -> Json:
    column = {"name": name, "type": type, "jsonPath": path, "description": text}
    return {**column, "priority": 1} if wide else column


def _crd(
    *, kind: str, plural: str, short: str, about: str, schema: Json, columns: list[Json]
) -> Json:
    has_status = "status" in schema["properties"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["chronos"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    **({"subresources": {"status": {}}} if has_status else {}),
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": {"description": about, **schema}},
                }
            ],
        },
    }


def _object_schema(spec: Json, status: Json | None, rules: list[Json]) -> Json:
    schema: Json = {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
        },
    }
    if status is not None:
        schema["properties"]["status"] = status
    return {**schema, "x-kubernetes-validations": rules} if rules else schema


def build_job_crd() -> Json:
    """The CustomResourceDefinition of ChronosJob."""
    spec = build_structural_schema(ChronosJobSpec)
    status = build_structural_schema(ChronosJobStatus)
    spec["properties"]["schedule"]["x-kubernetes-validations"] = [
        _rule(
            "has(self.cron) || has(self.everySeconds) || has(self.at) || "
            "(has(self.immediate) && self.immediate)",
            "says no time: give at least one of cron, everySeconds, at, or immediate: true",
        )
    ]
    spec["properties"]["concurrency"]["x-kubernetes-validations"] = [
        _rule(
            "self.policy != 'Allow' || self.limit == 1",
            "gives a limit under policy Allow, which has none: choose Forbid, Replace or Queue",
        )
    ]
    spec["properties"]["workload"]["x-kubernetes-validations"] = [
        _rule(
            "self.type != 'container' || has(self.container)",
            "has type container but no container: add container.image",
        )
    ]
    return _crd(
        kind="ChronosJob",
        plural="chronosjobs",
        short="chj",
        about="What to run and when. Each scheduled second becomes a ChronosExecution.",
        schema=_object_schema(spec, status, [_name_rule()]),
        columns=[
            _column("Schedule", ".status.schedule", text="When it runs."),
            _column("Zone", ".spec.schedule.timeZone", text="The zone its cron is read in."),
            _column("State", ".status.state", text="Its state in one word."),
            _column("Next", ".status.nextTime", text="The next scheduled second."),
            _column("Last", ".status.lastTime", text="The newest execution's second."),
            _column("Result", ".status.lastResult", text="How the newest ended one ended."),
            _column("Age", ".metadata.creationTimestamp", type="date", text="Since creation."),
            _column("Type", ".spec.workload.type", wide=True, text="What kind of work it is."),
            _column("Started", ".status.started", type="integer", wide=True, text="Starts in all."),
            _column("Late", ".status.late", type="integer", wide=True, text="Late starts."),
            _column("Missed", ".status.missed", type="integer", wide=True, text="Never started."),
            _column("Skipped", ".status.skipped", type="integer", wide=True, text="By rule."),
        ],
    )


def _name_rule() -> Json:
    return _rule(
        f"self.metadata.name.size() <= {JOB_NAME_MAX_LENGTH} "
        "&& self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        f"metadata.name: use at most {JOB_NAME_MAX_LENGTH} lower-case letters, digits and '-', "
        "so that the names of its executions fit in 63",
    )


def build_execution_crd() -> Json:
    """The CustomResourceDefinition of ChronosExecution."""
    spec = build_structural_schema(ExecutionSpec)
    status = build_structural_schema(ExecutionStatus)
    spec["x-kubernetes-validations"] = list(_execution_rules())
    return _crd(
        kind="ChronosExecution",
        plural="chronosexecutions",
        short="chx",
        about="One execution of a ChronosJob at one scheduled second, with its attempts.",
        schema=_object_schema(spec, status, [_execution_name_rule(), _manual_name_rule()]),
        columns=[
            _column("Job", ".spec.jobRef.name", text="The job it is an execution of."),
            _column("Scheduled", ".spec.scheduledTime", text="The second it is for."),
            _column("State", ".status.state", text="Its state in one word."),
            _column("Reason", ".status.reason", text="Why it is in this state."),
            _column("Attempts", ".status.attemptCount", type="integer", text="Attempts begun."),
            _column("Exit", ".status.exitCode", type="integer", text="The newest exit code."),
            _column("Duration", ".status.duration", text="How long the newest attempt ran."),
            _column("Age", ".metadata.creationTimestamp", type="date", text="Since creation."),
        ],
    )


def _execution_rules() -> Iterator[Json]:
    """An execution's spec is filled in once, by Chronos, and never changed."""
    frozen = "an execution's spec never changes: it says what was run"
    for name in ("scheduledTime", "workload", "retry", "backfill"):
        yield _rule(
            f"!has(oldSelf.{name}) || (has(self.{name}) && self.{name} == oldSelf.{name})",
            f"{name}: {frozen}",
        )
    for name in ("trigger", "parameters", "concurrency", "queued"):
        yield _rule(f"self.{name} == oldSelf.{name}", f"{name}: {frozen}")
    yield _rule(
        "self.jobRef.name == oldSelf.jobRef.name && (!has(oldSelf.jobRef.uid) || "
        "(has(self.jobRef.uid) && self.jobRef.uid == oldSelf.jobRef.uid))",
        f"jobRef: {frozen}",
    )
    yield _rule(
        "(self.trigger == 'Backfill') == has(self.backfill)",
        "backfill: belongs to trigger Backfill, and to no other",
    )
    yield _rule(
        "self.trigger == 'Manual' || has(self.scheduledTime)",
        "scheduledTime: is required but for trigger Manual",
    )


def _execution_name_rule() -> Json:
    return _rule(
        f"self.metadata.name.size() <= {EXECUTION_NAME_MAX_LENGTH}",
        f"metadata.name: use at most {EXECUTION_NAME_MAX_LENGTH} characters, so that the names of "
        "its attempts fit in 63",
    )


def _manual_name_rule() -> Json:
    return _rule(
        "self.spec.trigger != 'Manual' || !self.metadata.name.matches('-[0-9]{9,12}$')",
        "metadata.name: ends like the name of a scheduled second; for a run by hand use "
        "generateName: <job>-manual-",
    )


def build_calendar_crd() -> Json:
    """The CustomResourceDefinition of ChronosCalendar."""
    spec = build_structural_schema(ChronosCalendarSpec)
    spec["x-kubernetes-validations"] = [
        _rule(
            "(has(self.dates) && size(self.dates) > 0) || "
            "(has(self.ranges) && size(self.ranges) > 0) || "
            "(has(self.weekly) && size(self.weekly) > 0)",
            "excludes no time: give at least one of dates, ranges, or weekly",
        )
    ]
    return _crd(
        kind="ChronosCalendar",
        plural="chronoscalendars",
        short="chc",
        about="Days and hours in which the jobs that name it do not start.",
        schema=_object_schema(spec, None, []),
        columns=[
            _column("Zone", ".spec.timeZone", text="The zone of its days and hours."),
            _column("Description", ".spec.description", text="What it is for."),
            _column("Age", ".metadata.creationTimestamp", type="date", text="Since creation."),
        ],
    )
