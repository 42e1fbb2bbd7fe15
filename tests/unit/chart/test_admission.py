"""Nobody but the operator says what an execution runs; tests/e2e sees it at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Manifest = dict[str, Any]
Render = Callable[..., list[Manifest]]

KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def find_policy(documents: list[Manifest]) -> tuple[Manifest, Manifest]:
    """The policy and its binding."""
    policy, binding = (
        next(document for document in documents if document["kind"] == kind) for kind in KINDS
    )
    return policy, binding


def test_whoever_is_not_the_operator_may_neither_make_nor_change_an_execution_to_run_something(
    render: Render,
) -> None:
    policy, binding = find_policy(render())
    assert policy["spec"]["matchConstraints"]["resourceRules"] == [
        {
            "apiGroups": ["chronos.dev"],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["chronosexecutions"],
        }
    ]
    guarded = " ".join(rule["expression"] for rule in policy["spec"]["validations"])
    for field in ("workload", "retry", "queued", "trigger"):
        assert f"object.spec.{field}" in guarded
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "validationActions": ["Deny"],
    }


def test_each_refusal_says_what_to_do_instead(render: Render) -> None:
    policy, _ = find_policy(render())
    for rule in policy["spec"]["validations"]:
        assert rule["reason"] == "Forbidden"
        assert "leave it out" in rule["message"] or "use Manual" in rule["message"]


@pytest.mark.parametrize(
    ("settings", "account"),
    [
        pytest.param((), "chronos-operator", id="the chart's own account"),
        pytest.param(
            ('serviceAccounts.operator={"create":false,"name":"mine"}',),
            "mine",
            id="an account of the user's own",
        ),
    ],
)
def test_the_operator_is_known_by_the_account_its_pod_runs_as(
    render: Render, settings: tuple[str, ...], account: str
) -> None:
    documents = render(*settings)
    policy, _ = find_policy(documents)
    (condition,) = policy["spec"]["matchConditions"]
    wanted = f"request.userInfo.username != 'system:serviceaccount:chronos-system:{account}'"
    assert condition["expression"] == wanted
    (pod,) = (
        document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] == "Deployment" and document["metadata"]["name"] == "chronos-operator"
    )
    assert pod["serviceAccountName"] == account


def test_with_named_namespaces_it_is_about_these_and_leaves_another_chronos_alone(
    render: Render,
) -> None:
    _, binding = find_policy(render('operator.watchNamespaces=["default","team-a"]'))
    (named,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert named == {
        "key": "kubernetes.io/metadata.name",
        "operator": "In",
        "values": ["default", "team-a"],
    }


def test_it_can_be_left_out(render: Render) -> None:
    kinds = {document["kind"] for document in render("admissionPolicy.enabled=false")}
    assert not kinds & set(KINDS)
