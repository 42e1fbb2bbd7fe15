"""An object store in a dict."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from chronos_clients.errors import NotFound, TooLarge
from chronos_clients.objectstore import MAX_LINK_SECONDS, Upload, check_key_limit, check_small
from chronos_clients.testing.faults import Call, Faults

CHUNK_BYTES = 1000


class FakeObjectStore(Faults):
    """Verbs for ``fail_next``: those of the port, and ``write``, ``complete``, ``chunk``.

    ``chunk`` is a read that breaks off underway.
    """

    def __init__(self, *, has_bucket: bool = True) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.has_bucket = has_bucket
        self.open_uploads = 0

    async def ensure_bucket(self) -> None:
        async with self._call(Call("ensure_bucket", "")):
            self.has_bucket = True

    def open_upload(self, key: str) -> Upload:
        return _FakeUpload(self, key)

    async def size(self, key: str) -> int:
        async with self._call(Call("size", key)):
            return len(self._object(key))
        raise AssertionError("unreachable")

    async def read(self, key: str) -> AsyncIterator[bytes]:
        async with self._call(Call("read", key)):
            data = self._object(key)
        for start in range(0, len(data), CHUNK_BYTES):
            async with self._call(Call("chunk", key)):
                yield data[start : start + CHUNK_BYTES]

    async def put(self, key: str, data: bytes) -> None:
        check_small(len(data))
        async with self._call(Call("put", key, body=len(data))):
            self._check_bucket()
            self.objects[key] = bytes(data)

    async def get(self, key: str, *, limit: int) -> bytes:
        check_small(limit)
        async with self._call(Call("get", key)):
            data = self._object(key)
            if len(data) > limit:
                raise TooLarge(f"object store: {key} has more than {limit} bytes")
            return data
        raise AssertionError("unreachable")

    async def list_keys(self, prefix: str, *, start_after: str = "", limit: int) -> list[str]:
        check_key_limit(limit)
        async with self._call(Call("list_keys", prefix, name=start_after)):
            self._check_bucket()
            found = sorted(self.objects, key=str.encode)
            after = start_after.encode()
            ours = [key for key in found if key.startswith(prefix) and key.encode() > after]
            return ours[:limit]
        raise AssertionError("unreachable")

    async def delete(self, key: str) -> None:
        async with self._call(Call("delete", key)):
            self._check_bucket()
            self.objects.pop(key, None)

    async def link(self, key: str, *, seconds: int) -> str:
        if not 1 <= seconds <= MAX_LINK_SECONDS:
            raise ValueError(f"a link lives 1 to {MAX_LINK_SECONDS} s, not {seconds}")
        async with self._call(Call("link", key)):
            return f"https://store.invalid/bucket/{quote(key)}?X-Amz-Expires={seconds}"
        raise AssertionError("unreachable")

    def _object(self, key: str) -> bytes:
        self._check_bucket()
        if key not in self.objects:
            raise NotFound(f"object store: no object {key}")
        return self.objects[key]

    def _check_bucket(self) -> None:
        if not self.has_bucket:
            raise NotFound("object store: no such bucket")


class _FakeUpload:
    def __init__(self, store: FakeObjectStore, key: str) -> None:
        self._store = store
        self._key = key
        self._data = bytearray()
        self._is_open = True
        store.open_uploads += 1

    async def write(self, data: bytes) -> None:
        async with self._store._call(Call("write", self._key, body=len(data))):
            self._data += data

    async def complete(self) -> None:
        async with self._store._call(Call("complete", self._key)):
            self._store._check_bucket()
            self._store.objects[self._key] = bytes(self._data)
            self._close()

    async def abort(self) -> None:
        self._store.calls.append(Call("abort", self._key))
        self._data.clear()
        self._close()

    def _close(self) -> None:
        self._store.open_uploads -= self._is_open
        self._is_open = False
