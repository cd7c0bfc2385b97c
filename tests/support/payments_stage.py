"""The enricher and the scorer in their loops, over a broker and a registry in memory."""

from services.enricher.app import spec as enricher_spec
from services.enricher.config import EnricherSettings
from services.fraud_scorer.app import spec as scorer_spec
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.headers import SOURCE, is_heartbeat
from streamkit.registry import subject_of
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry
from streamkit.topics import plan
from streamkit.topics_apply import Platform, apply, observe
from tests.support.catalogues import SCHEMAS
from tests.support.workers import read_all, worker

NOW = 1_790_000_000_000
TABLES = ("customers", "cards", "terminals")


class PaymentsStage:
    """A platform in memory with all topics, those of CDC too."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = ManualClock(NOW)
        self.broker = MemoryBroker()
        self.registry = MemoryRegistry().client()
        declared = Catalogue.load(SCHEMAS)
        platform = Platform(self.broker, self.broker.admin(), self.registry, self.clock)
        apply(platform, declared, plan(declared, observe(platform, declared)))
        for name in (f"cdc.bank.{table}" for table in TABLES):
            self.registry.register(subject_of(name), declared[name].schema)
            if name not in self.broker.admin().topics():
                self.broker.admin().create_topic(name, 1, {"retention.ms": "-1"})
        self.catalogue = declared
        self.codecs = Codecs(declared, self.registry)

    def specs(self):
        """Both transforms by the names of their services."""
        settings = EnricherSettings(
            bootstrap_servers="memory:1",
            registry_url="http://memory",
            http_port=0,
            state_dir=self.folder / "unused",
            schemas_dir="schemas",
        )
        return {"enricher": enricher_spec(settings, self.codecs), "fraud_scorer": scorer_spec(self.codecs)}

    def send(self, topic, value, *, headers=(), at_ms=None):
        """Write a value (a dict of the topic's schema, or bytes) with the key that the catalogue says."""
        key, encoded = b"key", value
        if isinstance(value, dict):
            key = str(value.get(self.catalogue[topic].spec.key, "key")).encode()
            encoded = self.codecs.encoder(topic).encode(value)
        producer = self.broker.producer()
        producer.send(topic, key, encoded, timestamp_ms=at_ms or self.clock.now_ms(), headers=headers)
        producer.flush(5)

    def row(self, table, row, op="r"):
        """Write a change of a table."""
        image = {"before": row if op == "d" else None, "after": None if op == "d" else row}
        self.send(f"cdc.bank.{table}", image | {"op": op, "ts_ms": NOW})

    def values(self, topic):
        """The decoded values of a topic, heartbeats left out."""
        decoder = self.codecs.decoder(topic)
        return [decoder.decode(record.value) for record in self.records(topic)]

    def records(self, topic):
        """The records of a topic, heartbeats left out."""
        return [record for record in read_all(self.broker, topic) if not is_heartbeat(record.headers)]

    def run_history(self, spec, bounded):
        """Run a transform over what its topic holds now, merged by event time."""
        made = worker(spec, self.broker, self.folder / spec.service, clock=self.clock, bounded=bounded)
        while not made.finished():
            made.turn()
        made.close()

    def worker(self, spec):
        """A live worker, opened."""
        return worker(spec, self.broker, self.folder / spec.service, clock=self.clock)


def source_of(record):
    """The header that names the record behind the gateway."""
    return record.header(SOURCE)
