"""A request's body as strict JSON: one object, one meaning, nothing that cannot be sent on."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, NoReturn

from starlette.requests import Request

from chronos_api.errors import (
    BodyTooLarge,
    BodyTooSlow,
    DuplicateKey,
    FieldError,
    InvalidRequest,
    MalformedBody,
    UnsupportedBody,
)

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
READ_SECONDS = 20.0

Json = dict[str, Any]


async def read_json(request: Request) -> Json:
    """The JSON object in the request's body.

    Raises UnsupportedBody, BodyTooLarge, BodyTooSlow, MalformedBody, DuplicateKey, InvalidRequest.
    """
    _check_headers(request)
    try:
        async with asyncio.timeout(READ_SECONDS):
            data = await _read_bytes(request)
    except TimeoutError as error:
        raise BodyTooSlow(f"the body was not there within {READ_SECONDS:g} s") from error
    return parse_json(data)


def _check_headers(request: Request) -> None:
    content_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if content_type.strip().lower() != "application/json":
        raise UnsupportedBody("the content type is not application/json")
    if parameters.strip().lower() not in ("", "charset=utf-8", 'charset="utf-8"'):
        raise UnsupportedBody("the content type names something else than UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedBody("the body is encoded")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BYTES:
        raise BodyTooLarge(f"the body has {length} bytes")


async def _read_bytes(request: Request) -> bytes:
    """All of the body, which may come without a length or with a wrong one."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise BodyTooLarge(f"the body has more than {MAX_BYTES} bytes")
    return bytes(data)


class _Repeated(dict[str, Any]):
    """An object that names a key twice."""

    key = ""


def parse_json(data: bytes) -> Json:
    """The JSON object in these bytes; raises MalformedBody, DuplicateKey, InvalidRequest."""
    try:
        document = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_build_object,
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
        )
    except UnicodeDecodeError as error:
        raise MalformedBody(f"byte {error.start + 1} is not UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedBody(f"not JSON at {where}: {error.msg}") from error
    except RecursionError as error:
        raise MalformedBody(f"nested deeper than {MAX_DEPTH}") from error
    except ValueError as error:
        # Among them whole numbers of more digits than Python converts.
        raise MalformedBody(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedBody("the body is not an object", remedy="put the fields in { }")
    _check(document, "", 1)
    return document


def _build_object(pairs: list[tuple[str, Any]]) -> Json:
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    repeated = _Repeated(built)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            repeated.key = key
            break
        seen.add(key)
    return repeated


def _check(value: Any, pointer: str, depth: int) -> None:
    """Raises for the first thing in a document that JSON allows and Chronos does not."""
    if depth > MAX_DEPTH:
        raise MalformedBody(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        if isinstance(value, _Repeated):
            _check_text(value.key, pointer)
            place = f"{pointer}/{_escape(value.key)}"
            fields = [FieldError("is given twice", "keep one of the two", pointer=place)]
            raise DuplicateKey(f"the key {value.key[:80]!r} is given twice", errors=fields)
        for key, item in value.items():
            _check_text(key, pointer)
            _check(item, f"{pointer}/{_escape(key)}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{pointer}/{index}", depth + 1)
    elif isinstance(value, str):
        _check_text(value, pointer)


def _check_text(text: str, pointer: str) -> None:
    if text.isascii() and "\0" not in text:
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        message = "holds a NUL or half a surrogate pair"
        field = FieldError(message, "leave such characters out", pointer=pointer)
        raise InvalidRequest(f"{pointer or 'the body'} {message}", errors=[field])


def _escape(key: str) -> str:
    """One segment of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large")
    return number
