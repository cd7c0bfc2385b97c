"""What reading alone costs: a consumer that does nothing, and a sink that keeps nothing."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import confluent_kafka as ck

from benchmarks.replay.cost import Cost
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.sink import SinkSpec, run_sink
from streamkit.testing.settings import TestedSettings

_AT_ONCE: Final = 10_000
_SILENT_S: Final = 60.0


def null_consumer(servers: str, topic: str, records: int) -> Cost:
    """Read a topic that holds so many records with confluent-kafka alone, read_committed; decode nothing.

    Time counts from the first batch in hand, which is left out.

    Raises:
        RuntimeError: the records do not come.
    """
    consumer = ck.Consumer(
        {"bootstrap.servers": servers, "group.id": "bench-null", "isolation.level": "read_committed"}
    )
    partitions = consumer.list_topics(topic, 10).topics[topic].partitions
    consumer.assign([ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for p in partitions])
    try:
        seen = first = len(consumer.consume(_AT_ONCE, 10))
        begun, cpu, last = time.perf_counter(), time.process_time(), time.monotonic()
        while seen < records:
            got = len(consumer.consume(min(_AT_ONCE, records - seen), 1))
            seen += got
            last = time.monotonic() if got else last
            if time.monotonic() - last > _SILENT_S:
                raise RuntimeError(f"{topic} gave {seen:,} of {records:,} records")
        return Cost(seen - first, time.perf_counter() - begun, time.process_time() - cpu)
    finally:
        consumer.close()


class Nothing:
    """A destination that keeps nothing; see streamkit.sink.Destination."""

    def __init__(self) -> None:
        self._first = 0
        self._seen = 0
        self._begun = (0.0, 0.0)

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Begin at the beginning."""
        return Positions(dict.fromkeys(partitions, 0))

    def write(self, batch: Sequence[Record]) -> None:
        """Count; the clocks start behind the first batch."""
        self._seen += len(batch)
        if not self._first:
            self._first = len(batch)
            self._begun = time.perf_counter(), time.process_time()

    def commit(self, positions: Positions) -> None:
        """Forget."""

    def close(self) -> None:
        """Hold nothing."""

    def cost(self) -> Cost:
        """Return what was counted."""
        seconds, cpu_s = (now - then for now, then in zip(_clocks(), self._begun, strict=True))
        return Cost(self._seen - self._first, seconds, cpu_s)


def empty_sink(servers: str, topic: str, group: str, folder: Path) -> Cost:
    """Run streamkit's sink loop over a topic into nothing; blocks."""
    broker, nothing = KafkaBroker(servers), Nothing()
    settings = TestedSettings(folder, bootstrap_servers=servers)
    bounded = Bounded(present_ends(broker, (topic,)))
    run_sink(SinkSpec(group, (topic,), nothing), settings, broker=broker, bounded=bounded)
    return nothing.cost()


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
