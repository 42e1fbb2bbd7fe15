"""Values: described, checked, refused where wrong; the CRDs go out as they were generated."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "chronos"
TABLE = ROOT / "charts" / "table.py"

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]
Refuse = Callable[..., str]


@pytest.mark.parametrize(
    ("setting", "where"),
    [
        pytest.param("colour=1", "colour", id="an unknown key"),
        pytest.param("api.servce={}", "servce", id="a misspelt key further down"),
        pytest.param('api.replicas="2"', "/api/replicas", id="a number as a string"),
        pytest.param("api.replicas=0", "/api/replicas", id="no API at all"),
        pytest.param('api.service.type="Nodeport"', "/api/service/type", id="an unknown type"),
        pytest.param("operator.resyncSeconds=1", "/operator/resyncSeconds", id="too small"),
        pytest.param('operator.watchNamespaces=["A b"]', "/operator/watchNames", id="no name"),
        pytest.param('objectStore.bucket="No_Bucket"', "/objectStore/bucket", id="no bucket name"),
        pytest.param('objectStore.prefix="/logs/"', "/objectStore/prefix", id="slashes at ends"),
        pytest.param('objectStore.endpoint="s3.example"', "/objectStore/endpoint", id="no scheme"),
        pytest.param("podSecurity.runAsUser=0", "/podSecurity/runAsUser", id="root"),
        pytest.param('operator.resources.limits.memory="much"', "/limits/memory", id="no quantity"),
    ],
)
def test_the_schema_refuses_and_says_where(refuse: Refuse, setting: str, where: str) -> None:
    assert where in refuse(setting)


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        pytest.param(
            ('objectStore.endpoint="https://s3.example"',),
            "set objectStore.embedded.enabled=false",
            id="two stores",
        ),
        pytest.param(
            ('operator.watchNamespaces=["team-a"]',),
            "add it there",
            id="a default tenant that is not served",
        ),
        pytest.param(('api.defaultTenant="kube-system"',), "name another", id="kube-system"),
        pytest.param(("api.ingress.enabled=true",), "set api.ingress.host", id="ingress, no host"),
        pytest.param(
            ("api.service.nodePort=30080",), "set api.service.type=NodePort", id="no node port"
        ),
        pytest.param(
            ("objectStore.embedded.service.nodePort=30070",),
            "set its type to NodePort",
            id="no node port of the store",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_remedy(
    refuse: Refuse, settings: tuple[str, ...], remedy: str
) -> None:
    assert remedy in refuse(*settings)


def test_a_chart_that_depends_on_this_one_can_hand_down_globals(render: Render) -> None:
    assert render('global={"anything":1}')


def list_keys(values: Any, schema: Manifest, definitions: Manifest) -> set[str]:
    """Differences between a mapping and the properties its schema knows, as sentences."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if not isinstance(values, dict) or "properties" not in schema:
        return set()
    known, given = set(schema["properties"]) - {"global"}, set(values)
    wrong = {f"{name} is only in one of both" for name in known ^ given}
    if schema.get("additionalProperties") is not False:
        wrong.add(f"unknown keys beside {sorted(known)} would be taken")
    for name in known & given:
        wrong |= list_keys(values[name], schema["properties"][name], definitions)
    return wrong


def test_schema_and_values_know_the_same_keys() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert list_keys(values, schema, schema["definitions"]) == set()


def run_table(chart: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TABLE), "--check", str(chart)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_readme_has_the_table_that_values_yaml_describes() -> None:
    answer = run_table(CHART)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("addition", "complaint"),
    [
        pytest.param("\nextra: 1\n", "extra: no sentence", id="a key without a sentence"),
        pytest.param("\n# More.\nextra: 1\n", "is not what values.yaml says", id="a stale table"),
    ],
)
def test_the_table_is_checked_in_earnest(tmp_path: Path, addition: str, complaint: str) -> None:
    shutil.copy(CHART / "README.md", tmp_path)
    values = (CHART / "values.yaml").read_text() + addition
    (tmp_path / "values.yaml").write_text(values)
    answer = run_table(tmp_path)
    assert answer.returncode == 1
    assert complaint in answer.stderr


def strip_metadata(crd: Manifest) -> Manifest:
    """The CRD without labels and annotations, which the chart adds."""
    kept = {k: v for k, v in crd["metadata"].items() if k not in {"labels", "annotations"}}
    return {**crd, "metadata": kept}


def list_crds(documents: list[Manifest]) -> list[Manifest]:
    return [d for d in documents if d["kind"] == "CustomResourceDefinition"]


def test_crds_go_out_as_generated_and_stay_on_uninstall(render: Render) -> None:
    files = sorted((ROOT / "crds" / "manifests").glob("*.yaml"))
    generated = [yaml.safe_load(file.read_text()) for file in files]
    crds = sorted(list_crds(render()), key=lambda crd: str(crd["metadata"]["name"]))
    assert len(crds) == 3
    # Server-side apply, which Helm uses, refuses the nulls that `kubectl apply` drops.
    assert "null" not in json.dumps(crds)
    assert [strip_metadata(crd) for crd in crds] == [strip_metadata(crd) for crd in generated]
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in crds)


def test_crds_can_be_removed_on_uninstall_or_left_to_others(render: Render) -> None:
    removable = list_crds(render("crds.keep=false"))
    assert len(removable) == 3
    assert not any("annotations" in crd["metadata"] for crd in removable)
    assert list_crds(render("crds.install=false")) == []
