"""enricher: wires the pure step to Kafka, the registry and the probes."""

from services.enricher.config import EnricherSettings
from services.enricher.enrich import ENRICHED, INPUT, OUTPUT, Enrich, Limits
from services.enricher.join import TABLES, side_input
from streamkit.ahead import Ahead
from streamkit.broker import Broker
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.health import HealthServer
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.loop.status import LoopStatus
from streamkit.registry import RegistryClient
from streamkit.replay.run import replay_transform
from streamkit.serde import Decoder
from streamkit.service import serve
from streamkit.transform import TransformSpec, run_transform

SERVICE = "enricher"


def main() -> None:
    """Run the service until SIGTERM; the process's exit code says how it ended (`streamkit.service`)."""
    serve(SERVICE, EnricherSettings, run)


def run(settings: EnricherSettings, broker: Broker | None = None) -> None:
    """Run until asked to stop or, with `history` or in a replay, to the ends that are set; blocks.

    Without a broker it is the Kafka that the settings name.
    Raises StreamkitError when the process has to end.
    """
    status = LoopStatus()
    status.stop_on_signals()
    with HealthServer(settings, ready={"loop": status.ready}, live={"loop": status.live}):
        codecs = Codecs(Catalogue.load(settings.schemas_dir), RegistryClient(settings.registry_url))
        broker = broker if broker is not None else KafkaBroker(settings.bootstrap_servers)
        if settings.mode == "replay":
            replay_transform(spec(settings, codecs), settings, status=status, broker=broker)
            return
        ahead = ahead_of(codecs) if settings.history else None
        bounded = present(broker, ahead) if ahead is not None else None
        run_transform(spec(settings, codecs, ahead), settings, status=status, bounded=bounded, broker=broker)


def spec(settings: EnricherSettings, codecs: Codecs, decoder: Decoder | None = None) -> TransformSpec:
    """Return the enricher as the loop runs it; `decoder` reads its input otherwise than one by one.

    Raises:
        RetryableError: the registry is away, or the topics are not applied yet.
    """
    limits = Limits(
        repeat_window_ms=settings.repeat_window_hours * 3_600_000,
        future_ms=settings.future_limit_minutes * 60_000,
    )
    return TransformSpec(
        service=SERVICE,
        inputs=(INPUT,),
        outputs={OUTPUT: ENRICHED},
        step=Enrich(decoder or codecs.decoder(INPUT), codecs.encoder(ENRICHED), limits),
        side_inputs=tuple(side_input(table, codecs.decoder(table.topic)) for table in TABLES),
        heartbeat_outputs={OUTPUT: codecs.heartbeat(ENRICHED)},
        encode_dead_letter=codecs.dead_letters(),
    )


def present(broker: Broker, ahead: Ahead) -> Bounded:
    """All that the topic holds now, to be taken by the time at which the card was used."""
    return Bounded(present_ends(broker, (INPUT,)), ahead.event_time)


def ahead_of(codecs: Codecs) -> Ahead:
    """Return what tells event times to `present` and gives `spec` what was decoded for that."""
    return Ahead(codecs.decoder(INPUT), "event_time")
