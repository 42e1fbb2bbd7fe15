"""`make down`: takes away what `make up` made, and nothing else."""

import os
from pathlib import Path

from chronos_cluster.clock import now_monotonic
from chronos_cluster.command import CommandFailed
from chronos_cluster.provider import Provider
from chronos_cluster.record import read_record
from chronos_cluster.refusal import Refusal, StepFailed
from chronos_cluster.release import EXAMPLE_NAMESPACE
from chronos_cluster.step import Step, format_seconds, run_steps
from chronos_cluster.toolchain import CLIENTS
from chronos_cluster.workshop import Workshop


def take_down(workshop: Workshop) -> None:
    """Remove the cluster, or from a named one what we installed."""
    begun = now_monotonic()
    provider = workshop.choose()
    steps = {
        Provider.OWN: _list_own_steps,
        Provider.KIND: _list_kind_steps,
        Provider.NAMED: _list_named_steps,
    }[provider](workshop)
    run_steps(steps)
    taken = format_seconds(now_monotonic() - begun)
    print(f"Nothing of Chronos is left on {provider.value} ({taken}).")


def _list_own_steps(workshop: Workshop) -> list[Step]:
    if os.geteuid() != 0:
        raise Refusal("only root can take the own cluster down", remedy="run it as root")

    def destroy() -> str | None:
        left = workshop.own.destroy()
        if left:
            raise StepFailed("left behind: " + ", ".join(left), remedy="repeat `make down`")
        return f"{workshop.settings.state_dir} is gone"

    return [Step("end the own cluster and remove its state", destroy)]


def _list_kind_steps(workshop: Workshop) -> list[Step]:
    def destroy() -> str | None:
        if workshop.kind.kubeconfig.exists():
            workshop.kind.destroy()
            return None
        return "there is none of ours"

    return [Step("delete the kind cluster", destroy)]


def _list_named_steps(workshop: Workshop) -> list[Step]:
    """CRDs and namespace go only where the receipt says that `up` made them."""
    made = read_record(workshop.receipt_file)
    if made is None:
        raise Refusal(
            "`make up` has installed nothing into this cluster from here",
            remedy="helm uninstall chronos -n chronos-system, if that is meant",
        )
    workshop.toolchain.build(CLIENTS)
    target = workshop.named_target(0, 0)

    def stop_forwards() -> str | None:
        workshop.forwards.stop()
        return None

    def remove_example() -> str | None:
        _delete_example(workshop)
        return None

    def uninstall() -> str | None:
        workshop.release(target).uninstall(namespace_too=made["namespace"], crds_too=made["crds"])
        _forget(workshop.forwards.folder)
        kept = [name for name, ours in made.items() if not ours]
        return f"kept, as they were there before: {', '.join(kept)}" if kept else None

    warning = " with every job and execution in it" if made["crds"] else ""
    return [
        Step("end the port forwards", stop_forwards),
        Step("remove the example job", remove_example),
        Step(f"uninstall Chronos{warning}", uninstall),
    ]


def _delete_example(workshop: Workshop) -> None:
    manifest = workshop.settings.root / "examples" / "10-hello.yaml"
    where = f"--namespace={EXAMPLE_NAMESPACE}"
    try:
        workshop.named_kubectl.run(
            "delete", where, "--ignore-not-found", "-f", str(manifest), timeout=90
        )
    except CommandFailed as error:
        if "no matches for kind" not in error.tail:
            raise StepFailed(f"the example stays: {error}", remedy="repeat") from error


def _forget(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
