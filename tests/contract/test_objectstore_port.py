"""What Chronos relies on in an object store, on the fake and on a real one."""

from __future__ import annotations

import asyncio
import hashlib
import urllib.error
import urllib.request
from typing import Any

import pytest

from chronos_clients.errors import Denied, NotFound, TooLarge
from chronos_clients.objectstore import (
    MAX_SMALL_BYTES,
    PART_BYTES,
    ObjectStore,
    S3ObjectStore,
)
from chronos_clients.testing import FakeObjectStore

KEY = "team-a/0b1e/hello-1774690200/1.log"


@pytest.fixture(autouse=True)
async def bucket(store: ObjectStore) -> None:
    await store.ensure_bucket()


async def put(store: ObjectStore, key: str, *pieces: bytes) -> None:
    upload = store.open_upload(key)
    for piece in pieces:
        await upload.write(piece)
    await upload.complete()


async def read(store: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in store.read(key)])


async def test_a_bucket_may_be_ensured_again(store: ObjectStore) -> None:
    await put(store, KEY, b"kept")
    await store.ensure_bucket()
    assert await read(store, KEY) == b"kept"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="an empty object"),
        pytest.param([b""], id="an empty write"),
        pytest.param([b"one line\n"], id="one line"),
        pytest.param([b"\x00\xff\r\n", b"\n\n"], id="bytes that are no text"),
        pytest.param([b"x" * PART_BYTES], id="exactly one part"),
        pytest.param([b"y" * 700_001] * 19, id="two parts and a half in odd pieces"),
    ],
)
async def test_what_is_written_is_read(store: ObjectStore, pieces: list[bytes]) -> None:
    await put(store, KEY, *pieces)
    expected = b"".join(pieces)
    read_back = await read(store, KEY)
    assert hashlib.sha256(read_back).digest() == hashlib.sha256(expected).digest()
    assert await store.size(KEY) == len(expected)


async def test_a_second_upload_replaces_the_first(store: ObjectStore) -> None:
    await put(store, KEY, b"first, and longer")
    await put(store, KEY, b"second")
    assert await read(store, KEY) == b"second"


async def test_an_object_is_not_there_before_it_is_complete(store: ObjectStore) -> None:
    upload = store.open_upload(KEY)
    await upload.write(b"z" * (PART_BYTES + 1))
    with pytest.raises(NotFound):
        await store.size(KEY)
    await upload.abort()
    with pytest.raises(NotFound):
        await store.size(KEY)


async def test_an_aborted_upload_leaves_what_was_there(store: ObjectStore) -> None:
    await put(store, KEY, b"before")
    upload = store.open_upload(KEY)
    await upload.write(b"z" * (PART_BYTES + 1))
    await upload.abort()
    await upload.abort()
    assert await read(store, KEY) == b"before"


async def test_a_missing_object_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        await store.size(KEY)
    with pytest.raises(NotFound):
        await read(store, KEY)


async def test_deleting_twice_is_deleting_once(store: ObjectStore) -> None:
    await put(store, KEY, b"gone soon")
    await store.delete(KEY)
    await store.delete(KEY)
    with pytest.raises(NotFound):
        await store.size(KEY)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff\r\n", id="bytes that are no text"),
        pytest.param(b"s" * MAX_SMALL_BYTES, id="the most there may be"),
    ],
)
async def test_a_small_object_is_put_and_got_whole(store: ObjectStore, data: bytes) -> None:
    await store.put(KEY, b"what was there before")
    await store.put(KEY, data)
    assert await store.get(KEY, limit=MAX_SMALL_BYTES) == data
    assert await store.size(KEY) == len(data)


async def test_an_object_is_got_up_to_a_limit_and_no_further(store: ObjectStore) -> None:
    await store.put(KEY, b"12345")
    assert await store.get(KEY, limit=5) == b"12345"
    with pytest.raises(TooLarge):
        await store.get(KEY, limit=4)


async def test_what_is_not_there_cannot_be_got(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        await store.get(KEY, limit=100)
    await store.put(KEY, b"gone soon")
    await store.delete(KEY)
    with pytest.raises(NotFound):
        await store.get(KEY, limit=100)


async def test_small_is_small(store: ObjectStore) -> None:
    with pytest.raises(ValueError):
        await store.put(KEY, b"s" * (MAX_SMALL_BYTES + 1))
    with pytest.raises(ValueError):
        await store.get(KEY, limit=MAX_SMALL_BYTES + 1)
    with pytest.raises(NotFound):
        await store.size(KEY)


# As the ledger's segments are called: the folder holds others, and neighbours begin alike.
FOLDER = "ledger/team-a/0b1e/"
SEGMENTS = [f"{FOLDER}{until:012d}-{until - 60:012d}.json" for until in range(100, 700, 60)]
NEIGHBOURS = ["ledger/team-a/0b1e-2/000000000100-000000000040.json", "ledger/team-a/0b1", KEY]


@pytest.mark.parametrize(
    ("prefix", "start_after", "limit", "expected"),
    [
        pytest.param(FOLDER, "", 1000, SEGMENTS, id="a folder, and none of its neighbours"),
        pytest.param(FOLDER, "", 3, SEGMENTS[:3], id="the first three"),
        pytest.param(FOLDER, SEGMENTS[3], 1000, SEGMENTS[4:], id="behind a key that is there"),
        pytest.param(
            FOLDER, f"{FOLDER}{160:012d}-~", 2, SEGMENTS[2:4], id="behind a key that is not there"
        ),
        pytest.param(FOLDER, f"{FOLDER}{99:012d}-~", 1, SEGMENTS[:1], id="behind one before all"),
        pytest.param(FOLDER, SEGMENTS[-1], 1000, [], id="behind the last one"),
        pytest.param("ledger/team-b/", "", 1000, [], id="a folder that is not there"),
        pytest.param(f"{FOLDER}0000000001", "", 1000, SEGMENTS[:2], id="half a name"),
    ],
)
async def test_keys_are_listed_in_order(
    store: ObjectStore, prefix: str, start_after: str, limit: int, expected: list[str]
) -> None:
    for key in [*reversed(SEGMENTS), *NEIGHBOURS]:
        await store.put(key, b"{}")
    assert await store.list_keys(prefix, start_after=start_after, limit=limit) == expected


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_one_to_1000_keys_are_listed(store: ObjectStore, limit: int) -> None:
    with pytest.raises(ValueError):
        await store.list_keys(FOLDER, limit=limit)


@pytest.mark.parametrize("seconds", [0, -1, 301])
async def test_a_link_lives_one_to_300_seconds(store: ObjectStore, seconds: int) -> None:
    with pytest.raises(ValueError):
        await store.link(KEY, seconds=seconds)


async def test_a_link_gives_that_object_and_no_other(store: ObjectStore) -> None:
    await put(store, KEY, b"for the holder")
    await put(store, KEY + ".other", b"not for the holder")
    url = await store.link(KEY, seconds=300)
    assert "X-Amz-Expires=300" in url
    if isinstance(store, FakeObjectStore):
        return
    assert await asyncio.to_thread(fetch, url) == (200, b"for the holder")
    status, _ = await asyncio.to_thread(fetch, url.replace("1.log?", "1.log.other?"))
    assert status == 403
    status, _ = await asyncio.to_thread(fetch, url.partition("?")[0])
    assert status == 403


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_ACCESS_KEY_ID", "nobody"), ("AWS_SECRET_ACCESS_KEY", "wrong")]
)
async def test_wrong_credentials_are_denied(
    store: ObjectStore, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch,
    name: str, value: str,
) -> None:  # fmt: skip
    if isinstance(store, FakeObjectStore):
        pytest.skip("the fake has no credentials")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    monkeypatch.setenv(name, value)
    stranger = S3ObjectStore(request.getfixturevalue("gateway"))
    with pytest.raises(Denied):
        await read(stranger, KEY)
    with pytest.raises(Denied):
        await put(stranger, KEY, b"refused")


def fetch(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
