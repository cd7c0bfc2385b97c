"""Reads topics outside any group, committed records only: a part of them, or what one holds now."""

from collections.abc import Callable, Iterator, Mapping

from streamkit.broker import Broker, Polled
from streamkit.clock import Clock, SystemClock
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

SILENT_S = 20.0
"""How long the broker may bring nothing before that is an error."""

_RECORDS_AT_ONCE = 10_000
# A poll waits for so many. The last one of a reading waits in vain, and a small topic has no other.
_GATHER_S = 0.02

Told = Callable[[int], None]
"""Told how many records were read just now."""


def _nobody(count: int) -> None:
    del count


def span(
    broker: Broker,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    clock: Clock,
    told: Told = _nobody,
) -> Iterator[list[Record]]:
    """Yield the records from `starts` to before `ends` in pieces, each partition in order; blocks.

    Raises:
        RetryableError: the broker is away, or brings nothing of what is still missing for 20 s.
    """
    left = {tp: starts.get(tp, 0) for tp, end in ends.items() if starts.get(tp, 0) < end}
    if not left:
        return
    consumer = broker.consumer()
    deadline = clock.monotonic() + SILENT_S
    try:
        consumer.assign(left)
        while left:
            polled = consumer.consume(_RECORDS_AT_ONCE, _GATHER_S)
            records = [record for record in polled.records if record.offset < ends[record.tp]]
            if records:
                told(len(records))
                yield records
            brought = any(record.tp in left for record in polled.records)
            done = _finished(polled, ends) & left.keys()
            for tp in done:
                del left[tp]
            if done and left:
                consumer.pause(done)  # else what follows there keeps coming, for nothing
            if brought:
                deadline = clock.monotonic() + SILENT_S
            elif left and clock.monotonic() > deadline:
                missing = ", ".join(f"{tp.topic}/{tp.partition}" for tp in sorted(left))
                raise RetryableError(f"Kafka brought nothing for {SILENT_S:.0f} s, of {missing}")
    finally:
        consumer.close()


def _finished(polled: Polled, ends: Mapping[TopicPartition, int]) -> set[TopicPartition]:
    """Return the partitions whose ends were reached just now."""
    reached = {record.tp for record in polled.records if record.offset + 1 >= ends[record.tp]}
    return reached | {tp for tp, end in polled.ends.items() if end >= ends.get(tp, 0)}


def whole(broker: Broker, topic: str) -> tuple[Positions, Positions]:
    """Return where a topic begins and where it ends now; nothing when there is no such topic."""
    admin = broker.admin()
    info = admin.topics([topic]).get(topic)
    partitions = [TopicPartition(topic, p) for p in range(info.partitions)] if info is not None else []
    return admin.start_offsets(partitions), admin.end_offsets(partitions, committed_only=True)


def read_to_end(broker: Broker, topic: str, clock: Clock | None = None) -> Iterator[Record]:
    """Yield the records of every partition of a topic, each partition in order, up to its present ends.

    Blocks. A topic that does not exist is empty. Raises as `span` does.
    """
    starts, ends = whole(broker, topic)
    for records in span(broker, starts, ends, clock or SystemClock()):
        yield from records
