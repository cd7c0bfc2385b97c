"""live_views: the Faust app that folds decisions into tables and serves them."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

import faust
from faust.types import TP

from services.live_views.batch import Changes, Delivered, fold_batch, stale_merchants
from services.live_views.config import LiveViewsSettings
from services.live_views.metrics import LiveViewsMetrics as Metrics
from services.live_views.pages import Pages
from services.live_views.runs import Records, RunSchema
from services.live_views.tables import PartitionedTable, ViewTables
from services.live_views.transport import ReadCommittedTransport
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.errors import DeadLetterError, RetryableError
from streamkit.headers import is_heartbeat
from streamkit.outputs import qualified
from streamkit.registry import RegistryClient
from streamkit.service import serve

SERVICE = "live_views"
TOPIC = "payments.decisions.v1"
SWEEP_S = 60.0
MOST_RUNS = 8
"""Runs in one batch, each of at most `max_run` records."""
REGISTRY_RETRY_S = 1.0

_log = logging.getLogger(__name__)


class LiveViews:
    """The service: one Faust app, its tables, its pages. Built without touching the network."""

    def __init__(self, settings: LiveViewsSettings) -> None:
        catalogue = Catalogue.load(settings.schemas_dir)
        partitions = catalogue[TOPIC].spec.partitions
        self._settings = settings
        self._decoder = Codecs(catalogue, RegistryClient(settings.registry_url)).decoder(TOPIC)
        self.app = _faust_app(settings, partitions)
        source = qualified(settings.namespace, TOPIC)
        self.tables = ViewTables(self.app, source, partitions)
        self.app.transport = ReadCommittedTransport(
            self.app.conf.broker_consumer, self.app, self.tables.position
        )
        topic = self.app.topic(source, schema=RunSchema())
        self.app.agent(topic, name="fold")(self._fold)
        self.app.timer(SWEEP_S)(self._sweep)
        self.pages = Pages(settings, self.tables, {"tables": self._tables_ready})

    async def _fold(self, stream: Any) -> None:
        within_s = self._settings.batch_ms / 1000
        async for events in stream.take_events(MOST_RUNS, within=within_s):
            await self._or_crash(self._apply([record for event in events for record in event.value]))

    async def _or_crash(self, work: Awaitable[None]) -> None:
        """Faust would log the error and go on behind the batch; only a restart reads it again."""
        try:
            await work
        except Exception as error:
            await self.app.crash(error)
            raise

    async def _apply(self, records: Records) -> None:
        with Metrics.batch_seconds.time():
            batch = [await self._delivered(record) for record in records]
            changes = fold_batch(batch, self.tables.balances, self.tables.merchants, _now_ms())
            await self._write(changes)
        Metrics.folded_records.inc(len(batch))
        for partition, next_offset in changes.positions.items():
            end = self.app.consumer.highwater(TP(records[0].topic, partition))
            Metrics.next_offset_lag.set(max(0, (end or next_offset) - next_offset), partition=str(partition))

    async def _delivered(self, record: Any) -> Delivered:
        """The record with its decision decoded; waits while the registry is away and the schema unknown."""
        partition, offset = record.partition, record.offset
        if is_heartbeat(record.headers or ()):
            Metrics.heartbeat_records.inc()
            return Delivered(partition, offset, None)
        while True:
            try:
                return Delivered(partition, offset, self._decoder.decode(record.value or b""))
            except DeadLetterError as error:
                # Bronze keeps the bytes and its error; a view only must not stop for it.
                Metrics.dropped_records.inc(reason=error.reason)
                _log.warning("Left %s/%d/%d out: %s", record.topic, partition, offset, error)
                return Delivered(partition, offset, None)
            except RetryableError as error:
                _log.warning("Waiting for the registry: %s", error)
                await asyncio.sleep(REGISTRY_RETRY_S)

    async def _sweep(self) -> None:
        if self._tables_ready() is None:
            await self._or_crash(self._write(stale_merchants(self.tables.merchants, _now_ms())))

    async def _write(self, changes: Changes) -> None:
        await self.tables.write(changes.balances, changes.merchants, changes.positions)
        Metrics.changed_records.inc(len(changes.balances), table="balances")
        Metrics.changed_records.inc(len(changes.merchants), table="merchants")
        Metrics.rows_count.set(len(self.tables.balances), table="balances")
        Metrics.rows_count.set(len(self.tables.merchants), table="merchants")

    def _tables_ready(self) -> str | None:
        if self.app.tables.actives_ready and not self.app.rebalancing:
            return None
        return "The tables are being restored from their changelogs."


def main() -> None:
    """Run the service until SIGTERM; the process's exit code says how it ended (`streamkit.service`)."""
    serve(SERVICE, LiveViewsSettings, run)


def run(settings: LiveViewsSettings) -> None:
    """Run until asked to stop; blocks. Raises what crashed the app."""
    for chatty in ("faust", "mode", "aiokafka"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Faust watches its own group offsets, which nothing here depends on, and takes a backlog for a livelock.
    logging.getLogger("services.live_views.transport").setLevel(logging.CRITICAL)
    service = LiveViews(settings)
    worker = faust.Worker(
        service.app,
        service.pages,
        loop=asyncio.new_event_loop(),
        override_logging=False,
        redirect_stdouts=False,
        quiet=True,
    )
    worker.spinner = None  # it would write terminal codes into the log
    try:
        worker.execute_from_commandline()
    except SystemExit:
        # Its own exit code does not tell a supervisor whether starting again helps; the error's class does.
        if (reason := service.app.crash_reason) is not None:
            raise reason from None


def _faust_app(settings: LiveViewsSettings, partitions: int) -> faust.App:
    return faust.App(
        qualified(settings.namespace, SERVICE),
        broker=[f"kafka://{address.strip()}" for address in settings.bootstrap_servers.split(",")],
        datadir=str(settings.state_dir),
        store="memory://",
        Table=PartitionedTable,
        topic_partitions=partitions,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        # A killed instance's successor gets its partitions at once instead of after the session timeout.
        consumer_group_instance_id=f"{SERVICE}-{settings.slot}",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        producer_max_batch_size=256 * 1024,
        broker_max_poll_records=settings.max_run,
        stream_buffer_maxsize=MOST_RUNS,
        stream_wait_empty=False,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
