"""An idempotent producer for asyncio: batches in, one future per batch, delivery reports in bulk.

librdkafka's callbacks run in one thread of ours that polls. It gathers all batches that became complete in
one poll and wakes the event loop once for them: a wake-up per record would cost more than the record.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from threading import Thread
from typing import Any, Final, NamedTuple

import confluent_kafka as ck
from confluent_kafka import KafkaError, KafkaException

from streamkit.errors import RetryableError
from streamkit.kafka.faults import Refusals, explained
from streamkit.kafka.settings import Settings

Message = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers of a record."""

# librdkafka's "let the partitioner choose" (RD_KAFKA_PARTITION_UA).
_BY_KEY: Final = -1
_POLL_S: Final = 0.1
_SWEEP_S: Final = 0.25
# How long after librdkafka's own timeout a batch without a report is given up.
_GRACE_S: Final = 0.5

_PERMANENT: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.INVALID_RECORD,
    }
)


class Undelivered(NamedTuple):
    """Why a record was not acknowledged. It may be stored all the same when the reason is a timeout."""

    code: str
    text: str
    retryable: bool


Outcome = tuple[int, int] | Undelivered
"""(partition, offset) of an acknowledged record, or why there is no acknowledgement."""


class _Batch:
    """The outcomes of one `send`; `reported` grows in the poll thread only, `refused` in the loop only."""

    __slots__ = ("deadline", "future", "outcomes", "refused", "reported", "sent_at")

    def __init__(
        self, size: int, future: "asyncio.Future[list[Outcome]]", now: float, timeout: float
    ) -> None:
        self.outcomes: list[Outcome | None] = [None] * size
        self.reported = 0
        self.refused = 0
        self.future = future
        self.sent_at = now
        self.deadline = now + timeout

    def complete(self) -> bool:
        return self.reported + self.refused == len(self.outcomes)


class AsyncProducer:
    """Writes batches of records with acks=all. Used from one event loop, whose thread made it.

    `delivery_timeout_s` bounds how long a record may wait for its acknowledgement, retries included; the
    future of a batch is done at most a second later, whatever the broker does.
    """

    def __init__(self, settings: Settings, refusals: Refusals, delivery_timeout_s: float) -> None:
        self._producer: Any = ck.Producer(
            {**settings, "message.timeout.ms": int(delivery_timeout_s * 1000), "error_cb": refusals}
        )
        self._timeout = delivery_timeout_s + _GRACE_S
        self._loop = asyncio.get_running_loop()
        self._pending: dict[_Batch, None] = {}
        self._complete: list[_Batch] = []
        self._closing = False
        self._last_report = time.monotonic()
        self._thread = Thread(target=self._poll, name="delivery-reports", daemon=True)
        self._thread.start()
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def send(
        self, topic: str, messages: Sequence[Message], timestamp_ms: int
    ) -> "asyncio.Future[list[Outcome]]":
        """Queue records in order; return a future of one outcome per record, in the same order.

        Never blocks and never raises for a record: one that cannot be queued has its reason as its outcome.
        Without an answer from Kafka the outcome is `timed_out`, and the record may have been stored.
        """
        now = time.monotonic()
        batch = _Batch(len(messages), self._loop.create_future(), now, self._timeout)
        if not messages:
            batch.future.set_result([])
            return batch.future
        self._pending[batch] = None
        produce, report = self._producer.produce, self._report
        for index, (key, value, headers) in enumerate(messages):
            try:
                produce(
                    topic, value, key, _BY_KEY, partial(report, batch, index), None, timestamp_ms, headers
                )
            except BufferError:
                self._refuse(batch, index, Undelivered("queue_full", "The producer's queue is full.", True))
            except KafkaException as exception:
                self._refuse(batch, index, _undelivered(exception.args[0]))
        if batch.refused and batch.complete():
            self._resolve([batch])
        return batch.future

    @property
    def stalled_for_s(self) -> float:
        """Seconds for which records have waited without any report from Kafka; 0 when none waits."""
        oldest = next(iter(self._pending), None)
        if oldest is None:
            return 0.0
        return max(0.0, time.monotonic() - max(oldest.sent_at, self._last_report))

    def probe(self, topic: str, timeout_s: float) -> None:
        """Ask Kafka about a topic. Blocks up to `timeout_s` (call it in a thread); raises RetryableError."""
        with explained(f"asking about topic {topic}"):
            metadata = self._producer.list_topics(topic, timeout_s).topics[topic]
        if metadata.error is not None:
            raise RetryableError(f"Topic {topic} cannot be written: {metadata.error.str()}", topic=topic)

    async def close(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for outstanding reports, then release; the rest may be lost."""
        futures = [batch.future for batch in self._pending]
        if futures:
            await asyncio.wait(futures, timeout=timeout_s)
        self._sweeper.cancel()
        self._closing = True
        await asyncio.to_thread(self._thread.join)
        self._producer.purge()
        await asyncio.to_thread(self._producer.flush, 1)

    def _report(self, batch: _Batch, index: int, error: KafkaError | None, message: Any) -> None:
        # In the poll thread, for each record: every nanosecond here is one of all events.
        batch.outcomes[index] = (
            (message.partition(), message.offset()) if error is None else _undelivered(error)
        )
        batch.reported += 1
        if batch.reported + batch.refused == len(batch.outcomes):
            self._complete.append(batch)

    def _refuse(self, batch: _Batch, index: int, reason: Undelivered) -> None:
        batch.outcomes[index] = reason
        batch.refused += 1

    def _poll(self) -> None:
        while not self._closing:
            if self._producer.poll(_POLL_S):
                self._last_report = time.monotonic()
            if self._complete:
                # Only this thread appends and takes, so nothing can come in between.
                batches, self._complete = self._complete, []
                self._loop.call_soon_threadsafe(self._resolve, batches)

    def _resolve(self, batches: list[_Batch]) -> None:
        for batch in batches:
            self._answer(batch, batch.outcomes)  # type: ignore[arg-type]

    def _answer(self, batch: _Batch, outcomes: list[Outcome]) -> None:
        self._pending.pop(batch, None)
        if not batch.future.done():
            batch.future.set_result(outcomes)

    def _sweep(self) -> None:
        """Give up batches without all their reports, so that nobody waits for ever."""
        now = time.monotonic()
        for batch in [b for b in self._pending if b.deadline < now]:
            late = Undelivered("timed_out", "Kafka did not answer in time.", True)
            # A list of its own: reports that come later still write into the batch's.
            self._answer(batch, [late if outcome is None else outcome for outcome in batch.outcomes])
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)


def _undelivered(error: KafkaError) -> Undelivered:
    code = error.code()
    if code in {KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}:
        return Undelivered("timed_out", "Kafka did not answer in time.", True)
    return Undelivered(error.name().lstrip("_").lower(), error.str(), code not in _PERMANENT)
