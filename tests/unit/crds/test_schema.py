"""The CRDs: structural, documented, and the same in the models and in every committed file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, Field, ValidationError

from builders import build_execution_spec, build_spec, build_spec_body
from chronos_crds.__main__ import FOLDERS, render
from chronos_crds.execution import ExecutionStatus
from chronos_crds.job import ChronosJobSpec, ChronosJobStatus
from chronos_crds.naming import EXECUTION_NAME_MAX_LENGTH, JOB_NAME_MAX_LENGTH
from chronos_crds.schema import (
    build_calendar_crd,
    build_execution_crd,
    build_job_crd,
    build_structural_schema,
)

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
CRDS = {
    "chronosjobs": build_job_crd(),
    "chronosexecutions": build_execution_crd(),
    "chronoscalendars": build_calendar_crd(),
}

# What the API server refuses or ignores in a structural schema.
FORBIDDEN = {
    "$ref", "$defs", "definitions", "anyOf", "oneOf", "allOf", "title", "additionalProperties",
    "exclusiveMinimum", "exclusiveMaximum", "const", "prefixItems", "examples",
}  # fmt: skip
TYPES = {"object", "array", "string", "integer", "number", "boolean"}


def schema_of(crd: Json) -> Json:
    (version,) = crd["spec"]["versions"]
    schema: Json = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema inside, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


ALL_NODES = [
    pytest.param(node, id=f"{plural}{path}")
    for plural, crd in CRDS.items()
    for path, node in nodes(schema_of(crd))
]


@pytest.mark.parametrize("node", ALL_NODES)
def test_each_node_is_structural(node: Json) -> None:
    assert FORBIDDEN.isdisjoint(node)
    assert node["type"] in TYPES
    if node["type"] == "array":
        assert "items" in node
    is_free_form = node.get("x-kubernetes-preserve-unknown-fields", False)
    assert is_free_form is False, "no field of ours takes anything at all"


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(node, id=f"{plural}{path}")
        for plural, crd in CRDS.items()
        for part in ("spec", "status")
        if part in schema_of(crd)["properties"]
        for path, node in nodes(schema_of(crd)["properties"][part], f".{part}")
        if not path.endswith("[]")
    ],
)
def test_each_field_is_documented_for_kubectl_explain(node: Json) -> None:
    description = node["description"]
    assert description[0].isupper()
    assert description.endswith("."), description
    assert "\n\n" not in description


@pytest.mark.parametrize("node", [node for node in ALL_NODES if "items" in node.values[0]])
def test_each_list_is_bounded(node: Json) -> None:
    # The API server weighs CEL rules by the bounds, and etcd takes 1.5 MB an object.
    assert 1 <= node["maxItems"] <= 256


@pytest.mark.parametrize("node", ALL_NODES)
def test_each_default_is_one_that_its_own_schema_takes(node: Json) -> None:
    if "default" not in node:
        return
    kinds: dict[str, type | tuple[type, ...]] = {
        "object": dict, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    }  # fmt: skip
    default = node["default"]
    assert isinstance(default, kinds[node["type"]])
    if node["type"] == "object":
        assert set(default) <= set(node["properties"])
        assert set(node.get("required", ())) <= set(default)
        assert None not in default.values()
    if "enum" in node:
        assert default in node["enum"]
    if node["type"] in ("integer", "number"):
        assert node.get("minimum", default) <= default <= node.get("maximum", default)


def apply_defaults(schema: Json, value: Any) -> Any:
    """What the API server does to what is stored."""
    if isinstance(value, dict):
        for name, child in schema.get("properties", {}).items():
            if name not in value and "default" in child:
                value[name] = child["default"]
            if name in value:
                value[name] = apply_defaults(child, value[name])
    return value


def test_the_schemas_defaults_are_the_models() -> None:
    body = build_spec_body(cron="* * * * *")
    defaulted = apply_defaults(schema_of(CRDS["chronosjobs"])["properties"]["spec"], body)
    assert ChronosJobSpec.model_validate(defaulted) == build_spec(cron="* * * * *")
    assert defaulted["schedule"]["timeZone"] == "Etc/UTC"
    assert defaulted["retry"]["maxAttempts"] == 1


def test_required_are_the_fields_without_a_default() -> None:
    spec = schema_of(CRDS["chronosjobs"])["properties"]["spec"]
    assert spec["required"] == ["schedule", "workload"]
    assert spec["properties"]["workload"]["properties"]["container"]["required"] == ["image"]
    assert "required" not in spec["properties"]["schedule"]


def test_bounds_are_in_the_schema() -> None:
    properties = schema_of(CRDS["chronosjobs"])["properties"]["spec"]["properties"]
    attempts = properties["retry"]["properties"]["maxAttempts"]
    assert (attempts["minimum"], attempts["maximum"], attempts["default"]) == (1, 100, 1)
    assert attempts["format"] == "int64"
    assert properties["retry"]["properties"]["factor"]["type"] == "number"
    cron = properties["schedule"]["properties"]["cron"]
    assert (cron["minItems"], cron["maxItems"]) == (1, 32)
    assert cron["items"] == {"type": "string", "minLength": 1, "maxLength": 256}
    times = properties["schedule"]["properties"]["at"]["items"]
    assert times == {"type": "string", "format": "date-time"}


def test_lists_of_named_things_merge_by_name() -> None:
    spec = schema_of(CRDS["chronosjobs"])["properties"]["spec"]["properties"]
    env = spec["workload"]["properties"]["container"]["properties"]["env"]
    assert env["x-kubernetes-list-type"] == "map"
    assert env["x-kubernetes-list-map-keys"] == ["name"]
    attempts = schema_of(CRDS["chronosexecutions"])["properties"]["status"]["properties"][
        "attempts"
    ]
    assert attempts["x-kubernetes-list-map-keys"] == ["number"]


RULES = [
    ("chronosjobs", "", "self.metadata.name", str(JOB_NAME_MAX_LENGTH)),
    ("chronosjobs", ".spec.schedule", "has(self.cron)", "at least one of cron, everySeconds, at"),
    ("chronosjobs", ".spec.concurrency", "self.limit == 1", "choose Forbid, Replace or Queue"),
    ("chronosjobs", ".spec.workload", "has(self.container)", "add container.image"),
    ("chronosexecutions", "", "self.metadata.name.size()", str(EXECUTION_NAME_MAX_LENGTH)),
    ("chronosexecutions", "", "self.spec.trigger != 'Manual'", "generateName: <job>-manual-"),
    *(
        ("chronosexecutions", ".spec", f"!has(oldSelf.{field}) ||", f"{field}: an execution's spec")
        for field in ("scheduledTime", "workload", "retry", "backfill")
    ),
    *(
        ("chronosexecutions", ".spec", f"self.{field} == oldSelf.{field}", "never changes")
        for field in ("trigger", "parameters", "concurrency", "queued")
    ),
    ("chronosexecutions", ".spec", "oldSelf.jobRef.uid", "jobRef: an execution's spec never"),
    ("chronosexecutions", ".spec", "== has(self.backfill)", "belongs to trigger Backfill"),
    (
        "chronosexecutions",
        ".spec",
        "'Manual' || has(self.scheduledTime)",
        "required but for trigger Manual",
    ),
    ("chronoscalendars", ".spec", "size(self.weekly) > 0", "dates, ranges, or weekly"),
]


@pytest.mark.parametrize(("plural", "where", "rule", "said"), RULES)
def test_rules_say_what_a_schema_cannot(plural: str, where: str, rule: str, said: str) -> None:
    node = dict(nodes(schema_of(CRDS[plural])))[where]
    (found,) = [it for it in node["x-kubernetes-validations"] if rule in it["rule"]]
    assert said in found["message"]


@pytest.mark.parametrize(
    ("plural", "short", "always"),
    [
        ("chronosjobs", "chj", ["Schedule", "Zone", "State", "Next", "Last", "Result", "Age"]),
        (
            "chronosexecutions",
            "chx",
            ["Job", "Scheduled", "State", "Attempts", "Exit", "Duration", "Age"],
        ),
        ("chronoscalendars", "chc", ["Zone", "Description", "Age"]),
    ],
)
def test_kubectl_gets_its_table(plural: str, short: str, always: list[str]) -> None:
    crd = CRDS[plural]
    (version,) = crd["spec"]["versions"]
    columns = version["additionalPrinterColumns"]
    shown = [column["name"] for column in columns if not column.get("priority")]
    assert [name for name in shown if name in always] == always
    known = {path for path, _ in nodes(schema_of(crd))} | {".metadata.creationTimestamp"}
    assert {column["jsonPath"] for column in columns} <= known
    assert crd["spec"]["names"]["shortNames"] == [short]
    has_status = "status" in schema_of(crd)["properties"]
    assert version.get("subresources") == ({"status": {}} if has_status else None)
    assert (version["served"], version["storage"]) == (True, True)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
@pytest.mark.parametrize("plural", CRDS)
def test_the_committed_manifests_are_what_the_models_say(folder: Path, plural: str) -> None:
    text = (ROOT / folder / f"{plural}.yaml").read_text()
    assert text == render(CRDS[plural]), "run `make generate`"
    assert yaml.safe_load(text) == CRDS[plural]


def test_a_union_of_two_types_is_refused_rather_than_guessed() -> None:
    class Odd(BaseModel):
        either: int | str

    with pytest.raises(ValueError, match="union of 2 types"):
        build_structural_schema(Odd)


def test_an_optional_field_is_the_type_itself() -> None:
    class Inner(BaseModel):
        """An inner one."""

        depth: Annotated[int, Field(gt=0, description="How deep.")]

    class Outer(BaseModel):
        """An outer one."""

        inner: Inner | None = Field(default=None, description="Maybe.")

    assert build_structural_schema(Outer) == {
        "type": "object",
        "description": "An outer one.",
        "properties": {
            "inner": {
                "type": "object",
                "description": "Maybe.",
                "required": ["depth"],
                "properties": {
                    "depth": {
                        "type": "integer",
                        "format": "int64",
                        "description": "How deep.",
                        "minimum": 1,
                    }
                },
            }
        },
    }


def test_what_is_written_to_a_status_is_in_its_schema() -> None:
    # A field that the schema does not know would be pruned silently.
    for model, plural in (
        (ChronosJobStatus, "chronosjobs"),
        (ExecutionStatus, "chronosexecutions"),
    ):
        known = schema_of(CRDS[plural])["properties"]["status"]["properties"]
        assert {field.alias or name for name, field in model.model_fields.items()} == set(known)


def test_an_execution_as_written_reads_back() -> None:
    spec = build_execution_spec()
    assert type(spec).model_validate(spec.to_manifest()) == spec
    with pytest.raises(ValidationError):
        type(spec).model_validate({**spec.to_manifest(), "extra": 1})
