"""``python -m chaos``: create the fleet, kill the operator at random, audit; exit code 1 on finds.

Reads KUBECONFIG, CHRONOS_URL, CHRONOS_API_KEY and CHRONOS_EXAMPLE_IMAGE (``make env`` prints them);
the cluster must be marked for tests. ``--audit NAMESPACE`` audits what an earlier run left with
``--keep``.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos.audit import audit, summarize
from chaos.cluster import KINDS, Cluster
from chaos.evidence import Evidence, read_evidence
from chaos.fleet import BACKFILLED, BACKFILLED_SECONDS, TRIGGERED, Span, build_fleet
from chaos.killer import Killer

DRAIN_SECONDS = 240
TRIGGER_EVERY = 15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it kills")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the kills")
    parser.add_argument("--keep", action="store_true", help="leave the namespace to be looked at")
    parser.add_argument("--audit", metavar="NAMESPACE", help="audit only, what is there")
    options = parser.parse_args()
    if options.audit:
        evidence, until = audit_only(Cluster(options.audit))
        return report(evidence, until)
    check_marked()
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    cluster = Cluster(f"chaos-{secrets.token_hex(4)}")
    cluster.kubectl("create", "namespace", cluster.namespace)
    try:
        evidence, until = run(cluster, minutes=options.minutes, seed=options.seed)
        return report(evidence, until)
    finally:
        if options.keep:
            print(f"kept: python -m chaos --audit {cluster.namespace}")
        else:
            cluster.kubectl("delete", "namespace", cluster.namespace, "--wait=false")


def check_marked() -> None:
    """Only a cluster that is made for tests has its operator killed."""
    try:
        Cluster("kube-system").kubectl("get", "configmap", "chronos-test-cluster")
    except RuntimeError as error:
        raise SystemExit(f"this cluster is not marked for tests: {error}") from error


def run(cluster: Cluster, *, minutes: float, seed: int) -> tuple[Evidence, datetime]:
    """The whole run; the evidence, and up to when each second must be accounted for."""
    begins_at = datetime.now(UTC).replace(microsecond=0)
    span = Span(begins_at, begins_at + timedelta(minutes=minutes))
    with tempfile.TemporaryDirectory() as folder:
        witnesses = {kind: Path(folder) / kind for kind in ("Job", "Pod")}
        watches = [cluster.watch_births(kind, file) for kind, file in witnesses.items()]
        try:
            cluster.create(*build_fleet(span, image=os.environ["CHRONOS_EXAMPLE_IMAGE"]))
            kill_and_trigger(cluster, span, seed=seed)
            await_end(cluster)
        finally:
            for watch in watches:
                watch.terminate()
                watch.wait(timeout=10)
        births = read_births(witnesses)
    return collect(cluster, births), span.ends_at


def read_births(witnesses: dict[str, Path]) -> frozenset[tuple[str, str, str]]:
    """(kind, name, UID) of all that the watches have seen."""
    lines = (
        (kind, line.split())
        for kind, file in witnesses.items()
        for line in file.read_text().splitlines()
    )
    return frozenset((kind, words[0], words[1]) for kind, words in lines if len(words) == 2)


def kill_and_trigger(cluster: Cluster, span: Span, *, seed: int) -> None:
    """Kills in turns with runs by hand and a backfill, until the fleet's schedules end."""
    killer = Killer(seed=seed)
    turn = span.begins_at
    try:
        while turn < span.ends_at:
            turn = min(turn + timedelta(seconds=TRIGGER_EVERY), span.ends_at)
            killer.run_until(turn)
            # The first asks for runs; each later one must find that they are there already.
            before = span.after(-BACKFILLED_SECONDS)
            cluster.backfill(BACKFILLED, since=before, until=span.after(-1))
            if turn < span.ends_at:
                cluster.create(*(build_trigger(job) for job in TRIGGERED))
    finally:
        killer.bring_back()
    print(f"{len(killer.kills)} kills: {'; '.join(killer.kills)}", flush=True)


def build_trigger(job: str) -> dict[str, object]:
    """A run by hand."""
    return {
        "apiVersion": "chronos.dev/v1alpha1",
        "kind": "ChronosExecution",
        "metadata": {"generateName": f"{job}-manual-"},
        "spec": {"jobRef": {"name": job}},
    }


def await_end(cluster: Cluster) -> None:
    """Until every job is completed and every execution has ended, or time runs out."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        jobs = {it.get("status", {}).get("state") for it in cluster.read("ChronosJob")}
        runs = {it.get("status", {}).get("state") for it in cluster.read("ChronosExecution")}
        if jobs == {"Completed"} and not runs & {None, "Pending", "Queued", "Running"}:
            return
        time.sleep(2)


def collect(cluster: Cluster, births: frozenset[tuple[str, str, str]]) -> Evidence:
    """Reads all there is."""
    objects = {kind: cluster.read(kind) for kind in KINDS}
    names = [it["metadata"]["name"] for it in objects["ChronosJob"]]
    return read_evidence(objects, {name: cluster.ledger(name) for name in names}, births)


def audit_only(cluster: Cluster) -> tuple[Evidence, datetime]:
    """What an earlier run has left; its jobs' own end is the end of the audit."""
    evidence = collect(cluster, frozenset())
    ends = {it.spec["schedule"]["endTime"] for it in evidence.jobs}
    return evidence, max(map(datetime.fromisoformat, ends))


def report(evidence: Evidence, until: datetime) -> int:
    """Prints what was found; 1 where anything was."""
    print(summarize(evidence))
    findings = audit(evidence, until=until)
    for rule, wrong in findings.items():
        print(f"{'FAILED' if wrong else 'proved'}  {rule}")
        for sentence in wrong:
            print(f"        {sentence}")
    return 1 if any(findings.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
