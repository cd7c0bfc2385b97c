"""search_sink: wires the indexer to Kafka, the registry, OpenSearch and the probes."""

from services.search_sink.client import Search
from services.search_sink.config import SearchSettings
from services.search_sink.destination import DeadLetters, SearchDestination
from services.search_sink.documents import FAMILIES
from services.search_sink.index import Indexer
from streamkit.broker import Broker
from streamkit.catalogue import Catalogue
from streamkit.clock import Clock, SystemClock
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.health import HealthServer
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.retries import ensure_retries
from streamkit.loop.status import LoopStatus
from streamkit.outputs import qualified
from streamkit.redrive import retry_of
from streamkit.registry import RegistryClient
from streamkit.service import serve
from streamkit.sink import SinkSpec, run_sink

SERVICE = "search_sink"


def main() -> None:
    """Run the service until SIGTERM; the process's exit code says how it ended (`streamkit.service`)."""
    serve(SERVICE, SearchSettings, run)


def run(settings: SearchSettings) -> None:
    """Run until asked to stop; blocks. Raises StreamkitError when the process has to end."""
    status = LoopStatus()
    status.stop_on_signals()
    clock = SystemClock()
    broker = KafkaBroker(settings.bootstrap_servers)
    with HealthServer(settings, ready={"loop": status.ready}, live={"loop": status.live}):
        codecs = Codecs(Catalogue.load(settings.schemas_dir), RegistryClient(settings.registry_url))
        run_sink(spec(settings, codecs, broker, clock), settings, status=status, broker=broker, clock=clock)


def spec(settings: SearchSettings, codecs: Codecs, broker: Broker, clock: Clock) -> SinkSpec:
    """Return the sink as the loop runs it.

    Raises:
        RetryableError: the registry is away, or the platform's own topics are not applied yet.
    """
    # A letter that cannot be searched gets no letter of its own, so none comes back.
    refusable = [topic for topic in FAMILIES if topic != DEAD_LETTERS]
    ensure_retries(broker.admin(), settings.namespace, SERVICE, refusable)
    retries = {retry_of(settings.namespace, SERVICE, topic): topic for topic in refusable}
    search = Search(settings.opensearch_url)
    admin = broker.admin()
    letters = DeadLetters(
        SERVICE, broker.producer(), codecs.dead_letters(), qualified(settings.namespace, DEAD_LETTERS)
    )
    destination = SearchDestination(
        SERVICE,
        search,
        Indexer(search, clock, settings.search_retry_seconds),
        {topic: codecs.decoder(topic).decode for topic in FAMILIES},
        lambda topics: {name: info.topic_id for name, info in admin.topics(sorted(topics)).items()},
        letters,
        f"{settings.namespace}-" if settings.namespace else "",
        retries,
    )
    return SinkSpec(
        service=SERVICE,
        inputs=(*FAMILIES, *retries),
        destination=destination,
        flush_records=settings.search_flush_records,
        flush_bytes=settings.search_flush_bytes,
        flush_age_ms=settings.search_flush_age_ms,
    )
