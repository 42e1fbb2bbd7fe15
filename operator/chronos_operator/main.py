"""kopf's start-up and the wiring of the engine; nothing else.

Started with ``kopf run -m chronos_operator.main`` (what ``chronos-operator`` does), never by path.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import Any

import kopf

from chronos_clients.resources import KUBE_JOBS, PODS
from chronos_crds import GROUP
from chronos_operator.config import Config
from chronos_operator.engine import start_engine
from chronos_operator.handlers import (  # noqa: F401 - kopf registers them on import
    OURS,
    see_execution,
    see_job,
    see_kube_job,
    see_pod,
)


@kopf.on.login()
def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """As the pod's service account, or by the kubeconfig named for development.

    kopf's default would go through the official client and import all of it.
    """
    if Config().kubeconfig:
        return kopf.login_with_kubeconfig(**kwargs)
    return kopf.login_with_service_account(**kwargs)


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Sets kopf up and starts the engine."""
    config = Config()
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.connect_timeout = 5
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 15
    settings.networking.error_backoffs = (0.5, 1, 1, 2, 2, 3, 3, 5, 5)
    # "Handler succeeded" for each event tells nothing; what fails is still told.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    # At DEBUG botocore logs what it signs.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    selector = ",".join(f"{key}={value}" for key, value in OURS.items())
    for resource in (KUBE_JOBS, PODS):
        settings.watching.label_selectors[resource.group, resource.plural] = selector
    stack = AsyncExitStack()
    memo.engine = await stack.enter_async_context(start_engine(config))
    memo.stack = stack


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Ends the engine."""
    await memo.stack.aclose()
