"""Wires the ports and the parts together and keeps the loops running."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from chronos_clients.errors import ClientError
from chronos_clients.kubernetes import Kubernetes, connect
from chronos_clients.objectstore import ObjectStore, S3ObjectStore
from chronos_operator.attempts import Attempts
from chronos_operator.clock import Clock, SystemClock
from chronos_operator.config import Config
from chronos_operator.decide.values import JobView
from chronos_operator.effects.archive import LedgerArchive
from chronos_operator.effects.cluster import Cluster
from chronos_operator.effects.events import Events
from chronos_operator.effects.logs import LogShipper
from chronos_operator.executions import ExecutionReconciler
from chronos_operator.ledgers import Ledgers
from chronos_operator.observed import Observed
from chronos_operator.probes import serve_probes
from chronos_operator.readings import Readings
from chronos_operator.reconcile import Reconciler
from chronos_operator.records import Key, Records
from chronos_operator.resync import Resync
from chronos_operator.sightings import Sightings
from chronos_operator.starts import Starts
from chronos_operator.ticker import Ticker
from chronos_operator.workqueue import WorkQueue

# The process is of no use when what was due is not started within this.
START_GRACE = timedelta(seconds=60)

# Ledgers that are put away side by side.
ARCHIVE_WORKERS = 2

log = logging.getLogger(__name__)


class Engine:
    """All parts of the operator but kopf, on the ports it is given."""

    def __init__(
        self, config: Config, kubernetes: Kubernetes, store: ObjectStore, clock: Clock
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self.queue: WorkQueue[Key] = WorkQueue(self._reconcile)
        # A queue of its own: a store that hangs must not hold up what starts jobs.
        self.archive_queue: WorkQueue[Key] = WorkQueue(self._archive)
        self.ticker: Ticker[Key] = Ticker(clock, self.queue.add)
        observed = Observed()
        logs = LogShipper(
            kubernetes, store, clock, on_shipped=lambda pod: self.sightings.wake_for_pod(pod)
        )
        self._logs = logs
        self._ledgers = Ledgers(observed, LedgerArchive(store, config.s3_prefix), self.queue)
        self.sightings = Sightings(observed, self.queue, logs, on_departed=self._part_with)
        cluster = Cluster(kubernetes)
        records = Records(observed, cluster, Events(kubernetes), clock, self.queue)
        starts = Starts(observed, cluster, records, clock)
        executions = ExecutionReconciler(
            observed=observed,
            cluster=cluster,
            attempts=Attempts(observed, cluster, logs, clock, config.s3_prefix),
            records=records,
            starts=starts,
            clock=clock,
            ticker=self.ticker,
            queue=self.queue,
        )
        self._reconciler = Reconciler(
            observed=observed,
            cluster=cluster,
            readings=Readings(observed),
            ledgers=self._ledgers,
            records=records,
            starts=starts,
            executions=executions,
            clock=clock,
            ticker=self.ticker,
            queue=self.queue,
            archive_queue=self.archive_queue,
        )
        self.resync = Resync(kubernetes, observed, self.sightings, config.watch_namespaces)
        self._tasks: list[asyncio.Task[None]] = []

    def is_alive(self) -> bool:
        """Whether starts happen when due, as far as this process can know."""
        dead = [task for task in self._tasks if task.done()]
        return not dead and not self.ticker.overdue(self._clock.now(), START_GRACE)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the loops while the context lasts; begins once everything was listed.

        Not before: what is not known must not be started again, and kopf looks for the CRDs only
        once, when it is started.
        """
        await self.resync.run_first()
        bucket = asyncio.create_task(self._ensure_bucket(), name="bucket")
        self._tasks = [
            asyncio.create_task(self.resync.run(self._config.resync_seconds), name="resync"),
            asyncio.create_task(self.queue.run(self._config.workers), name="work"),
            asyncio.create_task(self.archive_queue.run(ARCHIVE_WORKERS), name="archive"),
            asyncio.create_task(self.ticker.run(), name="ticker"),
        ]
        try:
            yield
        finally:
            for task in (bucket, *self._tasks):
                task.cancel()
            await asyncio.gather(bucket, *self._tasks, return_exceptions=True)
            await self._logs.close()

    async def _reconcile(self, key: Key) -> None:
        await self._reconciler.reconcile(key)

    def _part_with(self, job: JobView) -> None:
        self._ledgers.part_with(job)
        self.archive_queue.add(("ledger", job.meta.namespace, job.meta.name))

    async def _archive(self, key: Key) -> None:
        await self._ledgers.put_away(key)

    async def _ensure_bucket(self) -> None:
        """Makes the bucket where it is missing; schedules never wait for it."""
        while True:
            try:
                await self._store.ensure_bucket()
                return
            except ClientError as error:
                log.warning("the bucket is not there yet", extra={"error": str(error)})
                await asyncio.sleep(5)


@asynccontextmanager
async def start_engine(config: Config) -> AsyncIterator[Engine]:
    """The engine on the real ports, with its probes served."""
    async with AsyncExitStack() as stack:
        kubernetes = await stack.enter_async_context(connect(config.kubeconfig or None))
        engine = Engine(config, kubernetes, S3ObjectStore(config.store_address()), SystemClock())
        await stack.enter_async_context(
            serve_probes(
                config.probe_port,
                is_alive=engine.is_alive,
                is_ready=lambda: engine.resync.is_synced,
            )
        )
        await stack.enter_async_context(engine.running())
        yield engine
