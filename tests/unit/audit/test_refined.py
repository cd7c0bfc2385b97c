import pytest

from audit.content import Writers
from audit.refined import Refined
from streamkit.avro import Schema
from streamkit.headers import HEARTBEAT
from streamkit.records import Record
from streamkit.registry import subject_of
from streamkit.serde import AvroEncoder
from streamkit.testing.registry import MemoryRegistry
from tests.support.window_declarations import SCHEMA, bound

TOPIC = "orders.refined.v1"
OLD = {**SCHEMA, "fields": [each for each in SCHEMA["fields"] if each["name"] not in ("tenant", "category")]}
VALUE = {"id": "e", "user": "u", "currency": "EUR", "amount_minor": 1, "outcome": "APPROVE", "score": 0.0}


@pytest.fixture
def registry():
    return MemoryRegistry().client()


def encode(registry, schema, **value):
    schema_id = registry.register(subject_of(TOPIC), Schema.of(schema))
    return AvroEncoder(schema, schema_id).encode({**VALUE, "tags": [], **value})


def columns(registry, *values, headers=()):
    found = []
    refined = Refined(Writers(TOPIC, registry), [bound()], found.append)
    refined([Record(TOPIC, 1, 10 + n, 1000 + n, None, value, headers) for n, value in enumerate(values)])
    return found


def test_records_become_the_columns_that_windows_read(registry):
    values = [encode(registry, SCHEMA, tenant="t", category="fuel", at=at) for at in (5, 6)]
    (found,) = columns(registry, *values)
    assert (found.partitions.tolist(), found.offsets.tolist()) == ([1, 1], [10, 11])
    assert (found.kafka_ms.tolist(), found.heartbeats.tolist()) == ([1000, 1001], [False, False])
    assert found.values.keys() == {"tenant", "category", "currency", "amount_minor", "at"}
    assert found.values["category"].to_pylist() == ["fuel", "fuel"]


def test_what_an_older_writer_did_not_know_has_its_default(registry):
    (found,) = columns(registry, encode(registry, OLD, at=5))
    assert found.values["tenant"].to_pylist() == ["default"]
    assert found.values["category"].to_pylist() == [None]


def test_what_cannot_be_decoded_is_left_out(registry):
    good = encode(registry, SCHEMA, tenant="t", category=None, at=5)
    (found,) = columns(registry, None, b"?", good[:-3], good, b"\x00\x00\x00\x00\x63")
    assert found.offsets.tolist() == [13]


def test_heartbeats_are_marked(registry):
    good = encode(registry, SCHEMA, tenant="t", category=None, at=5)
    (found,) = columns(registry, good, headers=((HEARTBEAT, b"1"),))
    assert found.heartbeats.tolist() == [True]
