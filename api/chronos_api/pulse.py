"""Whether what the API stands on has answered recently. Asked in the background, so that nobody can
ask the cluster anything through the open health routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from chronos_api.clock import Clock
from chronos_clients.errors import ClientError, Denied, NotFound
from chronos_clients.kubernetes import Kubernetes
from chronos_clients.objectstore import ObjectStore
from chronos_clients.resources import JOBS

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0
# Three questions may go unanswered before the process is taken out of service.
RECENT_SECONDS = 20.0
ANSWER_SECONDS = 10.0
PROBE_KEY = "chronos-readiness-probe"

Question = Callable[[], Awaitable[object]]


class Pulse:
    """Asks each question every few seconds."""

    def __init__(self, questions: Mapping[str, Question], clock: Clock) -> None:
        self._questions = dict(questions)
        self._clock = clock
        self._answered_at: dict[str, float] = {}
        self._failing: set[str] = set()

    def checks(self) -> dict[str, bool]:
        """For each name, whether it has answered recently."""
        since = self._clock.elapsed() - RECENT_SECONDS
        return {
            name: name in self._answered_at and self._answered_at[name] >= since
            for name in self._questions
        }

    async def run(self) -> None:
        """Asks until it is cancelled; each on its own, so that a slow one delays no other."""
        async with asyncio.TaskGroup() as tasks:
            for name in self._questions:
                tasks.create_task(self._keep_asking(name))

    async def _keep_asking(self, name: str) -> None:
        while True:
            await self.ask(name)
            await asyncio.sleep(ASK_SECONDS)

    async def ask(self, name: str) -> None:
        """Asks one question once, and remembers the answer."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._questions[name]()
        except (ClientError, TimeoutError) as error:
            if name not in self._failing:
                extra = {"of": name, "reason": str(error) or type(error).__name__}
                log.warning("No answer", extra=extra)
            self._failing.add(name)
            return
        if name in self._failing:
            log.info("Answers again", extra={"of": name})
        self._failing.discard(name)
        self._answered_at[name] = self._clock.elapsed()


def ask_kubernetes(kubernetes: Kubernetes, namespace: str) -> Question:
    """Reads one job: what every request needs."""
    return lambda: kubernetes.list(JOBS, namespace, limit=1)


def ask_object_store(store: ObjectStore) -> Question:
    """Asks for an object that is not there; that it is not is an answer."""

    async def ask() -> None:
        try:
            await store.size(PROBE_KEY)
        except (NotFound, Denied):
            # A store that lets nobody list answers 403 for what is missing.
            return

    return ask
