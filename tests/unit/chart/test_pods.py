"""What runs: restricted pods that know where everything is and hold no secret in the open."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from chronos_api.config import Config as ApiConfig
from chronos_operator.config import Config as OperatorConfig

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

EVERYTHING = (
    "api.replicas=3",
    'api.ingress={"enabled":true,"host":"chronos.example","tlsSecret":"tls"}',
    'objectStore.caBundle.configMap="authority"',
    'objectStore.embedded.storage.metadata="Sidecar"',
    'operator.watchNamespaces=["default","team-a"]',
    'imagePullSecrets=[{"name":"pull"}]',
)
VARIANTS = [
    pytest.param((), id="no values"),
    pytest.param(EVERYTHING, id="everything on"),
    pytest.param(("podSecurity.runAsUser=null", "podSecurity.fsGroup=null"), id="ids by cluster"),
]


def find(documents: list[Manifest], kind: str, name: str) -> Manifest:
    """The one object of that kind and name."""
    (found,) = (d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)
    return found


def list_pods(documents: list[Manifest]) -> dict[str, Manifest]:
    """Each pod's spec, by the name of what makes it."""
    pods = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "Pod"}
    made = (d for d in documents if d["kind"] == "Deployment")
    return pods | {d["metadata"]["name"]: d["spec"]["template"]["spec"] for d in made}


def read_environment(pod: Manifest) -> dict[str, Any]:
    """The only container's environment: plain values, or the reference."""
    (container,) = pod["containers"]
    entries = container.get("env", [])
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in entries}


@pytest.mark.parametrize("settings", VARIANTS)
def test_every_pod_meets_the_restricted_standard(render: Render, settings: tuple[str, ...]) -> None:
    pods = list_pods(render(*settings))
    assert set(pods) == {
        "chronos-operator",
        "chronos-api",
        "chronos-objectstore",
        "chronos-test",
    }
    for name, pod in pods.items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod), name
        allowed = {"emptyDir", "secret", "configMap", "persistentVolumeClaim"}
        assert all(set(volume) - {"name"} <= allowed for volume in pod["volumes"]), name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_only_operator_and_api_get_a_token_and_none_gets_service_variables(render: Render) -> None:
    pods = list_pods(render())
    tokens = {name for name, pod in pods.items() if pod["automountServiceAccountToken"]}
    assert tokens == {"chronos-operator", "chronos-api"}
    # CHRONOS_API_PORT=tcp://... would be read as a setting.
    assert all(pod["enableServiceLinks"] is False for pod in pods.values())


def test_every_long_running_pod_has_all_probes_and_bounded_memory(render: Render) -> None:
    for name, pod in list_pods(render()).items():
        (container,) = pod["containers"]
        assert container["resources"]["limits"]["memory"], name
        assert container["resources"]["requests"]["cpu"], name
        if name != "chronos-test":
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] in ports, f"{name} {probe}"


@pytest.mark.parametrize("settings", VARIANTS)
def test_secrets_stand_in_secrets_only(render: Render, settings: tuple[str, ...]) -> None:
    documents = render(*settings)
    secrets = [d for d in documents if d["kind"] == "Secret"]
    encoded = [value for secret in secrets for value in secret["data"].values()]
    assert len(encoded) == 3
    elsewhere = json.dumps([d for d in documents if d["kind"] != "Secret"])
    for value in encoded:
        assert value not in elsewhere
        assert base64.b64decode(value).decode() not in elsewhere


def test_the_api_key_reaches_pods_as_a_file_never_as_an_environment_variable(
    render: Render,
) -> None:
    documents = render()
    for name in ("chronos-api", "chronos-test"):
        pod = list_pods(documents)[name]
        assert read_environment(pod)["CHRONOS_API_KEY_FILE"] == "/etc/chronos/api-key/api-key"
        assert {
            "secretName": "chronos-api-key",
            "items": [{"key": "api-key", "path": "api-key"}],
        } in (volume.get("secret") for volume in pod["volumes"])
    for name, pod in list_pods(documents).items():
        assert "chronos-api-key" not in json.dumps(pod["containers"]), name


def test_generated_secrets_are_long_random_and_roll_their_readers(render: Render) -> None:
    documents = render()
    key = base64.b64decode(find(documents, "Secret", "chronos-api-key")["data"]["api-key"])
    other = base64.b64decode(
        find(render("api.replicas=1"), "Secret", "chronos-api-key")["data"]["api-key"]
    )
    assert len(key) >= 40
    assert key.isalnum()
    assert key != other
    annotations = find(documents, "Deployment", "chronos-api")["spec"]["template"]["metadata"][
        "annotations"
    ]
    assert annotations["chronos.dev/api-key-secret"] == hashlib.sha256(key).hexdigest()[:16]
    store = {
        d["spec"]["template"]["metadata"]["annotations"]["chronos.dev/object-store-secret"]
        for d in documents
        if d["kind"] == "Deployment"
    }
    assert len(store) == 1
    assert len(store.pop()) == 16


def test_secrets_of_the_users_own_replace_the_generated_ones(render: Render) -> None:
    documents = render(
        'apiKey={"existingSecret":"mine","existingSecretKey":"token"}',
        'objectStore.existingSecret="bucket"',
    )
    assert not [d for d in documents if d["kind"] == "Secret"]
    pods = list_pods(documents)
    secret = {"secretName": "mine", "items": [{"key": "token", "path": "api-key"}]}
    assert secret in (volume.get("secret") for volume in pods["chronos-api"]["volumes"])
    for name, variable in {
        "chronos-operator": "AWS_SECRET_ACCESS_KEY",
        "chronos-api": "AWS_SECRET_ACCESS_KEY",
        "chronos-objectstore": "ROOT_SECRET_KEY",
    }.items():
        reference = {"secretKeyRef": {"name": "bucket", "key": "secret-access-key"}}
        assert read_environment(pods[name])[variable] == reference


def test_without_the_embedded_store_nothing_of_it_is_left(render: Render) -> None:
    documents = render(
        "objectStore.embedded.enabled=false",
        'objectStore.endpoint="https://s3.example"',
        'objectStore.prefix="team/logs"',
    )
    assert "chronos-objectstore" not in {d["metadata"]["name"] for d in documents}
    environment = read_environment(list_pods(documents)["chronos-operator"])
    assert environment["CHRONOS_S3_ENDPOINT"] == "https://s3.example"
    assert environment["CHRONOS_S3_PATH_STYLE"] == "false"
    assert environment["CHRONOS_S3_PREFIX"] == "team/logs/"
    assert "AWS_ACCESS_KEY_ID" not in environment


def test_the_embedded_store_is_found_by_its_service_and_keeps_its_volume(render: Render) -> None:
    documents = render("objectStore.embedded.service.port=7171")
    environment = read_environment(list_pods(documents)["chronos-api"])
    service = find(documents, "Service", "chronos-objectstore")
    assert service["spec"]["ports"][0]["port"] == 7171
    address = "http://chronos-objectstore.chronos-system.svc:7171"
    assert environment["CHRONOS_S3_ENDPOINT"] == address
    assert environment["CHRONOS_S3_PATH_STYLE"] == "true"
    claim = find(documents, "PersistentVolumeClaim", "chronos-objectstore")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize(
    ("name", "config", "unread"),
    [
        pytest.param("chronos-operator", OperatorConfig, {"namespace"}, id="operator"),
        pytest.param("chronos-api", ApiConfig, {"s3_prefix"}, id="API"),
    ],
)
def test_each_setting_has_the_name_that_the_program_reads(
    render: Render, name: str, config: type[BaseSettings], unread: set[str]
) -> None:
    environment = read_environment(list_pods(render(*EVERYTHING))[name])
    given = {key.removeprefix("CHRONOS_").lower() for key in environment if "CHRONOS_" in key}
    assert given - unread <= set(config.model_fields)
    assert environment["CHRONOS_WATCH_NAMESPACES"] == "default,team-a"


def test_there_is_one_operator_and_it_never_overlaps_its_successor(render: Render) -> None:
    spec = find(render(), "Deployment", "chronos-operator")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize(
    ("replicas", "budgets"),
    [pytest.param(1, 0, id="one needs none"), pytest.param(2, 1, id="two have one")],
)
def test_a_disruption_budget_comes_with_the_second_api_pod(
    render: Render, replicas: int, budgets: int
) -> None:
    documents = render(f"api.replicas={replicas}")
    assert [d["kind"] for d in documents].count("PodDisruptionBudget") == budgets
