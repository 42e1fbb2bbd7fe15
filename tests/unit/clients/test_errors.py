"""Answers of an API server and of an object store in Chronos' own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError as BotoClientError

from chronos_clients.errors import (
    AlreadyExists,
    Cause,
    ClientError,
    Conflict,
    Denied,
    Expired,
    Invalid,
    NotFound,
    PermanentError,
    ServerTrouble,
    TemporaryError,
    Throttled,
)
from chronos_clients.kubernetes import error_of
from chronos_clients.objectstore import S3ObjectStore, StoreAddress, _error_of


def status_of(reason: str, message: str = "said", **fields: Any) -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message, **fields}).encode()


ANSWERS: list[tuple[str, int, bytes, type[ClientError], bool]] = [
    ("a bad request", 400, status_of("BadRequest"), Invalid, False),
    ("no or a wrong token", 401, status_of("Unauthorized"), Denied, False),
    ("no right to", 403, status_of("Forbidden"), Denied, False),
    ("nothing there", 404, status_of("NotFound"), NotFound, False),
    ("a name that is taken", 409, status_of("AlreadyExists"), AlreadyExists, False),
    ("an object that changed", 409, status_of("Conflict"), Conflict, False),
    ("a namespace being deleted", 409, status_of("Conflict", "is being terminated"), Conflict,
     False),
    ("a token that is too old", 410, status_of("Expired"), Expired, False),
    ("a body that is too large", 413, b"", Invalid, False),
    ("a wrong content type", 415, b"", Invalid, False),
    ("a field that is wrong", 422, status_of("Invalid"), Invalid, False),
    ("too many requests", 429, status_of("TooManyRequests"), Throttled, True),
    ("trouble inside", 500, status_of("InternalError"), ServerTrouble, True),
    ("a proxy without a server behind it", 502, b"<html>bad gateway", ServerTrouble, True),
    ("a server that starts", 503, b"", ServerTrouble, True),
    ("a time-out on the way", 504, status_of("Timeout"), ServerTrouble, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "body", "kind", "temporary"), [row[1:] for row in ANSWERS], ids=[r[0] for r in ANSWERS]
)
def test_an_answer_of_the_api_server(
    code: int, body: bytes, kind: type[ClientError], temporary: bool
) -> None:
    error = error_of(code, body, {})
    assert type(error) is kind
    assert isinstance(error, TemporaryError) is temporary
    assert isinstance(error, PermanentError) is not temporary
    assert str(error)


def test_the_servers_own_sentence_is_told() -> None:
    error = error_of(403, status_of("Forbidden", "exceeded quota: team"), {})
    assert str(error) == "exceeded quota: team"


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"plain words", "plain words"), (b"", "HTTP 404"), (b"[1, 2]", "[1, 2]"), (b"\xff\xfe", "�")],
)
def test_an_answer_that_is_no_status_is_told_as_it_is(body: bytes, said: str) -> None:
    assert said in str(error_of(404, body, {}))


def test_a_long_page_of_a_proxy_is_cut() -> None:
    assert len(str(error_of(502, b"x" * 100_000, {}))) < 400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
    ],
)
def test_a_throttled_answer_says_for_how_long(
    headers: dict[str, str], seconds: float | None
) -> None:
    error = error_of(429, b"", headers)
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


def test_the_fields_of_an_invalid_object_are_named() -> None:
    causes = [{"field": "spec.schedule", "message": "says no time"}, {"message": "odd"}]
    error = error_of(422, status_of("Invalid", details={"causes": causes}), {})
    assert isinstance(error, Invalid)
    assert error.causes == (Cause("spec.schedule", "says no time"), Cause("", "odd"))


@pytest.mark.parametrize("details", [None, {}, {"causes": None}])
def test_an_invalid_object_may_name_no_field(details: object) -> None:
    error = error_of(422, status_of("Invalid", details=details), {})
    assert isinstance(error, Invalid)
    assert error.causes == ()


STORE = [
    ("no such key", 404, "NoSuchKey", NotFound),
    ("no such bucket", 404, "NoSuchBucket", NotFound),
    ("a wrong key", 403, "SignatureDoesNotMatch", Denied),
    ("no key", 401, "Unauthorized", Denied),
    ("slow down, with 503", 503, "SlowDown", Throttled),
    ("slow down, with any code", 400, "SlowDown", Throttled),
    ("too many requests", 429, "TooManyRequests", Throttled),
    ("trouble inside", 500, "InternalError", ServerTrouble),
    ("a bad request", 400, "InvalidRequest", Invalid),
]


@pytest.mark.parametrize(
    ("status", "code", "kind"), [row[1:] for row in STORE], ids=[row[0] for row in STORE]
)
def test_an_answer_of_the_store(status: int, code: str, kind: type[ClientError]) -> None:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert type(_error_of(BotoClientError(answer, "PutObject"))) is kind


@pytest.mark.parametrize("seconds", [0, -1, 301, 86400])
async def test_a_link_lives_at_most_300_seconds(seconds: int) -> None:
    store = S3ObjectStore(StoreAddress(bucket="b", endpoint="http://127.0.0.1:1"))
    with pytest.raises(ValueError, match="300"):
        await store.link("key", seconds=seconds)
