"""What tests steer and see of a fake: calls that fail on demand, and the record of all calls."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from chronos_clients.errors import ClientError


@dataclass(frozen=True)
class Call:
    """One call of a port: its verb, the plural or key it was about, and what was handed over."""

    verb: str
    what: str
    namespace: str | None = None
    name: str = ""
    body: Any = None


@dataclass(frozen=True)
class _Fault:
    error: ClientError
    carried_out: bool


class Faults:
    """Base of both fakes."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._planned: defaultdict[str, deque[_Fault]] = defaultdict(deque)

    def fail_next(
        self, verb: str, error: ClientError, *, times: int = 1, carried_out: bool = False
    ) -> None:
        """Lets the next ``times`` calls of that verb raise ``error``.

        With ``carried_out`` the call takes effect and only its answer is lost, which is what a
        connection reset does at its worst.
        """
        self._planned[verb].extend([_Fault(error, carried_out)] * times)

    def calls_of(self, verb: str) -> list[Call]:
        """The calls of that verb, oldest first."""
        return [call for call in self.calls if call.verb == verb]

    @asynccontextmanager
    async def _call(self, call: Call) -> AsyncIterator[None]:
        """Around the effect of a call: records it, lets others run, raises a planned fault."""
        self.calls.append(call)
        await asyncio.sleep(0)
        planned = self._planned[call.verb]
        fault = planned.popleft() if planned else None
        if fault is not None and not fault.carried_out:
            raise fault.error
        yield
        if fault is not None:
            raise fault.error
