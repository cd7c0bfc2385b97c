import os
import uuid
from pathlib import Path

import pytest
from opensearchpy import OpenSearch

from services.search_sink.app import spec
from services.search_sink.config import SearchSettings
from services.search_sink.documents import FAMILIES
from streamkit.catalogue import Catalogue
from streamkit.clock import SystemClock
from streamkit.codecs import Codecs
from streamkit.crashpoints import crash
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.registry import RegistryClient, subject_of
from streamkit.sink import run_sink

ROOT = Path(__file__).parents[3]


class Crashed(BaseException):
    """Stands for the end of the process."""


class World:
    """search_sink between real topics and a real node, in indices of its own."""

    def __init__(self, stack, name, folder):
        self.settings = SearchSettings.load(
            bootstrap_servers=stack.bootstrap_servers,
            registry_url=stack.registry_url,
            namespace=name,
            http_port=0,
            state_dir=folder,
            schemas_dir=ROOT / "schemas",
            opensearch_url=stack.url("opensearch.http"),
            search_flush_age_ms=50,
            search_retry_seconds=5,
        )
        self.broker = KafkaBroker(stack.bootstrap_servers)
        self.catalogue = Catalogue.load(ROOT / "schemas")
        self.registry = RegistryClient(stack.registry_url)
        self.codecs = Codecs(self.catalogue, self.registry)
        self.client = OpenSearch([self.settings.opensearch_url])
        self.name = name
        for topic in FAMILIES:
            entry = self.catalogue[topic]
            self.broker.admin().create_topic(topic, entry.spec.partitions, {})
            self.registry.register(subject_of(topic), entry.schema)
        # Only this run's dead letters, not those that other tests put into the shared topic.
        self.broker.admin().create_topic(f"{name}.platform.dead-letters.v1", 1, {})

    def send(self, topic, *data, headers=(), **raw):
        encoder = self.codecs.encoder(topic)
        producer = self.broker.producer()
        for datum in data:
            value = datum if isinstance(datum, bytes) else encoder.encode(datum)
            producer.send(topic, b"k", value, headers, **raw)
        producer.flush(20)
        producer.close()

    def run(self, crash_at=None):
        """Index all that the topics hold now; with a crash point, end there as a kill would."""

        def die(point):
            raise Crashed(point)

        crash.die = die
        crash.arm(crash_at)
        bounded = Bounded(present_ends(self.broker, tuple(FAMILIES)))
        made = spec(self.settings, self.codecs, self.broker, SystemClock())
        try:
            run_sink(made, self.settings, broker=self.broker, bounded=bounded)
        finally:
            crash.arm(None)

    def documents(self, family, **match):
        index = f"{self.name}-{family}-*"
        self.client.indices.refresh(index=index)
        query = {"bool": {"filter": [{"term": {field: value}} for field, value in match.items()]}}
        hits = self.client.search(index=index, body={"query": query, "size": 1000})["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    def close(self):
        self.client.indices.delete(index=f"{self.name}-*", params={"expand_wildcards": "all"})
        self.client.indices.delete_index_template(name=f"kapstan-{self.name}-*")
        self.client.close()
        self.registry.close()
        self.broker.close()


@pytest.fixture
def world(parts, unique, tmp_path):
    made = World(parts.need("kafka", "registry", "opensearch"), unique, tmp_path)
    yield made
    made.close()


@pytest.fixture
def decision():
    """A decision of its own customer, as data."""
    customer = f"c-{uuid.uuid4().hex[:8]}"

    def make(number=0, **changes):
        return {
            "transaction_id": f"{customer}-{number}",
            "tenant": "default",
            "customer_id": customer,
            "card_id": "k1",
            "terminal_id": "t1",
            "merchant_name": "Shop",
            "category": "groceries",
            "country": "FR",
            "amount_minor": 100 + number,
            "currency": "EUR",
            "event_time": 1_700_000_000_000,
            "origin": "LIVE",
            "outcome": "DECLINE",
            "score": 0.5,
            "reasons": [{"code": "model", "text": "Looks odd"}],
            "features": {"count_1d": 2.0},
            "credit_limit_minor": None,
            "model_hash": "m1",
            "rule_set_version": "r1",
            "joins": [],
            "side_positions": {},
            **changes,
        }

    make.customer = customer
    return make


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in os.environ.keys() & {"http_proxy", "HTTP_PROXY"}:
        monkeypatch.delenv(name)
