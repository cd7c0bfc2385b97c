"""The consumer on librdkafka; the contract stands in streamkit.broker.Consumer."""

import gc
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import confluent_kafka as ck
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import OnAssigned, OnRevoked, Polled
from streamkit.errors import StreamkitError
from streamkit.kafka.faults import Refusals, coordinated, explained, meaning
from streamkit.kafka.settings import (
    REQUEST_TIMEOUT_S,
    STABLE_OFFSETS_TIMEOUT_S,
    Settings,
)
from streamkit.positions import Positions
from streamkit.records import Headers, Record, TopicPartition

UNREADABLE_NAME = "\ufffd"
"""The name of a header whose own is not UTF-8; Kafka says it is, but no broker checks."""


class KafkaConsumer:
    """Reads committed records; see streamkit.broker.Consumer."""

    def __init__(self, settings: Settings, refusals: Refusals) -> None:
        # The client's own types call everything of a message optional.
        self._consumer: Any = ck.Consumer({**settings, "error_cb": refusals})
        self._refusals = refusals
        self._closing = False
        self._group_metadata: object = None

    def subscribe(self, topics: Sequence[str], on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        def assigned(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            if self._closing:
                # A rebalance that ends while we leave: librdkafka wants an answer, and takes it back.
                consumer.assign(partitions)
                return
            tps = [TopicPartition(p.topic, p.partition) for p in partitions]
            starts = on_assigned(tps) if tps else {}
            self._group_metadata = consumer.consumer_group_metadata()
            placed = [_at(tp, starts.get(tp, ck.OFFSET_BEGINNING)) for tp in tps]
            consumer.assign(placed)
            consumer.pause(placed)

        def taken(consumer: ck.Consumer, partitions: list[ck.TopicPartition], *, lost: bool) -> None:
            on_revoked([TopicPartition(p.topic, p.partition) for p in partitions], lost)
            consumer.unassign()

        def revoked(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            taken(consumer, partitions, lost=False)

        def lost(consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
            taken(consumer, partitions, lost=True)

        with explained("subscribing"):
            self._consumer.subscribe(list(topics), on_assign=assigned, on_revoke=revoked, on_lost=lost)

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        with explained("assigning"):
            self._consumer.assign([_at(tp, offset) for tp, offset in positions.items()])

    def consume(self, max_records: int, timeout_s: float) -> Polled:
        self._refusals.check()
        with explained("reading"):
            messages = self._consumer.consume(max_records, timeout_s)
        records: list[Record] = []
        ends: dict[TopicPartition, int] = {}
        append = records.append
        for message in messages:
            if message.error() is not None:
                _take_end(message, ends)
                continue
            append(
                Record(
                    message.topic(),
                    message.partition(),
                    message.offset(),
                    message.timestamp()[1],
                    message.key(),
                    message.value(),
                    _headers_of(message),
                )
            )
        return Polled(records, ends)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                self._consumer.seek(_at(tp, offset))
            except KafkaException as exception:
                # A partition that was assigned a moment ago is not being fetched yet.
                if exception.args[0].code() != KafkaError._STATE or time.monotonic() > deadline:
                    raise meaning(exception.args[0], f"seeking in {tp.topic}/{tp.partition}") from exception
                time.sleep(0.005)
            else:
                return

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        with explained("pausing"):
            self._consumer.pause([ck.TopicPartition(*tp) for tp in partitions])

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        with explained("resuming"):
            self._consumer.resume([ck.TopicPartition(*tp) for tp in partitions])

    def committed(self, partitions: Sequence[TopicPartition]) -> Positions:
        wanted = [ck.TopicPartition(*tp) for tp in partitions]
        with explained("asking for committed offsets"):
            answer = coordinated()(self._consumer.committed, wanted, STABLE_OFFSETS_TIMEOUT_S)
        for entry in answer:
            if entry.error is not None:
                raise meaning(
                    entry.error, f"asking for the committed offset of {entry.topic}/{entry.partition}"
                )
        return Positions({TopicPartition(e.topic, e.partition): e.offset for e in answer if e.offset >= 0})

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        with explained("committing offsets"):
            self._consumer.commit(
                offsets=[_at(tp, offset) for tp, offset in positions.items()], asynchronous=True
            )

    def group_metadata(self) -> object:
        # As of the last assignment: to commit in a generation that was not told yet would be to commit for
        # partitions that may be somebody else's. And librdkafka asks another thread for it each time.
        if self._group_metadata is None:
            self._group_metadata = self._consumer.consumer_group_metadata()
        return self._group_metadata

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            with explained("leaving the group"):
                self._consumer.close()


def _at(tp: TopicPartition, offset: int) -> ck.TopicPartition:
    return ck.TopicPartition(tp.topic, tp.partition, offset)


def _headers_of(message: Any) -> Headers:
    """Return a message's headers. Kafka allows one without a value: to us that is an empty one."""
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):
        headers = _with_names(message)
    if not headers:
        return ()
    # Almost no record has such a header, so making all of them anew is left to the one that does.
    for _, value in headers:
        if value is None:
            return tuple([(name, content or b"") for name, content in headers])
    return tuple(headers)


def _with_names(message: Any) -> Headers:
    """Return the headers of a message of which one has a name that is not UTF-8, named UNREADABLE_NAME.

    The client raises for such a message, once; asked again, it gives what it has made: a pair for each
    header, whose place for the name is left empty where it could not be read. To touch an empty place ends
    the process, so what is in a pair is asked of the collector, which passes over empty ones. Other headers
    keep their names: among them is whose record it is.
    """
    found = []
    for pair in message.headers():
        names = [each for each in gc.get_referents(pair) if isinstance(each, str)]
        found.append((names[0] if names else UNREADABLE_NAME, pair[1]))
    return tuple(found)


def _take_end(message: Any, ends: dict[TopicPartition, int]) -> None:
    error = message.error()
    topic, partition = message.topic(), message.partition()
    if error.code() == KafkaError._PARTITION_EOF:
        ends[TopicPartition(topic, partition)] = message.offset()
        return
    problem: StreamkitError = meaning(error, "reading")
    problem.topic, problem.partition = topic, partition if partition is not None and partition >= 0 else None
    raise problem
