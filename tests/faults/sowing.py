"""Rows of the bank in their topics, on a stage that has no bank: written as Debezium would write them."""

from cli.connection import SCHEMAS
from local.stack import Stack
from streamkit.catalogue import Catalogue
from streamkit.codecs import Codecs
from streamkit.kafka.broker import KafkaBroker
from streamkit.registry import RegistryClient, subject_of
from tests.faults.dimensions import TABLES, first_rows

_FOR_EVER = {"retention.ms": "-1"}
_STORED_WITHIN_S = 30.0


def sow(stack: Stack) -> None:
    """Make the topics and write every row's first version; blocks. Raises RetryableError."""
    catalogue, registry = Catalogue.load(SCHEMAS), RegistryClient(stack.registry_url)
    broker = KafkaBroker(stack.bootstrap_servers)
    codecs = Codecs(catalogue, registry)
    encoders = {}
    for table in TABLES:
        registry.register(subject_of(table.topic), catalogue[table.topic].schema)
        broker.admin().create_topic(table.topic, 1, _FOR_EVER)
        encoders[table.name] = codecs.encoder(table.topic)
    producer = broker.producer()
    for number, write in enumerate(first_rows()):
        value = {"before": None, "after": write.row, "op": "r", "ts_ms": number}
        producer.send(write.table.topic, write.key.encode(), encoders[write.table.name].encode(value))
    producer.flush(_STORED_WITHIN_S)
    producer.close()
    registry.close()
