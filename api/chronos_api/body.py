"""Reads a JSON body strictly: its type, size, depth, encoding, and no key twice."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request

from chronos_api.errors import ApiProblem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32


async def read_object(request: Request) -> dict[str, Any]:
    """The request's JSON object; raises ApiProblem 400, 413 or 415."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ApiProblem(
            415,
            "unsupported_media_type",
            "Unsupported media type",
            f"the body is {media_type or 'of no type'}",
            remedy="send JSON with Content-Type: application/json",
        )
    return parse_object(await _read(request))


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > MAX_BYTES:
        raise _too_large()
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise _too_large()
    return bytes(data)


def parse_object(data: bytes) -> dict[str, Any]:
    """The object in those bytes; raises ApiProblem 400 where they are not one."""
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise _unreadable(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise _unreadable(f"{error.msg} at line {error.lineno}, character {error.colno}") from error
    except (RecursionError, ValueError) as error:
        raise _unreadable(str(error)[:200]) from error
    if not isinstance(document, dict):
        raise _unreadable("its top level must be an object, in { }")
    if _depth(document) > MAX_DEPTH:
        raise _unreadable(f"nested deeper than {MAX_DEPTH} levels")
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _unreadable("it holds half of a surrogate pair") from error
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ApiProblem(
                400,
                "duplicate_key",
                "Duplicate key",
                f"the key {key[:80]!r} stands twice in one object",
                remedy="keep one of them",
            )
        document[key] = value
    return document


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    deepest, level = 0, [(value, 1)]
    while level:
        node, depth = level.pop()
        deepest = max(deepest, depth)
        if depth > MAX_DEPTH:
            return depth
        children = node.values() if isinstance(node, dict) else node
        if isinstance(node, dict | list):
            level += [(child, depth + 1) for child in children]
    return deepest


def _too_large() -> ApiProblem:
    return ApiProblem(
        413,
        "body_too_large",
        "The body is too large",
        f"more than {MAX_BYTES} bytes",
        remedy="send less; put large data into an image or a volume",
        headers={"Connection": "close"},
    )


def _unreadable(detail: str) -> ApiProblem:
    return ApiProblem(
        400,
        "unreadable_json",
        "The body cannot be read as JSON",
        f"the body is not JSON that can be used: {detail}",
        remedy="check the JSON",
    )
