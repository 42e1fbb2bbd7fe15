"""`make status` and `make env`: look, tell, change nothing."""

from chronos_cluster.account import (
    build_exports,
    build_table,
    format_duration,
    summarize_pods,
)
from chronos_cluster.command import CommandFailed
from chronos_cluster.health import is_well
from chronos_cluster.node import sandbox
from chronos_cluster.provider import Provider, Target
from chronos_cluster.refusal import Refusal
from chronos_cluster.release import NAMESPACE, READY_PATH
from chronos_cluster.workshop import Workshop


def print_status(workshop: Workshop) -> bool:
    """Show what runs; True where the cluster and Chronos' API are well."""
    provider = workshop.choose()
    target = workshop.find_target(provider)
    print(f"Cluster: {provider.value}" + ("" if target else ", not up (make up)"))
    if target is None:
        return False
    print(f"Kubeconfig: {target.kubectl.kubeconfig}")
    components_well = _print_components(workshop) if provider is Provider.OWN else True
    _print_pods(target)
    api_well = is_well(target.api_url + READY_PATH)
    print(f"\nAPI: {target.api_url} {'answers' if api_well else 'does not answer'}")
    return components_well and api_well


def print_env(workshop: Workshop) -> None:
    """Exports for a shell; refused where there is nothing to export."""
    provider = workshop.choose()
    target = workshop.find_target(provider)
    if target is None:
        raise Refusal(f"{provider.value} is not up", remedy="make up")
    try:
        key = workshop.release(target).read_api_key()
    except CommandFailed as error:
        raise Refusal(f"the cluster does not answer: {error}", remedy="make status") from error
    if key is None:
        raise Refusal("Chronos is not installed in the cluster", remedy="make up")
    print(
        build_exports(
            kubeconfig=target.kubectl.kubeconfig,
            url=target.api_url,
            key=key,
            example_image=workshop.example_image,
            programs=workshop.toolchain.folder,
        )
    )


def _print_components(workshop: Workshop) -> bool:
    own = workshop.own
    authority = own.layout.pki / "ca.crt"
    programs = {program.name: program for program in own.supervisor.list_programs()}
    rows = [("COMPONENT", "STATE", "HEALTH", "PID", "UP FOR", "LOG")]
    init = sandbox.find_init(own.layout.init_record)
    host_pids = sandbox.list_host_pids(init) if init is not None else {}
    well = True
    for component in own.list_components():
        program = programs[component.name]
        health = "-"
        if component.ready_url is not None:
            is_ready = is_well(component.ready_url, authority=authority)
            health = "well" if is_ready else "UNWELL"
        well = well and program.state == "RUNNING" and health != "UNWELL"
        rows.append(
            (
                component.name,
                program.state.lower(),
                health,
                str(host_pids.get(program.pid, "-")),
                format_duration(program.seconds),
                str(own.layout.log_of(component.name)),
            )
        )
    print(f"Init: process {init} of this machine\n\n{build_table(rows)}")
    return well


def _print_pods(target: Target) -> None:
    try:
        pods = target.kubectl.get("pods", f"--namespace={NAMESPACE}") or {}
    except CommandFailed as error:
        print(f"\nThe cluster does not answer: {error}")
        return
    rows = summarize_pods(pods)
    if rows:
        print("\n" + build_table([("POD", "PHASE", "CONTAINERS"), *rows]))
    else:
        print(f"\nNo pods in {NAMESPACE}: Chronos is not installed.")
