"""kind: Kubernetes in Docker, where a Docker engine answers."""

import json
from pathlib import Path

from chronos_cluster.command import CommandFailed, run_command, succeeds
from chronos_cluster.image import ImageRecipe, build_docker_argv
from chronos_cluster.provider import API_NODE_PORT, STORE_NODE_PORT
from chronos_cluster.refusal import StepFailed

CLUSTER = "chronos"
CREATE_TIMEOUT = 600.0
BUILD_TIMEOUT = 1800.0


def build_configuration() -> str:
    """kind's Cluster as JSON: one node, the two node ports on this machine's loopback only."""
    mappings = [
        {"containerPort": port, "hostPort": port, "listenAddress": "127.0.0.1", "protocol": "TCP"}
        for port in (API_NODE_PORT, STORE_NODE_PORT)
    ]
    return json.dumps(
        {
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "kind": "Cluster",
            "name": CLUSTER,
            "nodes": [{"role": "control-plane", "extraPortMappings": mappings}],
        },
        indent=1,
    )


def docker_answers() -> bool:
    """Whether a Docker engine can be used by this user."""
    return succeeds(["docker", "info"], timeout=15)


class Kind:
    """Our kind cluster; its kubeconfig is a file of ours, never the user's."""

    def __init__(self, binaries: Path, *, folder: Path, log: Path) -> None:
        self.kubeconfig = folder / "kind.kubeconfig"
        self._program = str(binaries / "kind")
        self._folder = folder
        self._log = log

    def exists(self) -> bool:
        names = run_command([self._program, "get", "clusters"], timeout=60)
        return CLUSTER in names.split()

    def start(self) -> str | None:
        """Create the cluster unless it is there; write its kubeconfig either way."""
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "kind.json"
        configuration.write_text(build_configuration())
        try:
            if self.exists():
                self._export_kubeconfig()
                return "already up"
            self._run("create", "cluster", "--config", str(configuration), "--wait", "180s")
            self._export_kubeconfig()
        except CommandFailed as error:
            raise StepFailed(
                f"kind could not make the cluster: {error}",
                remedy=f"read the log; is a port taken ({API_NODE_PORT}, {STORE_NODE_PORT})?",
                log=self._log,
            ) from error
        return None

    def build_image(self, recipe: ImageRecipe) -> None:
        """Build with Docker and bring it into the node, under both of its names."""
        try:
            run_command(build_docker_argv(recipe), timeout=BUILD_TIMEOUT, log=self._log)
            for name in (recipe.name, recipe.release_name):
                self._run("load", "docker-image", name)
        except CommandFailed as error:
            raise StepFailed(
                f"Chronos' image could not be built or loaded: {error}",
                remedy="read the log",
                log=self._log,
            ) from error

    def load_archive(self, archive: Path) -> None:
        """Bring a docker-archive file into the node."""
        self._run("load", "image-archive", str(archive))

    def destroy(self) -> None:
        """Delete the cluster and what we wrote about it."""
        self._run("delete", "cluster")
        self.kubeconfig.unlink(missing_ok=True)

    def _export_kubeconfig(self) -> None:
        self._run("export", "kubeconfig", "--kubeconfig", str(self.kubeconfig))
        self.kubeconfig.chmod(0o600)

    def _run(self, *arguments: str) -> None:
        run_command(
            [self._program, *arguments, "--name", CLUSTER],
            timeout=CREATE_TIMEOUT,
            log=self._log,
            # kind writes to this kubeconfig at creation: ours, not ~/.kube/config.
            env={"KUBECONFIG": str(self.kubeconfig)},
        )
