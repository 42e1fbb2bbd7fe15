"""Settings of this machine that the cluster changes, and their way back."""

from pathlib import Path

from chronos_cluster.command import CommandFailed, run_command
from chronos_cluster.node.addresses import Link
from chronos_cluster.record import read_record, write_record

PROC_SYS = Path("/proc/sys")
# The kubelet writes all but the first on its start, for the machine as a whole.
CHANGED = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
MODULES = ("overlay", "br_netfilter", "veth", "nf_conntrack", "xt_comment", "xt_MASQUERADE")


def read_settings() -> dict[str, str]:
    """The present value of each setting that exists here."""
    return {
        name: (PROC_SYS / name).read_text().strip()
        for name in CHANGED
        if (PROC_SYS / name).exists()
    }


def write_host_record(path: Path, link: Link) -> None:
    """Remember the wire and the settings as they are now, unless they were remembered before.

    A cluster that was killed has changed them already: what counts is the first record.
    """
    before = read_host_record(path)
    settings = before[1] if before else read_settings()
    write_record(path, {"link": vars(link), "settings": settings})


def read_host_record(path: Path) -> tuple[Link, dict[str, str]] | None:
    """The wire and the earlier settings, None where no readable record is."""
    try:
        record = read_record(path) or {}
        return Link(**record["link"]), dict(record["settings"])
    except (TypeError, KeyError):
        return None


def restore_settings(settings: dict[str, str]) -> None:
    """Put back what differs."""
    for name, value in settings.items():
        file = PROC_SYS / name
        if name in CHANGED and file.exists() and file.read_text().strip() != value:
            file.write_text(value)


def load_modules() -> None:
    """Load kernel modules where the kernel has them as modules; built-in ones need nothing."""
    for module in MODULES:
        try:
            run_command(["modprobe", "--quiet", module], timeout=20)
        except CommandFailed:
            continue
