"""Whoever may only trigger runs does not choose what is run."""

from __future__ import annotations

import json

import pytest

from e2e.conftest import Json, Kubectl, Tenant, job, manifest, wait_for

WORKLOAD = {"type": "container", "container": {"image": "docker.io/library/busybox:1.35"}}
PERSON = "a-person"


@pytest.fixture(scope="module")
def person(tenant: Tenant, image: str) -> Kubectl:
    """Somebody with the cluster's own role `edit` in a namespace with one job."""
    far = {"at": ["2099-12-31T23:59:59Z"]}
    tenant.kubectl.apply(manifest(job("theirs", far, "echo", "as the job says", image=image)))
    tenant.kubectl("create", "rolebinding", PERSON, "--clusterrole=edit", f"--user={PERSON}")
    # Roles are aggregated by a controller.
    wait_for(
        lambda: (
            tenant.kubectl.run(
                "auth", "can-i", "create", "chronosexecutions", "--as", PERSON
            ).returncode
            == 0
        ),
        seconds=30,
        what="the right to create executions",
    )
    return tenant.kubectl


def _execution(**spec: object) -> Json:
    return {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosExecution",
        "metadata": {"generateName": "theirs-manual-"},
        "spec": {"jobRef": {"name": "theirs"}, **spec},
    }


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"workload": WORKLOAD}, "spec.workload", id="a workload of one's own"),
        pytest.param({"retry": {"maxAttempts": 100}}, "spec.retry", id="retries of one's own"),
        pytest.param({"queued": True}, "spec.queued", id="a word about the queue"),
        pytest.param(
            {"trigger": "Schedule", "scheduledTime": "2026-03-28T09:30:00Z"},
            "spec.trigger",
            id="a run that looks scheduled",
        ),
    ],
)
def test_what_is_chronos_own_to_say_is_refused_with_what_to_do(
    spec: Json, said: str, person: Kubectl
) -> None:
    for who in ((), ("--as", PERSON)):
        body = json.dumps(_execution(**spec))
        done = person.run("create", "-f", "-", *who, stdin=body)
        assert done.returncode != 0
        assert said in done.stderr
        assert "ValidatingAdmissionPolicy" in done.stderr


def test_a_run_by_hand_runs_what_its_job_says_and_nobody_can_change_it_afterwards(
    tenant: Tenant, person: Kubectl
) -> None:
    made = person("create", "-f", "-", "-o", "name", "--as", PERSON, stdin=json.dumps(_execution()))
    name = made.strip().partition("/")[2]
    wait_for(
        lambda: tenant.api.get(f"/executions/{name}").get("state") == "Succeeded",
        seconds=60,
        what="its end",
    )
    assert tenant.api.log(name) == b"as the job says\n"
    other = {"spec": {"workload": {"container": {"image": "localhost:1/other:image"}}}}
    patch = ("patch", "chronosexecution", name, "--type=merge", f"-p={json.dumps(other)}")
    assert person.run(*patch, "--as", PERSON).returncode != 0
    done = person.run(*patch)
    assert done.returncode != 0
    assert "never changes" in done.stderr


def test_the_workload_of_a_run_that_waits_cannot_be_filled_in_by_others(
    tenant: Tenant, person: Kubectl
) -> None:
    made = person(
        *("create", "-f", "-", "-o", "name"),
        stdin=json.dumps(_execution(scheduledTime="2099-01-01T00:00:00Z")).replace(
            '"theirs"', '"no-such-job"'
        ),
    )
    name = made.strip().partition("/")[2]
    body = json.dumps({"spec": {"workload": WORKLOAD}})
    done = person.run("patch", "chronosexecution", name, "--type=merge", f"-p={body}")
    assert done.returncode != 0
    assert "spec.workload is copied from the job" in done.stderr
    person("label", "chronosexecution", name, "seen=yes")
    person("delete", "chronosexecution", name)
