"""Reads a small topic from its beginning to its present end, outside any group."""

from collections.abc import Iterator

from streamkit.broker import Broker
from streamkit.clock import Clock, SystemClock
from streamkit.errors import RetryableError
from streamkit.records import Record, TopicPartition

TIMEOUT_S = 20.0
"""How long the topic may bring nothing before that is an error."""


def read_to_end(broker: Broker, topic: str, clock: Clock | None = None) -> Iterator[Record]:
    """Yield the committed records of every partition, each partition in order, up to the present ends.

    Blocks. A topic that does not exist is empty.

    Raises:
        RetryableError: nothing came for 20 s before the ends were reached.
    """
    clock = clock or SystemClock()
    info = broker.admin().topics([topic]).get(topic)
    if info is None:
        return
    left = {TopicPartition(topic, partition) for partition in range(info.partitions)}
    consumer = broker.consumer()
    deadline = clock.monotonic() + TIMEOUT_S
    try:
        consumer.assign(dict.fromkeys(left, 0))
        while left:
            polled = consumer.consume(1000, 0.1)
            yield from polled.records
            left -= set(polled.ends)
            if polled.records:
                deadline = clock.monotonic() + TIMEOUT_S
            elif clock.monotonic() > deadline:
                raise RetryableError(f"{topic} could not be read to its end within {TIMEOUT_S:.0f} s.")
    finally:
        consumer.close()
