"""What the judges read of the log: from where they stopped the last time, committed records only."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import fastavro

from local.places import repository
from streamkit.clock import SystemClock
from streamkit.headers import SOURCE, parse_source
from streamkit.kafka.broker import KafkaBroker
from streamkit.positions import Positions
from streamkit.read import span
from streamkit.records import Record, TopicPartition
from tests.faults.judge import At, Found, Judge, Seen

TRANSACTIONS, REPORTS = "payments.transactions.v1", "payments.fraud-reports.v1"
ENRICHED, DECISIONS = "payments.enriched.v1", "payments.decisions.v1"
_HEARTBEAT = "kapstan-heartbeat"


class Log:
    """Feeds a judge with what has come since the last time. Blocks; RetryableError when Kafka is away."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Take the address of a broker whose topics exist."""
        self._broker = KafkaBroker(bootstrap_servers, {"log_level": 0})
        self._judge = Judge()
        self._next: dict[TopicPartition, int] = {}
        self._schemas = {name: _schema(name) for name in (TRANSACTIONS, REPORTS, ENRICHED, DECISIONS)}

    def judge(self) -> Found:
        """Return what is wrong in the outputs that are new."""
        found = Found()
        for topic, take in (
            (TRANSACTIONS, self._judge.transaction),
            (REPORTS, self._judge.report),
            (ENRICHED, lambda seen: self._judge.enriched(seen, found)),
            (DECISIONS, lambda seen: self._judge.decision(seen, found)),
        ):
            for record in self._new(topic):
                take(self._seen(topic, record))
        return found

    def _new(self, topic: str) -> Iterator[Record]:
        admin = self._broker.admin()
        partitions = [TopicPartition(topic, p) for p in range(admin.topics([topic])[topic].partitions)]
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


def _schema(topic: str) -> Any:
    text = (repository() / "schemas" / "avro" / f"{topic}.avsc").read_text()
    return fastavro.parse_schema(_plain(json.loads(text)))


def _plain(schema: Any) -> Any:
    """A schema whose times are the numbers that they are on the wire."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items() if name != "logicalType"}
    return [_plain(each) for each in schema] if isinstance(schema, list) else schema
