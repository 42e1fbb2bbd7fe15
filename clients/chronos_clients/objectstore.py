"""The port to the object store: any store that speaks S3, by boto3 in threads.

boto3 is synchronous; each call runs in the default executor's threads so that the event loop never
waits for a socket. Every call has time-outs and boto3's bounded retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as BotoClientError

from chronos_clients.errors import (
    Denied,
    Invalid,
    NotFound,
    PermanentError,
    ServerTrouble,
    Throttled,
    TooLarge,
    Unreachable,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

# S3 takes parts from 5 MiB on, except for the last one.
PART_BYTES = 5 * 1024 * 1024
READ_BYTES = 256 * 1024
MAX_LINK_SECONDS = 300
# Small objects are handed over as one value; what may be larger has open_upload and read.
MAX_SMALL_BYTES = 5 * 1024 * 1024
MAX_KEYS = 1000
# In all, for one call about small objects: boto3 bounds its steps alone, and a store that hands
# out a byte now and then keeps each of them.
SMALL_SECONDS = 30.0


@dataclass(frozen=True)
class StoreAddress:
    """Where the store is; endpoint "" stands for AWS itself. Credentials: boto3's chain."""

    bucket: str
    endpoint: str = ""
    public_endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = True


class Upload(Protocol):
    """An object on its way: write any number of times, then complete it or abort."""

    async def write(self, data: bytes) -> None:
        """Takes more bytes; holds less than one part in memory."""

    async def complete(self) -> None:
        """The object now exists with all that was written."""

    async def abort(self) -> None:
        """Nothing of it remains; never raises."""


class ObjectStore(Protocol):
    """What Chronos asks of an object store. Every verb raises ``errors.ClientError``."""

    async def ensure_bucket(self) -> None:
        """Creates the bucket if it is missing."""

    def open_upload(self, key: str) -> Upload:
        """Begins an object; one that exists under the key is replaced on completion."""

    async def size(self, key: str) -> int:
        """The object's size in bytes; raises NotFound."""

    def read(self, key: str) -> AsyncIterator[bytes]:
        """The object's bytes in chunks; raises NotFound."""

    async def put(self, key: str, data: bytes) -> None:
        """Stores a small object in one request, in the place of one that exists.

        Raises ValueError beyond MAX_SMALL_BYTES.
        """

    async def get(self, key: str, *, limit: int) -> bytes:
        """All of a small object; raises NotFound, and TooLarge where it has more than ``limit``
        bytes (1 to MAX_SMALL_BYTES)."""

    async def list_keys(self, prefix: str, *, start_after: str = "", limit: int) -> list[str]:
        """The first ``limit`` (1 to MAX_KEYS) keys that begin with ``prefix`` and sort behind
        ``start_after``, in the order of their UTF-8 bytes."""

    async def delete(self, key: str) -> None:
        """Removes the object, if there is one."""

    async def link(self, key: str, *, seconds: int) -> str:
        """A link that gives this one object to whoever holds it, for at most 300 seconds."""


class S3ObjectStore:
    """The real one."""

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._client = _build_client(address, address.endpoint)
        # A link carries the host it was signed for, so it is signed for the one people reach.
        self._public = (
            _build_client(address, address.public_endpoint)
            if address.public_endpoint
            else self._client
        )

    async def ensure_bucket(self) -> None:
        bucket = self._address.bucket
        try:
            await _in_thread(lambda: self._client.head_bucket(Bucket=bucket))
        except NotFound:
            try:
                await _in_thread(lambda: self._client.create_bucket(Bucket=bucket))
            except _BucketExists:
                return

    def open_upload(self, key: str) -> Upload:
        return _S3Upload(self._client, self._address.bucket, key)

    async def size(self, key: str) -> int:
        bucket = self._address.bucket
        answer = await _in_thread(lambda: self._client.head_object(Bucket=bucket, Key=key))
        return int(answer["ContentLength"])

    async def read(self, key: str) -> AsyncIterator[bytes]:
        bucket = self._address.bucket
        answer = await _in_thread(lambda: self._client.get_object(Bucket=bucket, Key=key))
        body = answer["Body"]
        try:
            while chunk := await _in_thread(lambda: body.read(READ_BYTES)):
                yield chunk
        finally:
            body.close()

    async def put(self, key: str, data: bytes) -> None:
        check_small(len(data))
        bucket = self._address.bucket
        await _within(
            SMALL_SECONDS,
            lambda: self._client.put_object(
                Bucket=bucket, Key=key, Body=data, ContentType=_CONTENT_TYPE
            ),
        )

    async def get(self, key: str, *, limit: int) -> bytes:
        check_small(limit)
        bucket = self._address.bucket

        def read() -> bytes:
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"]
            try:
                return body.read(limit + 1)
            finally:
                body.close()

        data = await _within(SMALL_SECONDS, read)
        if len(data) > limit:
            raise TooLarge(f"object store: {key} has more than {limit} bytes")
        return data

    async def list_keys(self, prefix: str, *, start_after: str = "", limit: int) -> list[str]:
        check_key_limit(limit)
        bucket = self._address.bucket
        answer = await _within(
            SMALL_SECONDS,
            lambda: self._client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, StartAfter=start_after, MaxKeys=limit
            ),
        )
        return [found["Key"] for found in answer.get("Contents", [])]

    async def delete(self, key: str) -> None:
        bucket = self._address.bucket
        await _in_thread(lambda: self._client.delete_object(Bucket=bucket, Key=key))

    async def link(self, key: str, *, seconds: int) -> str:
        if not 1 <= seconds <= MAX_LINK_SECONDS:
            raise ValueError(f"a link lives 1 to {MAX_LINK_SECONDS} s, not {seconds}")
        parameters = {"Bucket": self._address.bucket, "Key": key}
        return await _in_thread(
            lambda: self._public.generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=seconds
            )
        )


class _S3Upload:
    """Small objects go in one request; from PART_BYTES on, a multipart upload."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._buffer = bytearray()
        self._upload_id = ""
        self._parts: list[dict[str, Any]] = []

    async def write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= PART_BYTES:
            part = bytes(self._buffer[:PART_BYTES])
            await self._send_part(part)
            del self._buffer[:PART_BYTES]

    async def complete(self) -> None:
        if not self._upload_id:
            body = bytes(self._buffer)
            await _in_thread(
                lambda: self._client.put_object(
                    Bucket=self._bucket, Key=self._key, Body=body, ContentType=_CONTENT_TYPE
                )
            )
            return
        if self._buffer:
            await self._send_part(bytes(self._buffer))
            self._buffer.clear()
        await _in_thread(
            lambda: self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": self._parts},  # type: ignore[typeddict-item]
            )
        )

    async def abort(self) -> None:
        self._buffer.clear()
        if not self._upload_id:
            return
        try:
            await _in_thread(
                lambda: self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=self._key, UploadId=self._upload_id
                )
            )
        except Exception:  # noqa: BLE001 - stores expire what is left of an upload by themselves
            return

    async def _send_part(self, body: bytes) -> None:
        if not self._upload_id:
            begun = await _in_thread(
                lambda: self._client.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, ContentType=_CONTENT_TYPE
                )
            )
            self._upload_id = begun["UploadId"]
        number = len(self._parts) + 1
        sent = await _in_thread(
            lambda: self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=body,
            )
        )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


# A log may hold anything; a browser must never run it.
_CONTENT_TYPE = "application/octet-stream"


class _BucketExists(PermanentError):
    """Somebody else made the bucket at the same time."""


def _build_client(address: StoreAddress, endpoint: str) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=address.region,
        config=Config(
            # boto3 presigns with version 2 unless told; most stores refuse that.
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=32,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path" if address.path_style else "virtual"},
        ),
    )


def check_small(size: int) -> None:
    """Raises ValueError for a number of bytes that is no small object's."""
    if not 0 <= size <= MAX_SMALL_BYTES:
        raise ValueError(f"a small object has at most {MAX_SMALL_BYTES} bytes, not {size}")


def check_key_limit(limit: int) -> None:
    """Raises ValueError for a number of keys that is not listed at once."""
    if not 1 <= limit <= MAX_KEYS:
        raise ValueError(f"1 to {MAX_KEYS} keys are listed at once, not {limit}")


async def _within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result; raises Unreachable where it takes longer. Its thread ends by itself."""
    try:
        async with asyncio.timeout(seconds):
            return await _in_thread(call)
    except TimeoutError as error:
        raise Unreachable(f"object store: no answer within {seconds:g} s") from error


async def _in_thread(call: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(call)
    except BotoClientError as error:
        raise _error_of(error) from error
    except (BotoCoreError, OSError) as error:
        raise Unreachable(f"object store: {error}") from error


def _error_of(error: BotoClientError) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = f"object store: {error}"
    if code in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
        return _BucketExists(text)
    # versitygw answers 404 to an access key that it does not know.
    if status in (401, 403) or code == "XAdminUserNotFound":
        return Denied(text)
    if status == 404:
        return NotFound(text)
    if status in (429, 503) or code == "SlowDown":
        return Throttled(text)
    return ServerTrouble(text) if status >= 500 else Invalid(text)
