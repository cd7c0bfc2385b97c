"""Bronze's rows against the records that they were made from; the table is a list that a test can falsify."""

import pyarrow as pa
import pytest

from audit.bronze import spans_of
from audit.content import Writers, digest
from audit.contents import Contents
from audit.kafka import Scanner
from audit.stores import Difference, Offsets
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.provenance import table_schema
from services.lake_sink.rows import by_prefix, rows_of, schema_ids
from streamkit.avro import Schema
from streamkit.clock import SystemClock
from streamkit.headers import EVENT_ID
from streamkit.registry import subject_of
from streamkit.serde import AvroEncoder
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.registry import MemoryRegistry

REASON = {"type": "record", "name": "Reason", "fields": [{"name": "code", "type": "string"}]}
FIELDS = [
    {"name": "id", "type": "string"},
    {"name": "amount_minor", "type": "long"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "reasons", "type": {"type": "array", "items": REASON}},
    {"name": "features", "type": {"type": "map", "values": "double"}},
]
EVENT = {"type": "record", "name": "Event", "fields": FIELDS}
GROWN = {**EVENT, "fields": [*FIELDS, {"name": "more", "type": ["null", "string"], "default": None}]}
ALIEN = {**EVENT, "fields": [*FIELDS[:2], {"name": "at", "type": "boolean"}]}


class Bronze:
    """The rows of one topic."""

    def __init__(self):
        self.table = None

    def rows(self, _topic, _topic_id, spans):
        ((partition, (start, end)),) = spans.items()
        rows = self.table.to_pylist()
        yield [r for r in rows if r["_partition"] == partition and start <= r["_offset"] < end]


class World:
    def __init__(self):
        self.broker, registry = MemoryBroker(), MemoryRegistry()
        self.broker.create_topic("t", 1)
        self.registry = registry.client()
        self.bronze = Bronze()
        self.contents = Contents(self.broker, SystemClock(), self.registry, self.bronze)
        self.sent = 0

    def encoder(self, schema=EVENT, topic="t"):
        return AvroEncoder(schema, self.registry.register(subject_of(topic), Schema.of(schema)))

    def send(self, *values):
        producer = self.broker.producer()
        for value in values:
            headers = ((EVENT_ID, b"%d" % self.sent),)
            producer.send("t", b"k%d" % self.sent, value, headers, timestamp_ms=self.sent, partition=0)
            self.sent += 1

    def scan(self):
        """Read Kafka; returns the records too."""
        records = []
        topic_id = self.broker.admin().topics(["t"])["t"].topic_id
        watch = self.contents.of_kafka("t", topic_id)

        def every(some):
            records.extend(some)
            watch(some)

        scan = Scanner(self.broker, SystemClock()).scan("t", every=every)
        return scan, records

    def sink(self, records, scan, writers=None):
        """The rows that lake_sink would write, in a table with the columns of the last schema."""
        own = Writers("t", self.registry)
        last = next(iter(schema_ids(by_prefix(records[-1:]))))
        target = arrow_schema(table_schema(own(last).columns))
        return rows_of(records, by_prefix(records), scan.topic_id, writers or own, target)

    def compare(self, change=lambda table: table, writers=None):
        scan, records = self.scan()
        self.bronze.table = change(self.sink(records, scan, writers=writers))
        offsets, found = Offsets(), Difference("t", "bronze", "kafka")
        for batch in self.bronze.table.combine_chunks().to_batches():
            digest("t", scan.topic_id, batch, self.contents.of_bronze("t"))
            offsets.add(batch.column("_offset").to_numpy())
        assert spans_of(scan) == {0: (0, self.sent)}
        (place,) = scan.every
        self.contents.compare(scan, {place: offsets.holding()}, found)
        return found


@pytest.fixture
def world():
    return World()


def value(n):
    reasons = [{"code": f"c{each}"} for each in range(n % 3)]
    return {
        "id": f"e{n}",
        "amount_minor": n,
        "at": 1_700_000_000_000 + n,
        "reasons": reasons,
        "features": {"a": n / 3},
    }


def fill(world):
    """Good records of two schemas, a tombstone, and two that nobody can decode."""
    old, new = world.encoder(), world.encoder(GROWN)
    world.send(*[old.encode(value(n)) for n in range(20)])
    world.send(None, b"", b"poison")
    world.send(*[new.encode({**value(n), "more": "x"}) for n in range(20, 40)])


def changed(name, row, new):
    def change(table):
        values = table.column(name).to_pylist()
        values[row] = new
        at = table.schema.get_field_index(name)
        return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))

    return change


def test_what_lake_sink_writes_says_what_kafka_does(world):
    fill(world)
    assert world.compare().differing == 0


@pytest.mark.parametrize(
    ("name", "row", "new", "shown"),
    [
        ("amount_minor", 7, 99, "/amount_minor: kafka 7, bronze 99"),
        ("more", 30, None, '/more: kafka "x", bronze (absent)'),
        ("reasons", 5, [{"code": "c0"}, {"code": "?"}], '/reasons/1/code: kafka "c1", bronze "?"'),
        ("_key", 3, b"k4", "/_key: kafka "),
        ("_headers", 3, [(EVENT_ID, b"4")], "/_headers/0: kafka "),
        ("_raw", 22, b"poisom", "/_raw: kafka "),
        ("_heartbeat", 1, True, "/_heartbeat: kafka false, bronze true"),
    ],
)
def test_a_field_that_differs_is_shown(world, name, row, new, shown):
    fill(world)
    found = world.compare(changed(name, row, new))
    assert (found.differing, found.agrees) == (1, False)
    about, field = found.examples
    assert about.startswith("differs t@")
    assert about.endswith(f"/0/{row}")
    assert field.strip().startswith(shown)


def test_a_row_with_the_content_of_its_neighbour_differs(world):
    fill(world)

    def exchanged(table):
        rows = table.to_pylist()
        rows[3]["_offset"], rows[4]["_offset"] = 4, 3
        return pa.Table.from_pylist(rows, table.schema)

    assert world.compare(exchanged).differing == 2


def test_a_row_that_is_lost_or_doubled_is_no_other_content(world):
    fill(world)
    assert world.compare(lambda table: pa.concat_tables([table.slice(1), table.slice(5, 1)])).differing == 0


def test_bytes_that_were_kept_because_nobody_knew_their_schema_say_the_same(world):
    """The registry learned the schema's id after lake_sink had met it."""
    fill(world)
    late = Writers("t", world.registry)
    first = world.registry.id_of(subject_of("t"), Schema.of(EVENT))
    found = world.compare(writers=lambda each: "unknown_schema" if each == first else late(each))
    assert found.differing == 0


def test_bytes_that_were_kept_have_to_be_the_records(world):
    fill(world)
    late = Writers("t", world.registry)
    first = world.registry.id_of(subject_of("t"), Schema.of(EVENT))
    found = world.compare(
        changed("_raw", 2, b"something else"),
        writers=lambda each: "unknown_schema" if each == first else late(each),
    )
    assert found.differing == 1


def test_the_schema_of_another_topic_gives_no_columns(world):
    fill(world)
    other = world.encoder(ALIEN, "other")
    world.send(other.encode({"id": "e", "amount_minor": 1, "at": True}))
    encoder = world.encoder(GROWN)
    world.send(encoder.encode({**value(1), "more": None}))
    assert world.compare().differing == 0


def test_of_much_that_differs_the_first_is_shown(world):
    encoder = world.encoder()
    world.send(*[encoder.encode(value(n)) for n in range(9_000)])

    def shifted(table):
        at = table.schema.get_field_index("amount_minor")
        return table.set_column(at, table.schema.field(at), pa.array([9] * table.num_rows))

    found = world.compare(shifted)
    assert found.differing == 4095
    assert found.examples[-1] == "perhaps more of t in 2 times 4,096 offsets"
    assert len([line for line in found.examples if line.startswith("differs")]) == 3


def test_offsets_bronze_does_not_hold_are_not_looked_at_again(world):
    fill(world)
    asked = []
    rows = world.bronze.rows
    world.bronze.rows = lambda *arguments: asked.append(arguments) or rows(*arguments)
    world.compare(lambda table: table.slice(0, 0))
    assert asked == []
