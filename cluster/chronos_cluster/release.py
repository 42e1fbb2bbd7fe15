"""Chronos in the cluster: installed by its chart, tried by one example, taken away again."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chronos_cluster.clock import wait_until
from chronos_cluster.command import CommandFailed
from chronos_cluster.health import ask, is_well
from chronos_cluster.kubectl import Kubectl
from chronos_cluster.provider import Provider, Target
from chronos_cluster.refusal import StepFailed

NAMESPACE = "chronos-system"
RELEASE = "chronos"
KEY_SECRET = "chronos-api-key"
KEY_FIELD = "api-key"
TEST_MARK = "chronos-test-cluster"
CRDS = (
    "chronosjobs.chronos.dev",
    "chronosexecutions.chronos.dev",
    "chronoscalendars.chronos.dev",
)
EXAMPLE_NAMESPACE = "default"
INSTALL_SECONDS = 300
EXAMPLE_SECONDS = 120.0
ADOPT = ("--take-ownership", "--force-conflicts")
READY_PATH = "/api/v1/health/ready"
ENDED = ("Succeeded", "Failed", "Cancelled", "Missed", "Skipped")


@dataclass(frozen=True)
class ImageName:
    """What the chart is told to run."""

    repository: str
    tag: str


def build_values(
    target: Target, image: ImageName, *, example_image: str, with_crds: bool = True
) -> dict[str, Any]:
    """The chart's values for a cluster; ports only where they are node ports.

    `with_crds` false leaves the CRDs to whoever put them into the cluster before us.
    """
    return {
        "crds": {"install": with_crds},
        "image": {
            "repository": image.repository,
            "tag": image.tag,
            "pullPolicy": "IfNotPresent",
        },
        "api": {"service": {"type": target.service_type, "nodePort": target.api_node_port}},
        "objectStore": {
            "publicEndpoint": target.store_url,
            "embedded": {
                "enabled": True,
                "service": {"type": target.service_type, "nodePort": target.store_node_port},
            },
        },
        "tests": {"jobImage": example_image},
    }


def find_stuck_revisions(history: list[dict[str, Any]]) -> list[int]:
    """Revisions of `helm history -o json` at which a helm was killed: they bar the next one."""
    return [
        int(entry["revision"])
        for entry in history
        if str(entry.get("status", "")).startswith("pending-")
    ]


class Release:
    """The release of one cluster; every method can be repeated."""

    def __init__(self, target: Target, *, chart: Path, log: Path) -> None:
        self._target = target
        self._chart = chart
        self._log = log

    @property
    def _kubectl(self) -> Kubectl:
        return self._target.kubectl

    def install(self, values: dict[str, Any]) -> None:
        """Install or upgrade, and wait until all of it is ready."""
        self._clear_stuck_revisions()
        file = self._log.with_name("values.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values, indent=1))
        arguments = ("upgrade", "--install", RELEASE, str(self._chart), "-f", str(file))
        where = ("--namespace", NAMESPACE, "--create-namespace")
        try:
            self._kubectl.helm(
                *arguments,
                *where,
                # In a cluster of ours a CRD applied by hand becomes the release's again.
                *(ADOPT if self._target.provider is not Provider.NAMED else ()),
                "--wait",
                f"--timeout={INSTALL_SECONDS}s",
                timeout=INSTALL_SECONDS + 60,
                log=self._log,
            )
        except CommandFailed as error:
            self._describe_trouble()
            raise StepFailed(
                f"the chart could not be installed: {error}",
                remedy="the log ends with the pods and events of the namespace; repeat after",
                log=self._log,
            ) from error

    def await_api(self) -> None:
        """Until the API answers from this machine."""
        url = self._target.api_url + READY_PATH
        if not wait_until(lambda: is_well(url), timeout=60.0, pause=0.3):
            self._describe_trouble()
            raise StepFailed(f"nothing answers at {url}", remedy="read the log", log=self._log)

    def read_api_key(self) -> str | None:
        """The key the chart made; None where nothing is installed."""
        secret = self._kubectl.get("secret", KEY_SECRET, f"--namespace={NAMESPACE}")
        if secret is None:
            return None
        return base64.b64decode(secret["data"][KEY_FIELD]).decode()

    def run_example(self, manifest: Path) -> str:
        """Apply an example afresh, wait for its first execution's end, give its log."""
        name = self._read_name(manifest)
        where = f"--namespace={EXAMPLE_NAMESPACE}"
        delete = ("delete", "chronosjob", name, where, "--ignore-not-found", "--wait")
        self._kubectl.run(*delete, timeout=90)
        self._kubectl.run("apply", where, "-f", str(manifest))
        ended: list[dict[str, Any]] = []

        def has_ended() -> bool:
            items = self._ask_json(f"/api/v1/jobs/{name}/executions").get("items", [])
            ended[:] = [item for item in items if item.get("state") in ENDED]
            return bool(ended)

        if not wait_until(has_ended, timeout=EXAMPLE_SECONDS, pause=0.3):
            self._describe_trouble()
            raise StepFailed(
                f"job {name} did not end within {EXAMPLE_SECONDS:.0f} s",
                remedy=f"kubectl describe chronosjob {name}; the log shows Chronos' own pods",
                log=self._log,
            )
        if ended[0]["state"] != "Succeeded":
            raise StepFailed(
                f"job {name} ended as {ended[0]['state']}",
                remedy=f"kubectl describe chronosexecution {ended[0]['id']}",
                log=self._log,
            )
        return self._ask(f"/api/v1/executions/{ended[0]['id']}/logs").decode(errors="replace")

    def uninstall(self, *, namespace_too: bool, crds_too: bool) -> None:
        """Remove the release and, where we made them, its namespace and its CRDs."""
        kubectl = self._kubectl
        self._clear_stuck_revisions()
        where = ("--namespace", NAMESPACE)
        kubectl.helm(
            *("uninstall", RELEASE, *where, "--ignore-not-found", "--wait", "--timeout=120s"),
            timeout=180,
            log=self._log,
        )
        if crds_too:
            kubectl.run("delete", "crd", *CRDS, "--ignore-not-found", timeout=180)
        if namespace_too:
            kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=180)

    def has_crds(self) -> bool:
        return self._kubectl.get("crd", CRDS[0]) is not None

    def has_namespace(self) -> bool:
        return self._kubectl.get("namespace", NAMESPACE) is not None

    def _clear_stuck_revisions(self) -> None:
        try:
            text = self._kubectl.helm(
                "history", RELEASE, "--namespace", NAMESPACE, "-o", "json", timeout=60
            )
        except CommandFailed:
            return  # No release yet.
        for revision in find_stuck_revisions(json.loads(text)):
            secret = f"sh.helm.release.v1.{RELEASE}.v{revision}"
            where = f"--namespace={NAMESPACE}"
            self._kubectl.run("delete", "secret", secret, where, "--ignore-not-found")

    def _describe_trouble(self) -> None:
        """Pods, events and last words of Chronos, appended to the log."""
        where = f"--namespace={NAMESPACE}"
        selector = "app.kubernetes.io/part-of=chronos"
        for arguments in (
            ("get", "pods", where, "-o", "wide"),
            ("get", "events", where, "--sort-by=.lastTimestamp"),
            ("logs", where, f"--selector={selector}", "--all-containers", "--tail=60", "--prefix"),
        ):
            try:
                self._kubectl.run(*arguments, log=self._log)
            except CommandFailed:
                continue  # Already in trouble; the log holds what could be had.

    def _read_name(self, manifest: Path) -> str:
        found = self._kubectl.run(
            "create", "--dry-run=client", "-o", "jsonpath={.metadata.name}", "-f", str(manifest)
        )
        return found.strip()

    def _ask(self, path: str) -> bytes:
        key = self.read_api_key() or ""
        headers = {"Authorization": f"Bearer {key}"}
        status, body = ask(self._target.api_url + path, headers=headers, timeout=20)
        return body if status == 200 else b""

    def _ask_json(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._ask(path) or b"{}")
        return answer


def mark_as_test_cluster(kubectl: Kubectl) -> None:
    """The end-to-end tests refuse any cluster without this mark."""
    metadata = {"name": TEST_MARK, "namespace": "kube-system"}
    kubectl.apply([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}])
