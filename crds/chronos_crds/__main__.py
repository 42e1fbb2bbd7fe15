"""``python -m chronos_crds``: writes the CRD manifests, or with ``--check`` compares them.

Exit code 1 where ``--check`` finds a file that is not what the models say.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from chronos_crds.schema import build_calendar_crd, build_execution_crd, build_job_crd

FOLDERS = [Path("crds/manifests"), Path("charts/chronos/files/crds")]
HEADER = "# Generated from crds/chronos_crds by `make generate`. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes lists indented and repeated values in full, as people write manifests."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML names it so
        return True


def render(crd: dict[str, Any]) -> str:
    """A manifest's text."""
    text = yaml.dump(crd, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return HEADER + str(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="chronos_crds", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument(
        "folders", nargs="*", type=Path, default=FOLDERS, help="where the manifests go"
    )
    options = parser.parse_args()
    stale = []
    for crd in (build_job_crd(), build_execution_crd(), build_calendar_crd()):
        for folder in options.folders:
            path = folder / f"{crd['spec']['names']['plural']}.yaml"
            text = render(crd)
            if options.check and (not path.exists() or path.read_text() != text):
                stale.append(str(path))
            elif not options.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    for name in stale:
        print(f"{name} is not what the models say: run `make generate`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
