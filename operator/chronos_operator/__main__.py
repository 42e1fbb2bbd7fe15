"""``chronos-operator``: ``kopf run -m chronos_operator.main`` for the namespaces it is to serve."""

from __future__ import annotations

import os
import sys

from chronos_operator.config import Config


def main() -> None:
    config = Config()
    where = [f"--namespace={name}" for name in config.watch_namespaces] or ["--all-namespaces"]
    levels = {"DEBUG": ["--verbose"], "INFO": [], "WARNING": ["--quiet"], "ERROR": ["--quiet"]}
    if config.kubeconfig:
        os.environ["KUBECONFIG"] = config.kubeconfig
    arguments = [
        *("run", "--standalone", "--log-format=json"),
        *levels[config.log_level],
        *where,
        *("-m", "chronos_operator.main"),
    ]
    os.execv(sys.executable, [sys.executable, "-m", "kopf", *arguments])  # noqa: S606


if __name__ == "__main__":
    main()
