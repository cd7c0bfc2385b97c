"""The producers on librdkafka; their contracts stand in streamkit.broker."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import confluent_kafka as ck
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import AbortableError, AwayError, OnDelivered
from streamkit.errors import FencedError, RetryableError, StopError, StreamkitError
from streamkit.kafka.faults import Refusals, explained, meaning
from streamkit.kafka.settings import COMMIT_TIMEOUT_S, REQUEST_TIMEOUT_S, Settings
from streamkit.records import Headers, TopicPartition

# librdkafka's "let the partitioner choose" (RD_KAFKA_PARTITION_UA).
_BY_KEY = -1
# Of a transaction so many records are held, none of them of more bytes than this.
_MOST_HELD = 64
_LARGE = 100_000

_Message = tuple[
    str, bytes | None, bytes | None, int, object, None, int, Headers | list[tuple[str, bytes]]
]  # as `produce` takes it


class KafkaProducer:
    """Writes records, idempotently; see streamkit.broker.Producer."""

    def __init__(self, settings: Settings, refusals: Refusals) -> None:
        self._producer: Any = ck.Producer({**settings, "error_cb": refusals})
        self._refusals = refusals
        self._failure: KafkaError | None = None
        self._closed = False
        self._transactional = "transactional.id" in settings

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | list[tuple[str, bytes]] = (),
        timestamp_ms: int = 0,
        partition: int | None = None,
        on_delivered: OnDelivered | None = None,
    ) -> None:
        self._put(
            (
                topic,
                value,
                key,
                _BY_KEY if partition is None else partition,
                # A transaction's commit reports what was not stored, so its records need no callback.
                None if self._transactional and on_delivered is None else self._callback(on_delivered),
                None,
                timestamp_ms,
                headers if headers.__class__ is list else list(headers),
            )
        )

    def _put(self, message: _Message) -> None:
        """Queue a record in the client; waits while its queue is full."""
        while True:
            try:
                self._producer.produce(*message)
            except BufferError:
                self._producer.poll(0.01)
            except KafkaException as exception:
                raise self._meaning(exception.args[0], f"writing to {message[0]}") from exception
            else:
                return

    def send_many(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        batch: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in records]
        while batch:
            try:
                queued = self._producer.produce_batch(topic, batch, partition)
            except KafkaException as exception:
                raise self._meaning(exception.args[0], f"writing to {topic}") from exception
            if queued == len(batch):
                return
            left = [message for message in batch if "_error" in message]
            for message in left:
                if message["_error"].code() != KafkaError._QUEUE_FULL:
                    raise self._meaning(message["_error"], f"writing to {topic}")
            batch = [{"key": message["key"], "value": message["value"]} for message in left]
            self._producer.poll(0.01)

    def flush(self, timeout_s: float) -> None:
        left = self._producer.flush(timeout_s)
        self._refusals.check()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise self._meaning(failure, "writing")
        if left:
            raise RetryableError(f"{left} records were not stored within {timeout_s:g} s")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._producer.purge()
        # A fenced client refuses even this; there is nothing left to save.
        with suppress(KafkaException):
            self._producer.flush(1)
        # Released without its own `close`, which would wait for the broker to end an open transaction.
        self._producer = None

    def _meaning(self, error: KafkaError, doing: str) -> StreamkitError:
        return meaning(error, doing)

    def _callback(self, on_delivered: OnDelivered | None) -> object:
        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self._failure = error
            elif on_delivered is not None:
                on_delivered(message.partition(), message.offset())

        return delivered


class KafkaTransactionalProducer(KafkaProducer):
    """Writes records and positions atomically; see streamkit.broker.TransactionalProducer.

    The first records of a transaction are handed to the client together, when they have all been made.
    librdkafka asks the broker to add each partition that it sees for the first time, while others of the
    same transaction are still being made: 2.6 such requests for a transaction of six records, one so.
    """

    def __init__(self, settings: Settings, refusals: Refusals) -> None:
        super().__init__(settings, refusals)
        self._initialized = self._began = 0.0
        self._held: list[_Message] = []
        self._holding = False

    def init(self) -> None:
        with explained("taking over the transactional id"):
            self._producer.init_transactions(3 * REQUEST_TIMEOUT_S)
        self._take_news()
        self._initialized = time.monotonic()

    def check(self) -> None:
        # librdkafka 2.16 may wait for ever in send_offsets_to_transaction, whatever its timeout, when the
        # group's coordinator went away and came back since it was last asked.
        self._take_news()
        if self._refusals.unreached > self._initialized:
            raise AwayError("Kafka could not be reached: what this client would begin now might never end")

    def begin(self) -> None:
        self._refusals.check()
        self._began = time.monotonic()
        with self._deciding("beginning a transaction"):
            self._producer.begin_transaction()
        # What an earlier transaction that was never ended still held is not part of this one.
        self._held = []
        self._holding = True

    def _put(self, message: _Message) -> None:
        if not self._holding:
            super()._put(message)
        elif _bytes_of(message) < _LARGE:
            self._held.append(message)
            if len(self._held) == _MOST_HELD:
                self._release()
        else:  # what may be too large is told at once, to whoever sends it
            self._release()
            super()._put(message)

    def _release(self) -> None:
        """Hand on what is held; what follows in this transaction is handed on at once."""
        self._holding = False
        held, self._held = self._held, []
        for message in held:
            super()._put(message)

    def send_many(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        self._release()
        super().send_many(topic, partition, records)

    def flush(self, timeout_s: float) -> None:
        self._release()
        super().flush(timeout_s)

    def send_offsets(self, positions: Mapping[TopicPartition, int], group_metadata: object) -> None:
        self._release()
        offsets = [ck.TopicPartition(tp.topic, tp.partition, offset) for tp, offset in positions.items()]
        with self._deciding("adding positions to the transaction"):
            self._producer.send_offsets_to_transaction(offsets, group_metadata, COMMIT_TIMEOUT_S)

    def commit(self) -> None:
        self._release()
        with self._deciding("committing the transaction"):
            self._producer.commit_transaction(COMMIT_TIMEOUT_S)

    def abort(self) -> None:
        self._held = []
        self._holding = False
        with self._deciding("aborting the transaction"):
            self._producer.abort_transaction(COMMIT_TIMEOUT_S)

    @contextmanager
    def _deciding(self, doing: str) -> Iterator[None]:
        """As `explained`; what is neither abortable nor refused leaves the outcome unknown."""
        try:
            yield
        except KafkaException as exception:
            error = self._meaning(exception.args[0], doing)
            if not isinstance(error, AbortableError | FencedError | StopError):
                error = AwayError(f"{error.message.rstrip('.')}; how it ended is not known")
            raise error from exception

    def _meaning(self, error: KafkaError, doing: str) -> StreamkitError:
        found = super()._meaning(error, doing)
        if not isinstance(found, FencedError) or error.code() == KafkaError.FENCED_INSTANCE_ID:
            return found
        self._take_news()
        if self._refusals.unreached < self._began:
            return found
        # Not another process: a broker that comes back ends transactions that are older than their timeout.
        return AwayError(f"Kafka was away, and has ended the transaction meanwhile ({error.str()})")

    def _take_news(self) -> None:
        """Let the client tell what it knows of the broker by now."""
        with suppress(KafkaException):  # a fenced client raises that again, having told
            self._producer.poll(0)


def _bytes_of(message: _Message) -> int:
    _, value, key, _, _, _, _, headers = message
    return (
        len(value or b"")
        + len(key or b"")
        + sum(len(name) + len(content or b"") for name, content in headers)
    )
