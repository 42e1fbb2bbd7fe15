"""What Chronos may do in the cluster, and who may reach its pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

READ = {"get", "list", "watch"}
RIGHTS = {
    "chronos-operator": {
        "chronos.dev/chronosjobs": READ,
        "chronos.dev/chronosjobs/status": {"patch"},
        "chronos.dev/chronoscalendars": READ,
        "chronos.dev/chronosexecutions": READ | {"create", "patch", "delete"},
        "chronos.dev/chronosexecutions/status": {"patch"},
        "batch/jobs": READ | {"create", "patch", "delete"},
        "/pods": READ,
        "/pods/log": {"get"},
        "/events": {"create", "patch"},
    },
    "chronos-api": {
        "chronos.dev/chronosjobs": READ | {"create", "update", "patch", "delete"},
        "chronos.dev/chronoscalendars": {"get", "list", "create", "update", "delete"},
        "chronos.dev/chronosexecutions": READ | {"create"},
        "/namespaces": {"get"},
    },
    "chronos-view": {
        "chronos.dev/chronosjobs": READ,
        "chronos.dev/chronosexecutions": READ,
        "chronos.dev/chronoscalendars": READ,
    },
    "chronos-edit": {
        "chronos.dev/chronosjobs": {"create", "update", "patch", "delete", "deletecollection"},
        "chronos.dev/chronoscalendars": {"create", "update", "patch", "delete", "deletecollection"},
        "chronos.dev/chronosexecutions": {"create", "delete", "deletecollection"},
    },
}


def read_rights(role: Manifest) -> dict[str, set[str]]:
    """The verbs for each ``group/resource``."""
    return {
        f"{group}/{resource}": set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def of_kind(documents: list[Manifest], kind: str) -> list[Manifest]:
    """All objects of a kind."""
    return [d for d in documents if d["kind"] == kind]


def test_roles_grant_exactly_what_is_used(render: Render) -> None:
    roles = of_kind(render(), "ClusterRole")
    assert {role["metadata"]["name"]: read_rights(role) for role in roles} == RIGHTS


def test_with_named_namespaces_there_are_roles_in_those_and_no_cluster_wide_right(
    render: Render,
) -> None:
    documents = render('operator.watchNamespaces=["default","team-a"]')
    roles = {
        (role["metadata"]["namespace"], role["metadata"]["name"]): read_rights(role)
        for role in of_kind(documents, "Role")
    }
    assert roles == {
        (namespace, name): RIGHTS[name]
        for namespace in ("default", "team-a")
        for name in ("chronos-operator", "chronos-api")
    }
    assert not of_kind(documents, "ClusterRoleBinding")
    bound = {role["metadata"]["name"] for role in of_kind(documents, "ClusterRole")}
    assert bound == {"chronos-view", "chronos-edit"}


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        pytest.param((), "ClusterRoleBinding", id="all namespaces"),
        pytest.param(('operator.watchNamespaces=["default"]',), "RoleBinding", id="one namespace"),
    ],
)
def test_bindings_join_each_account_to_its_own_role(
    render: Render, settings: tuple[str, ...], kind: str
) -> None:
    documents = render(*settings)
    accounts = {account["metadata"]["name"] for account in of_kind(documents, "ServiceAccount")}
    bindings = of_kind(documents, kind)
    assert {binding["roleRef"]["name"] for binding in bindings} == accounts
    for binding in bindings:
        (subject,) = binding["subjects"]
        assert subject["name"] == binding["roleRef"]["name"]
        assert subject["namespace"] == "chronos-system"


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        pytest.param(("rbac.create=false",), {"chronos-view", "chronos-edit"}, id="no roles"),
        pytest.param(
            ("rbac.aggregate=false",), {"chronos-operator", "chronos-api"}, id="no aggregation"
        ),
    ],
)
def test_rights_can_be_left_to_others(
    render: Render, settings: tuple[str, ...], left: set[str]
) -> None:
    roles = of_kind(render(*settings), "ClusterRole")
    assert {role["metadata"]["name"] for role in roles} == left


def test_accounts_of_the_users_own_are_used_and_not_made(render: Render) -> None:
    documents = render('serviceAccounts.api={"create":false,"name":"mine"}')
    accounts = {account["metadata"]["name"] for account in of_kind(documents, "ServiceAccount")}
    assert accounts == {"chronos-operator"}
    subjects = [
        binding["subjects"][0]["name"] for binding in of_kind(documents, "ClusterRoleBinding")
    ]
    assert sorted(subjects) == ["chronos-operator", "mine"]
    pods = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]
        for d in of_kind(documents, "Deployment")
    }
    assert pods["chronos-api"]["serviceAccountName"] == "mine"


def read_openings(documents: list[Manifest]) -> dict[str, list[tuple[str, list[str] | None]]]:
    """For each policy the ports it opens, and to which components; None stands for everybody."""
    openings = {}
    for policy in of_kind(documents, "NetworkPolicy"):
        rules = policy["spec"].get("ingress", [])
        openings[policy["metadata"]["name"]] = [
            (
                rule["ports"][0]["port"],
                [
                    peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                    for peer in rule["from"]
                ]
                if "from" in rule
                else None,
            )
            for rule in rules
        ]
    return openings


def test_policies_open_the_api_to_all_the_store_to_two_and_the_operator_to_none(
    render: Render,
) -> None:
    assert read_openings(render()) == {
        "chronos-operator": [],
        "chronos-api": [("http", None)],
        "chronos-objectstore": [("s3", ["operator", "api"])],
    }


def test_a_store_with_a_node_port_is_open_to_all(render: Render) -> None:
    documents = render('objectStore.embedded.service={"type":"NodePort","nodePort":30070}')
    assert read_openings(documents)["chronos-objectstore"] == [("s3", None)]


def test_a_closed_api_still_lets_the_helm_test_in(render: Render) -> None:
    peer = '{"podSelector":{"matchLabels":{"app.kubernetes.io/component":"gateway"}}}'
    documents = render(f"networkPolicy.apiFrom=[{peer}]")
    assert read_openings(documents)["chronos-api"] == [("http", ["test", "gateway"])]


def test_policies_select_the_pods_they_are_named_after(render: Render) -> None:
    documents = render()
    templates = {
        d["metadata"]["name"]: d["spec"]["template"] for d in of_kind(documents, "Deployment")
    }
    for policy in of_kind(documents, "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        labels = templates[policy["metadata"]["name"]]["metadata"]["labels"]
        assert selector.items() <= labels.items()
    for service in of_kind(documents, "Service"):
        labels = templates[service["metadata"]["name"]]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
