"""What the user is told: the account after `up`, the exports of `env`, the lines of `status`."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from chronos_cluster.release import KEY_FIELD, KEY_SECRET, NAMESPACE


def build_account(*, title: str, api_url: str, example_log: str | None, seconds: str) -> str:
    """The end of `make up`."""
    key = (
        f"kubectl get secret -n {NAMESPACE} {KEY_SECRET} "
        f"-o go-template='{{{{index .data \"{KEY_FIELD}\" | base64decode}}}}'"
    )
    lines = []
    if example_log is not None:
        lines += ["", "The example's log:", *(f"    {line}" for line in example_log.splitlines())]
    lines += [
        "",
        f"Chronos is up on {title}, after {seconds}.",
        f"  API       {api_url}/api/v1   (its description: {api_url}/api/v1/openapi.json)",
        '  Your key  eval "$(make -s env)" puts it into CHRONOS_API_KEY; without make:',
        f"            {key}",
        "",
        "Three commands to try next:",
        '  eval "$(make -s env)"   # KUBECONFIG, CHRONOS_URL, CHRONOS_API_KEY, kubectl and helm',
        "  kubectl get chronosjobs,chronosexecutions",
        '  curl -sS -H "Authorization: Bearer $CHRONOS_API_KEY" "$CHRONOS_URL/api/v1/jobs"',
        "",
        "`make status` tells what runs, `make down` removes it all.",
    ]
    return "\n".join(lines)


def build_exports(
    *, kubeconfig: Path, url: str, key: str, example_image: str, programs: Path
) -> str:
    """Lines for a POSIX shell's eval, and nothing else."""
    values = {
        "KUBECONFIG": str(kubeconfig),
        "CHRONOS_URL": url,
        "CHRONOS_API_KEY": key,
        "CHRONOS_EXAMPLE_IMAGE": example_image,
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([*lines, f'export PATH={shlex.quote(str(programs))}:"$PATH"'])


def build_table(rows: Sequence[Sequence[str]]) -> str:
    """Columns, each as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def format_duration(seconds: int) -> str:
    """`2d3h`, `3h5m`, `5m7s`, `7s`."""
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    parts = []
    for letter, size in units:
        count, seconds = divmod(max(seconds, 0), size)
        if count:
            parts.append(f"{count}{letter}")
    return "".join(parts[:2]) or "0s"


def summarize_pods(pods: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """(name, phase, ready of all) from `kubectl get pods -o json`."""
    rows = []
    items = pods.get("items")
    for pod in items if isinstance(items, list) else []:
        statuses = pod["status"].get("containerStatuses", [])
        ready = sum(1 for status in statuses if status.get("ready"))
        rows.append(
            (
                str(pod["metadata"]["name"]),
                str(pod["status"].get("phase", "Unknown")),
                f"{ready}/{len(pod['spec']['containers'])} ready",
            )
        )
    return rows
