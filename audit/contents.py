"""Whether bronze says what Kafka does: by digests first, then, where those differ, record by record."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from audit.bronze import Bronze
from audit.content import Writers, batches_of, digest, plain
from audit.digests import BLOCK, Block, Digests
from audit.kafka import Scan, Watch
from audit.offsets import OffsetSet
from audit.stores import Difference, Holding, Holdings
from replay.bronze import RowStore, Spans
from replay.compare import DIFFERS, Example, Pair, compare
from replay.entries import Place
from services.lake_sink.topic import Schemas
from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.read import span
from streamkit.records import Record, TopicPartition

_SHOWN, _MOST_FIELDS, _MOST_TEXT = 3, 8, 120


class Contents:
    """Compares what the records of topics say. Every call blocks and raises RetryableError.

    Memory is 8 bytes for 4,096 records on either side, and that of a few thousand records that differ.
    """

    def __init__(self, broker: Broker, clock: Clock, schemas: Schemas, bronze: Bronze) -> None:
        self._broker = broker
        self._clock = clock
        self._schemas = schemas
        self._bronze = bronze
        self._writers: dict[str, Writers] = {}
        self._kafka: dict[str, Digests] = {}
        self._tables: dict[str, Digests] = {}

    def of_kafka(self, topic: str, topic_id: str) -> Watch:
        """Return what takes the records of a topic while it is read."""
        writers = self._writers[topic] = Writers(topic, self._schemas)
        digests = self._kafka[topic] = Digests()

        def take(records: Sequence[Record]) -> None:
            for batch in batches_of(records, topic_id, writers):
                digest(topic, topic_id, batch, digests)

        return take

    def of_bronze(self, topic: str) -> Digests:
        """Return what takes the rows of a topic's table."""
        return self._tables.setdefault(topic, Digests())

    def compare(self, scan: Scan, held: Holdings, found: Difference) -> None:
        """Add to `found` how many records bronze says something else of, and the first of them by field.

        Once a few are found, the others are not counted one by one. `held` are the records that bronze holds.
        """
        blocks = [
            block
            for block in self._kafka[scan.topic].differing(self.of_bronze(scan.topic))
            if held.get(block.place, Holding()).offsets & OffsetSet.span(block.start, block.start + BLOCK)
        ]
        for number, block in enumerate(blocks):
            if found.differing >= _SHOWN:
                left = len(blocks) - number
                found.examples.append(f"perhaps more of {scan.topic} in {left:,} times {BLOCK:,} offsets")
                return
            compared = compare(self._pair(block), _SHOWN)
            found.differing += compared.differing
            for example in compared.examples:
                if example.kind == DIFFERS:
                    found.examples += _lines(example)

    def _pair(self, block: Block) -> Pair:
        topic, topic_id, partition = block.place
        spans = {partition: (block.start, block.start + BLOCK)}
        raw = {
            Place(row["_partition"], row["_offset"])
            for rows in self._bronze.rows(topic, topic_id, spans)
            for row in rows
            if row["_error"] is not None
        }

        def in_bronze(spans: Spans) -> Iterator[list[dict[str, Any]]]:
            for rows in self._bronze.rows(topic, topic_id, spans):
                yield [plain(row) for row in rows]

        def in_kafka(spans: Spans) -> Iterator[list[dict[str, Any]]]:
            for records in self._records(topic, spans):
                for batch in batches_of(records, topic_id, self._writers[topic], raw):
                    yield [plain(row) for row in batch.to_pylist()]

        def store(name: str, rows: Callable[[Spans], Iterator[list[dict[str, Any]]]]) -> RowStore:
            return RowStore(name, topic, spans, rows)

        return Pair(topic, store("kafka", in_kafka), store("bronze", in_bronze))

    def _records(self, topic: str, spans: Spans) -> Iterator[list[Record]]:
        partitions = [TopicPartition(topic, partition) for partition in spans]
        ends = self._broker.admin().end_offsets(partitions, committed_only=True)
        starts = {tp: spans[tp.partition][0] for tp in partitions}
        stops = {tp: min(spans[tp.partition][1], ends[tp]) for tp in partitions}
        return span(self._broker, starts, stops, self._clock)


def _lines(example: Example) -> Iterator[str]:
    """Yield a record that differs, and its fields, for people."""
    yield f"differs {example.about}"
    for each in example.fields[:_MOST_FIELDS]:
        yield f"  {each.pointer}: kafka {_short(each.live)}, bronze {_short(each.replayed)}"
    if len(example.fields) > _MOST_FIELDS:
        yield f"  and {len(example.fields) - _MOST_FIELDS} fields more"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]} ... ({len(text)} characters)"
