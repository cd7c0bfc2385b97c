"""The producer on librdkafka; its contract stands in streamkit.broker."""

from typing import Any

import confluent_kafka as ck
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import OnDelivered
from streamkit.errors import RetryableError
from streamkit.kafka.faults import Refusals, meaning
from streamkit.kafka.settings import Settings
from streamkit.records import Headers

# librdkafka's "let the partitioner choose" (RD_KAFKA_PARTITION_UA).
_BY_KEY = -1


class KafkaProducer:
    """Writes records, idempotently; see streamkit.broker.Producer."""

    def __init__(self, settings: Settings, refusals: Refusals) -> None:
        self._producer: Any = ck.Producer({**settings, "error_cb": refusals})
        self._refusals = refusals
        self._failure: KafkaError | None = None
        self._closed = False

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
        callback = self._callback(on_delivered)
        listed = headers if headers.__class__ is list else list(headers)
        place = _BY_KEY if partition is None else partition
        while True:
            try:
                self._producer.produce(topic, value, key, place, callback, None, timestamp_ms, listed)
            except BufferError:
                self._producer.poll(0.01)
            except KafkaException as exception:
                raise meaning(exception.args[0], f"writing to {topic}") from exception
            else:
                return

    def flush(self, timeout_s: float) -> None:
        left = self._producer.flush(timeout_s)
        self._refusals.check()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise meaning(failure, "writing")
        if left:
            raise RetryableError(f"{left} records were not stored within {timeout_s:g} s")

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._producer.purge()
        self._producer.flush(1)
        self._producer = None

    def _callback(self, on_delivered: OnDelivered | None) -> object:
        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self._failure = error
            elif on_delivered is not None:
                on_delivered(message.partition(), message.offset())

        return delivered
