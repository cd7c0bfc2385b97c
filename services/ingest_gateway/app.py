"""Wire the gateway together, serve, and stop without losing a request that was let in."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator
from typing import Final

import uvloop

from services.ingest_gateway import reject
from services.ingest_gateway.admit import Budget
from services.ingest_gateway.authorize import KeyRing
from services.ingest_gateway.availability import Availability
from services.ingest_gateway.checks import Registry, Stopping
from services.ingest_gateway.config import GatewaySettings
from services.ingest_gateway.follow import Routes, follow
from services.ingest_gateway.grpc_api import GrpcDoor
from services.ingest_gateway.http_api import HttpDoor
from services.ingest_gateway.intake import Intake
from services.ingest_gateway.metrics import GatewayMetrics
from services.ingest_gateway.pages import pages
from services.ingest_gateway.publish import Publisher
from services.ingest_gateway.servers import DRAIN_S, background, grpc_server, http_server
from streamkit import logs
from streamkit.catalogue import TOPIC, Catalogue
from streamkit.catalogue_entries import EntryDecoder
from streamkit.catalogue_follower import CatalogueFollower
from streamkit.clock import SystemClock
from streamkit.codecs import Codecs
from streamkit.errors import StreamkitError
from streamkit.kafka.async_producer import AsyncProducer
from streamkit.kafka.broker import KafkaBroker
from streamkit.outputs import qualified
from streamkit.registry import RegistryClient

SERVICE: Final = "ingest_gateway"

# The thread of delivery reports asks for the interpreter once per record. At Python's default of 5 ms it
# would get it 200 times a second while requests are being encoded.
_SWITCH_INTERVAL_S: Final = 0.0005
# Requests leave no cycles behind, so the collector need not run for every few events.
_GC_ALLOCATIONS: Final = 20_000

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the service; exits with the error's code when it cannot."""
    try:
        settings = GatewaySettings.load()
        logs.configure(SERVICE, settings.log_level)
        keys = KeyRing.load(settings.api_keys_file)
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        gc.set_threshold(_GC_ALLOCATIONS, 20, 50)
        uvloop.run(serve(settings, keys))
    except StreamkitError as error:
        logs.configure(SERVICE)
        _log.error("%s", error)
        sys.exit(error.exit_code)


async def serve(settings: GatewaySettings, keys: KeyRing) -> None:
    """Serve HTTP and gRPC until a signal asks to stop; raises StopError when a port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = KafkaBroker(settings.bootstrap_servers)
    registry = RegistryClient(settings.registry_url)
    codecs = Codecs(Catalogue.load(settings.schemas_dir), registry)
    producer = broker.async_producer(settings.delivery_timeout_s, settings.linger_ms)
    availability = Availability(producer, qualified(settings.namespace, reject.TOPIC), settings.stall_s)
    routes = Routes(settings.namespace, codecs.schema_id)
    follower = CatalogueFollower(broker, EntryDecoder(codecs.decoder(TOPIC)), SystemClock())
    publisher = Publisher(producer, availability, settings, SystemClock(), lambda: routes.reject_store)
    budget = Budget(settings.max_inflight_bytes)
    intake = Intake(keys, routes, availability, budget, publisher)
    watched, stopping = Registry(registry), Stopping()
    site = pages(
        lambda: routes.table,
        ready={
            "kafka": availability.problem,
            "catalogue": follower.unready,
            "topics": routes.problem,
            "stopping": stopping.problem,
        },
        noted={"registry": watched.problem},
        measure=lambda: GatewayMetrics.inflight_bytes.set(budget.used),
    )
    with follower:
        async with (
            _closing(producer),
            background(
                stop.set, availability.watch(), follow(routes, lambda: _in_force(follower)), watched.watch()
            ),
            grpc_server(GrpcDoor(intake, settings), settings) as grpc_port,
            http_server(HttpDoor(intake, settings, site), settings) as http_port,
        ):
            # The collector's full runs would stop requests for 50 ms to look at what is never freed.
            gc.freeze()
            _log.info("Serving on %s: HTTP %d, gRPC %d.", settings.http_host, http_port, grpc_port)
            await stop.wait()
            _log.info("Stopping: no new requests, those let in are answered.")
            stopping.begin()
    await asyncio.to_thread(registry.close)


def _in_force(follower: CatalogueFollower) -> Catalogue | None:
    """Return the catalogue, or None while it has not been read to its end."""
    return follower.catalogue if follower.unready() is None else None


@contextlib.asynccontextmanager
async def _closing(producer: AsyncProducer) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await producer.close(DRAIN_S)
