"""Asks an address whether it is well."""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path


def ask(
    url: str,
    *,
    timeout: float = 3.0,
    authority: Path | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 where nobody answers."""
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - ours
    # No proxy, whatever the environment says: these addresses are this machine's own.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if authority is not None:
        context = ssl.create_default_context(cafile=str(authority))
        handlers.append(urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error).encode()


def is_well(url: str, *, authority: Path | None = None) -> bool:
    """Whether a health address answers 200."""
    return ask(url, authority=authority)[0] == http.client.OK
