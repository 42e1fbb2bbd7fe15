"""The wire between this machine and the cluster, and the way out; all of it can be taken back."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from chronos_cluster.command import CommandFailed, run_command, succeeds
from chronos_cluster.node.addresses import (
    HOST_LINK,
    INSIDE_LINK,
    Link,
    build_link,
    choose_subnet,
    read_default_device,
    read_taken_networks,
)
from chronos_cluster.refusal import Refusal

MARK = "chronos-cluster"
FORWARD_SWITCH = Path("/proc/sys/net/ipv4/ip_forward")
TIMEOUT = 20.0
DEFAULT_MTU = 1500


def choose_link() -> Link:
    """Look at this machine's routes and take a subnet nobody uses."""
    routes = run_command(["ip", "-j", "-4", "route", "show", "table", "all"], timeout=TIMEOUT)
    subnet = choose_subnet(read_taken_networks(routes))
    if subnet is None:
        raise Refusal(
            "every subnet Chronos could use for its cluster is routed elsewhere on this machine",
            remedy="free one of those in cluster/chronos_cluster/node/addresses.py (CANDIDATES)",
        )
    device = read_default_device(routes)
    mtu_file = Path(f"/sys/class/net/{device}/mtu")
    mtu = int(mtu_file.read_text()) if device and mtu_file.exists() else DEFAULT_MTU
    return build_link(subnet, mtu=min(mtu, DEFAULT_MTU))


def build_rules(link: Link) -> tuple[tuple[str, ...], ...]:
    """iptables rules for the way out: (table, chain, match and target ...)."""
    mark = ("-m", "comment", "--comment", MARK)
    outward = ("-s", link.subnet, "!", "-d", link.subnet)
    return (
        ("nat", "POSTROUTING", *outward, *mark, "-j", "MASQUERADE"),
        ("filter", "FORWARD", "-i", HOST_LINK, *mark, "-j", "ACCEPT"),
        ("filter", "FORWARD", "-o", HOST_LINK, *mark, "-j", "ACCEPT"),
    )


def list_marked_rules(saved: str) -> list[list[str]]:
    """Out of one table's `iptables -S`: the rules that carry our mark, as arguments to delete."""
    found = []
    for line in saved.splitlines():
        words = line.split()
        if words[:1] == ["-A"] and MARK in (word.strip('"') for word in words):
            found.append(["-D", *(word.strip('"') for word in words[1:])])
    return found


def connect_link(link: Link, *, init_pid: int) -> None:
    """Lay the wire: one end here, the other in the network namespace of `init_pid`."""
    remove_link()
    inside = ["peer", "name", INSIDE_LINK, "netns", str(init_pid)]
    mtu = ["mtu", str(link.mtu)]
    for argv in (
        ["ip", "link", "add", HOST_LINK, *mtu, "type", "veth", *inside],
        ["ip", "addr", "add", f"{link.host_ip}/30", "dev", HOST_LINK],
        ["ip", "link", "set", HOST_LINK, "up"],
    ):
        run_command(argv, timeout=TIMEOUT)


def has_link() -> bool:
    """Whether the host's end exists, left over or in use."""
    return Path("/sys/class/net", HOST_LINK).exists()


def remove_link() -> None:
    """Take the wire away; nothing happens where there is none."""
    if has_link():
        run_command(["ip", "link", "delete", HOST_LINK], timeout=TIMEOUT)


def open_way_out(link: Link) -> str | None:
    """Let pods reach what this machine reaches; gives a warning where that cannot be had."""
    close_way_out()
    try:
        FORWARD_SWITCH.write_text("1")
        for table, chain, *rule in build_rules(link):
            run_command(["iptables", "-w", "10", "-t", table, "-I", chain, *rule], timeout=TIMEOUT)
    except (OSError, CommandFailed) as error:
        return f"pods cannot reach beyond this machine: {error}"
    return None


def close_way_out() -> None:
    """Delete every rule with our mark, ours of now or of an earlier crash."""
    for argv in _list_leftover_rules():
        run_command(argv, timeout=TIMEOUT)


def _list_leftover_rules() -> list[Sequence[str]]:
    if not succeeds(["iptables", "--version"], timeout=TIMEOUT):
        return []
    deletes: list[Sequence[str]] = []
    for table in ("nat", "filter"):
        command = ["iptables", "-w", "10", "-t", table]
        try:
            saved = run_command([*command, "-S"], timeout=TIMEOUT)
        except CommandFailed:
            continue  # A kernel without this table holds no rule of ours in it.
        deletes += [[*command, *rule] for rule in list_marked_rules(saved)]
    return deletes


def list_left_over() -> list[str]:
    """What of ours is in this machine's network, for `status` and for tests of `down`."""
    links: Iterable[str] = [f"interface {HOST_LINK}"] if has_link() else []
    return [*links, *("rule " + " ".join(rule[3:]) for rule in _list_leftover_rules())]
