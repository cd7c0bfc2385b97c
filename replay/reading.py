"""Reads a part of topics outside any group, committed records only."""

from collections.abc import Callable, Iterator, Mapping

from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

_RECORDS_AT_ONCE = 10_000
_SILENT_S = 30.0

Told = Callable[[int], None]
"""Told how many records were read just now."""


def span(
    broker: Broker,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    clock: Clock,
    told: Told,
) -> Iterator[list[Record]]:
    """Yield the records from `starts` to before `ends` in pieces, each partition in order; blocks.

    Raises:
        RetryableError: the broker is away, or brings nothing for 30 s.
    """
    left = {tp: starts.get(tp, 0) for tp, end in ends.items() if starts.get(tp, 0) < end}
    if not left:
        return
    consumer = broker.consumer()
    deadline = clock.monotonic() + _SILENT_S
    try:
        consumer.assign(left)
        while left:
            polled = consumer.consume(_RECORDS_AT_ONCE, 0.1)
            records = [record for record in polled.records if record.offset < ends[record.tp]]
            if records:
                told(len(records))
                yield records
            for record in polled.records:
                if record.offset + 1 >= ends[record.tp]:
                    left.pop(record.tp, None)
            for tp, end in polled.ends.items():
                if end >= ends.get(tp, 0):
                    left.pop(tp, None)
            if polled.records:
                deadline = clock.monotonic() + _SILENT_S
            elif clock.monotonic() > deadline:
                raise RetryableError(f"Kafka brought nothing for {_SILENT_S:.0f} s: {sorted(left)}")
    finally:
        consumer.close()


def whole(broker: Broker, topic: str) -> tuple[Positions, Positions]:
    """Return where a topic begins and where it ends now; nothing when there is no such topic."""
    admin = broker.admin()
    info = admin.topics([topic]).get(topic)
    partitions = [TopicPartition(topic, p) for p in range(info.partitions)] if info is not None else []
    return admin.start_offsets(partitions), admin.end_offsets(partitions, committed_only=True)
