"""The cluster, spoken to with the kubectl and helm built here and one explicit kubeconfig."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chronos_cluster.command import CommandFailed, run_command


class Kubectl:
    """Never reads the user's own kubeconfig: each call names the one it means."""

    def __init__(self, binaries: Path, kubeconfig: Path) -> None:
        self.binaries = binaries
        self.kubeconfig = kubeconfig
        # Beside the programs rather than in the user's ~/.kube.
        self._env = {"KUBECACHEDIR": str(binaries.with_name("kube-cache"))}

    def run(
        self,
        *arguments: str,
        timeout: float = 60.0,
        stdin: str | None = None,
        log: Path | None = None,
    ) -> str:
        """Run kubectl; its own time-out for a request is a little below ours."""
        return run_command(
            [
                str(self.binaries / "kubectl"),
                f"--kubeconfig={self.kubeconfig}",
                f"--request-timeout={max(timeout - 5, 5):.0f}s",
                *arguments,
            ],
            timeout=timeout,
            stdin=stdin,
            log=log,
            env=self._env,
        )

    def apply(self, objects: Sequence[dict[str, Any]], *, timeout: float = 60.0) -> None:
        """Create or update objects on the server's side."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        arguments = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        self.run(*arguments, stdin=json.dumps(document), timeout=timeout)

    def get(self, *arguments: str, timeout: float = 30.0) -> dict[str, Any] | None:
        """The object or list as kubectl gives it in JSON; None where it is not found."""
        try:
            text = self.run("get", *arguments, "--ignore-not-found", "-o", "json", timeout=timeout)
        except CommandFailed as error:
            if "the server doesn't have a resource type" in error.tail:
                return None
            raise
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found

    def helm(self, *arguments: str, timeout: float, log: Path | None = None) -> str:
        """Run helm against the same cluster."""
        return run_command(
            [str(self.binaries / "helm"), f"--kubeconfig={self.kubeconfig}", *arguments],
            timeout=timeout,
            log=log,
            env=self._env,
        )
