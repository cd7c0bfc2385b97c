"""lake_sink: wires the lake to Kafka, the registry, the catalogue in force and the probes."""

import logging
import uuid
from collections.abc import Callable

from pyiceberg.catalog.rest import RestCatalog

from services.lake_sink.catalog import open_catalog
from services.lake_sink.commit import Committer
from services.lake_sink.config import LakeSettings
from services.lake_sink.destination import LakeDestination
from services.lake_sink.provenance import check_names
from services.lake_sink.tables import Tables
from services.lake_sink.upkeep import Upkeep
from streamkit.broker import Admin
from streamkit.catalogue import TOPIC, Catalogue
from streamkit.catalogue_entries import EntryDecoder
from streamkit.catalogue_follower import CatalogueFollower
from streamkit.clock import Clock, SystemClock
from streamkit.codecs import Codecs
from streamkit.errors import RetryableError
from streamkit.health import HealthServer
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.status import LoopStatus
from streamkit.registry import RegistryClient
from streamkit.replay.run import replay_sink
from streamkit.service import serve
from streamkit.sink import Destination, SinkSpec, run_sink

SERVICE = "lake_sink"
STALLED_AFTER_S = 300.0
"""A commit waits out a slow catalog, attempt by attempt; a restart in between would only begin anew."""

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the service until SIGTERM; the process's exit code says how it ended (`streamkit.service`)."""
    serve(SERVICE, LakeSettings, run)


def run(settings: LakeSettings) -> None:
    """Run until asked to stop, in a replay to its end; blocks. Raises StreamkitError when it has to end."""
    status = LoopStatus(stalled_after_s=STALLED_AFTER_S)
    status.stop_on_signals()
    clock = SystemClock()
    broker = KafkaBroker(settings.bootstrap_servers)
    registry = RegistryClient(settings.registry_url)
    lake = destination(settings, registry, broker.admin(), clock)
    if settings.mode == "replay":
        with HealthServer(settings, ready={"loop": status.ready}, live={"loop": status.live}):
            replay_sink(spec(settings, lake, ()), settings, status=status, broker=broker, clock=clock)
        return
    codecs = Codecs(Catalogue.load(settings.schemas_dir), registry)
    follower = CatalogueFollower(broker, EntryDecoder(codecs.decoder(TOPIC)), clock)
    ready = {"loop": status.ready, "catalogue": follower.unready}
    with HealthServer(settings, ready=ready, live={"loop": status.live}), follower:
        inputs = Inputs(lambda: follower.catalogue, broker.admin())
        run_sink(spec(settings, lake, inputs), settings, status=status, broker=broker, clock=clock)


def destination(
    settings: LakeSettings, registry: RegistryClient, admin: Admin, clock: Clock
) -> LakeDestination:
    """Return the lake; blocks on the catalog, once. Raises ConfigError when it cannot be opened at all."""
    catalog = open_catalog(settings)
    return LakeDestination(
        Tables(catalog, settings.bronze, settings.ref),
        committer(catalog, settings, clock),
        registry,
        lambda topics: {name: info.topic_id for name, info in admin.topics(sorted(topics)).items()},
        lambda: uuid.uuid4().hex,
        clock,
    )


def committer(catalog: RestCatalog, settings: LakeSettings, clock: Clock) -> Committer:
    """Return what commits to the lake and keeps up its tables' metadata folders."""
    upkeep = Upkeep(catalog, float(settings.lake_grace_s))
    return Committer(catalog, clock, settings.lake_keep_snapshots, upkeep, settings.ref)


def spec(
    settings: LakeSettings, lake: Destination, inputs: Callable[[], tuple[str, ...]] | tuple[str, ...]
) -> SinkSpec:
    """Return the sink as the loop runs it."""
    return SinkSpec(
        service=SERVICE,
        inputs=inputs,
        destination=lake,
        flush_records=settings.lake_flush_records,
        flush_bytes=settings.lake_flush_bytes,
        flush_age_ms=settings.lake_flush_age_ms,
        keep_heartbeats=True,
        trust_group=False,
    )


class Inputs:
    """The topics that the lake keeps: those the catalogue in force marks `bronze`, once they exist."""

    def __init__(self, catalogue: Callable[[], Catalogue], admin: Admin) -> None:
        self._catalogue = catalogue
        self._admin = admin
        self._last: tuple[str, ...] = ()

    def __call__(self) -> tuple[str, ...]:
        """Return the topics of this moment; those of the last call while the broker is away.

        Raises:
            StopError: two topics would share one table.
        """
        wanted = [name for name, topic in self._catalogue().items() if topic.spec.bronze]
        check_names(wanted)
        try:
            self._last = tuple(sorted(self._admin.topics(wanted))) if wanted else ()
        except RetryableError as error:
            _log.warning("The topics cannot be listed for now: %s", error)
        return self._last
