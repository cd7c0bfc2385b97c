"""Load the history straight into Kafka: each event once, each partition in event-time order.

Every batch is one transaction that also moves the offsets of the group `traffic.history`. They are the
progress: the offset of partition 0 of a topic is the number of its events loaded so far. A load that was cut
short goes on behind its last batch, in this process or another, and one that is complete does nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from payments.simulator import CLICKS, FRAUD_REPORTS, TRANSACTIONS, Arrival
from streamkit.broker import Broker, Member, TransactionalProducer
from streamkit.clock import Clock
from streamkit.records import TopicPartition
from traffic.envelope import Envelope

GROUP = "traffic.history"
TOPICS = (TRANSACTIONS, CLICKS, FRAUD_REPORTS)
BATCH = 8_000
"""Events in one transaction; about half a second's, because a transaction may be open for five."""

Progress = Callable[[int, int], None]
"""Told after each batch how many events are loaded, and the event time (ms) of the last one."""


def load(
    broker: Broker,
    envelopes: Mapping[str, Envelope],
    arrivals: Iterable[Arrival],
    clock: Clock,
    progress: Progress = lambda _events, _event_ms: None,
) -> int:
    """Write what is missing of `arrivals` and return how many events that was. Blocks.

    Args:
        broker: where to.
        envelopes: how to write an event, by topic.
        arrivals: the whole history, the same at every call.
        clock: gives the ingest time, which is the Kafka timestamp.
        progress: told after each batch.

    Raises:
        RetryableError: Kafka is away; call again.
        FencedError: another process loads the same history.
    """
    partitions = [TopicPartition(topic, 0) for topic in TOPICS]
    producer = broker.transactional_producer(GROUP)
    member = broker.consumer(Member(GROUP))
    try:
        producer.init()  # aborts what an earlier load left open, so the offsets read next are final
        done = Counter({tp.topic: offset for tp, offset in member.committed(partitions).items()})
        before = done.total()
        for batch in _batches(_behind(arrivals, done)):
            producer.begin()
            last_ms = _send(producer, envelopes, batch, clock.now_ms())
            done.update(arrival.topic for arrival in batch)
            positions = {tp: done[tp.topic] for tp in partitions if done[tp.topic]}
            producer.send_offsets(positions, member.group_metadata())
            producer.commit()
            progress(done.total(), last_ms)
        return done.total() - before
    finally:
        member.close()
        producer.close()


def loaded(broker: Broker) -> dict[str, int]:
    """How many events of each topic a `load` has written so far."""
    offsets = broker.admin().group_offsets(GROUP, [TopicPartition(topic, 0) for topic in TOPICS])
    return {tp.topic: offset for tp, offset in offsets.items()}


def _behind(arrivals: Iterable[Arrival], done: Mapping[str, int]) -> Iterator[Arrival]:
    seen: Counter[str] = Counter()
    for arrival in arrivals:
        seen[arrival.topic] += 1
        if seen[arrival.topic] > done.get(arrival.topic, 0):
            yield arrival


def _batches(arrivals: Iterator[Arrival]) -> Iterator[list[Arrival]]:
    while batch := list(islice(arrivals, BATCH)):
        yield batch


def _send(
    producer: TransactionalProducer, envelopes: Mapping[str, Envelope], batch: list[Arrival], now_ms: int
) -> int:
    for arrival in batch:
        key, value, headers = envelopes[arrival.topic].wrap(arrival.value, now_ms)
        producer.send(arrival.topic, key, value, headers, now_ms)
    return batch[-1].due_ms
