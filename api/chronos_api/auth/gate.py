"""The gate in front of everything: what is not named open is closed, also what does not exist."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from chronos_api.auth.principal import Authenticator
from chronos_api.errors import Unauthenticated
from chronos_api.problems import problem_response

# The whole list. A kubelet's probe carries no credential.
OPEN_PATHS = frozenset({"/api/v1/health/live", "/api/v1/health/ready"})


class Gate:
    """ASGI middleware; puts the Principal into the request's state."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            try:
                principal = self._authenticator.authenticate(scope["headers"])
            except Unauthenticated as error:
                answer = problem_response(error, instance=scope["path"])
                await answer(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)
