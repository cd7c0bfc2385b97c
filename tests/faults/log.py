"""What the judges read of the log: from where they stopped the last time, committed records only."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import fastavro

from local.places import repository
from streamkit.clock import SystemClock
from streamkit.headers import SOURCE, parse_source
from streamkit.kafka.broker import KafkaBroker
from streamkit.positions import Positions
from streamkit.read import span
from streamkit.records import Record, TopicPartition
from tests.faults.changes import Change
from tests.faults.dimensions import TABLES
from tests.faults.joins import Joins
from tests.faults.judge import At, Found, Judge, Seen

TRANSACTIONS, REPORTS = "payments.transactions.v1", "payments.fraud-reports.v1"
ENRICHED, DECISIONS = "payments.enriched.v1", "payments.decisions.v1"
_HEARTBEAT = "kapstan-heartbeat"


class Log:
    """Feeds a judge with what has come since the last time. Blocks; RetryableError when Kafka is away."""

    def __init__(
        self,
        bootstrap_servers: str,
        schema_of: Callable[[int], object],
        decided: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """Take the address of a broker whose topics exist.

        Args:
            bootstrap_servers: host:port of a broker.
            schema_of: the schema that an id stands for, as the registry has it.
            decided: told of each decision once, in the order of its partition.
        """
        self._broker = KafkaBroker(bootstrap_servers, {"log_level": 0})
        self._judge, self._joins = Judge(), Joins()
        self._schema_of, self._decided = schema_of, decided
        self._written: dict[int, Any] = {}
        self.changes: list[Change] = []
        self._next: dict[TopicPartition, int] = {}
        self._schemas = {name: _schema(name) for name in (TRANSACTIONS, REPORTS, ENRICHED, DECISIONS)}

    def judge(self) -> Found:
        """Return what is wrong in the outputs that are new."""
        found = Found()

        def enriched(seen: Seen) -> None:
            self._judge.enriched(seen, found)
            self._joins.check(seen, found)

        def decision(seen: Seen) -> None:
            self._judge.decision(seen, found)
            self._decided(seen.value)

        self.read_changes()
        for topic, take in (
            (TRANSACTIONS, self._judge.transaction),
            (REPORTS, self._judge.report),
            (ENRICHED, enriched),
            (DECISIONS, decision),
        ):
            for record in self._new(topic):
                take(self._seen(topic, record))
        return found

    def read_changes(self) -> None:
        """Read what is new in the topics of the bank's tables; it is in `changes` then."""
        for table in TABLES:
            for record in self._new(table.topic):
                value = self._as_written(record.value or b"")
                change = Change(table.name, value["op"], value["before"], value["after"])
                self._joins.change(record.offset, change)
                self.changes.append(change)

    def _new(self, topic: str) -> Iterator[Record]:
        admin = self._broker.admin()
        known = admin.topics([topic]).get(topic)
        partitions = [TopicPartition(topic, p) for p in range(known.partitions if known else 0)]
        ends: Positions = admin.end_offsets(partitions, committed_only=True)
        starts = {tp: self._next.get(tp, 0) for tp in partitions}
        for records in span(self._broker, starts, ends, SystemClock()):
            yield from (record for record in records if record.header(_HEARTBEAT) is None)
        self._next.update(ends)

    def _seen(self, topic: str, record: Record) -> Seen:
        at = At(record.partition, record.offset)
        origin = record.header(SOURCE)
        if origin is not None and topic in (ENRICHED, DECISIONS):
            _, _, partition, offset = parse_source(origin)
            source = At(partition, offset)
        else:
            source = at
        return Seen(at, source, record.timestamp_ms, self._value(topic, record))

    def _value(self, topic: str, record: Record) -> Mapping[str, Any]:
        data = io.BytesIO((record.value or b"")[5:])  # behind the registry's magic byte and schema id
        value = fastavro.schemaless_reader(data, self._schemas[topic], None)
        return cast("Mapping[str, Any]", value)

    def _as_written(self, data: bytes) -> Mapping[str, Any]:
        """A value by the schema that its writer names."""
        schema_id = int.from_bytes(data[1:5], "big")
        if schema_id not in self._written:
            self._written[schema_id] = fastavro.parse_schema(_plain(self._schema_of(schema_id)))
        value = fastavro.schemaless_reader(io.BytesIO(data[5:]), self._written[schema_id], None)
        return cast("Mapping[str, Any]", value)


def _schema(topic: str) -> Any:
    text = (repository() / "schemas" / "avro" / f"{topic}.avsc").read_text()
    return fastavro.parse_schema(_plain(json.loads(text)))


def _plain(schema: Any) -> Any:
    """A schema whose times are the numbers that they are on the wire."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items() if name != "logicalType"}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema
