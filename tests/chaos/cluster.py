"""kubectl, and the REST routes that the run and the audit need."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

CALL_SECONDS = 60
SYSTEM = "chronos-system"
OPERATOR = "app.kubernetes.io/component=operator"
KINDS = {
    "ChronosJob": "chronosjobs",
    "ChronosExecution": "chronosexecutions",
    "ChronosCalendar": "chronoscalendars",
    "Job": "jobs.batch",
    "Pod": "pods",
    "Event": "events",
}


@dataclass(frozen=True)
class Cluster:
    """One namespace of the cluster that the environment names (KUBECONFIG, CHRONOS_URL and key)."""

    namespace: str
    url: str = field(default_factory=lambda: os.environ["CHRONOS_URL"])

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Its standard output; raises CalledProcessError, with what it said, where it fails."""
        done = subprocess.run(
            ["kubectl", "-n", self.namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def create(self, *manifests: Json) -> None:
        """Creates objects; names may be generated."""
        bundle = {"apiVersion": "v1", "kind": "List", "items": manifests}
        self.kubectl("create", "-f", "-", stdin=json.dumps(bundle))

    def read(self, kind: str, *arguments: str) -> list[Json]:
        """All objects of a kind in the namespace."""
        text = self.kubectl("get", KINDS[kind], "-o", "json", *arguments)
        items: list[Json] = json.loads(text)["items"]
        return items

    def watch_births(self, kind: str, file: Path) -> subprocess.Popen[bytes]:
        """Appends ``name UID`` of each object of a kind to a file, at each of its changes."""
        columns = "custom-columns=:.metadata.name,:.metadata.uid"
        get = ["kubectl", "-n", self.namespace, "get", KINDS[kind]]
        with file.open("ab") as out:
            return subprocess.Popen([*get, "--watch", "--no-headers", "-o", columns], stdout=out)

    def ledger(self, job: str) -> Json:
        """A job's ledger over all pages."""
        lines: list[Json] = []
        token = ""
        while True:
            page = self._call(f"/jobs/{job}/ledger", {"limit": "1000", "continue": token})
            lines += page["lines"]
            token = page.get("continue") or ""
            if not token:
                return {**page, "lines": lines}

    def backfill(self, job: str, *, since: str, until: str) -> int:
        """Asks for the runs of a period; how many executions were created for it."""
        body = {"from": since, "to": until, "parallel": 2}
        created: int = self._call(f"/jobs/{job}/backfill", {}, body)["created"]
        return created

    def _call(self, path: str, query: dict[str, str], body: Json | None = None) -> Json:
        asked = {"tenant": self.namespace, **{name: it for name, it in query.items() if it}}
        request = urllib.request.Request(  # noqa: S310 - the address is the test cluster's own
            f"{self.url}/api/v1{path}?{urllib.parse.urlencode(asked)}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {os.environ['CHRONOS_API_KEY']}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:  # noqa: S310
            document: Json = json.load(answer)
            return document
