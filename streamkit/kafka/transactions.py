"""The transactional producer: Kafka's second transaction protocol (KIP-890), in as few requests as it takes.

A transaction is one request for the records of all partitions that a broker leads, sent together with one for
the positions, and one to end it. No partition is announced beforehand: the broker adds to a transaction what
is written to. Each end raises the epoch, so nothing that was sent for one transaction can reach the next.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TypeVar

import confluent_kafka as ck
from kio.schema.end_txn.v5.request import EndTxnRequest
from kio.schema.end_txn.v5.response import EndTxnResponse
from kio.schema.errors import ErrorCode
from kio.schema.init_producer_id.v5.request import InitProducerIdRequest
from kio.schema.init_producer_id.v5.response import InitProducerIdResponse
from kio.schema.produce.v12.response import ProduceResponse
from kio.schema.txn_offset_commit.v5.request import TxnOffsetCommitRequest
from kio.schema.txn_offset_commit.v5.response import TxnOffsetCommitResponse
from kio.schema.types import ProducerId, TransactionalId
from kio.static.primitive import i16, i32Timedelta
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from streamkit.broker import AbortableError, AwayError, OnDelivered, TooLargeError
from streamkit.errors import FencedError, RetryableError, StopError, StreamkitError
from streamkit.kafka.batches import BATCH_BYTES, Batch, produce_request
from streamkit.kafka.cluster import GROUP, TRANSACTION, Cluster
from streamkit.kafka.faults import OldEpochError, PassingError, check
from streamkit.kafka.place import offsets_request
from streamkit.kafka.settings import COMMIT_TIMEOUT_S, REQUEST_TIMEOUT_S, TRANSACTION_TIMEOUT_MS
from streamkit.kafka.wire import Pending
from streamkit.records import MAX_RECORD_BYTES, Headers, TopicPartition, size_of

_STORED = {ErrorCode.none, ErrorCode.duplicate_sequence_number}
_TIMEOUT = i32Timedelta.parse(dt.timedelta(milliseconds=TRANSACTION_TIMEOUT_MS))

Asked = TypeVar("Asked")
Sent = list[tuple[Pending[ProduceResponse], list[Batch]]]


class KafkaTransactionalProducer:
    """Writes records and positions atomically; see streamkit.broker.TransactionalProducer.

    Used by one thread. An AwayError leaves the transaction's outcome open, and this producer behind: a new
    one's `init` settles it.
    """

    def __init__(self, cluster: Cluster, transactional_id: str) -> None:
        self._cluster = cluster
        self._id = TransactionalId(transactional_id)
        self._producer = (-1, -1)
        self._turn = 0
        self._batches: dict[TopicPartition, Batch] = {}
        self._sequences: dict[TopicPartition, int] = {}
        self._bytes = 0
        self._sent: Sent = []
        self._touched = self._broken = False
        self._since = 0.0

    def init(self) -> None:
        try:
            self._retrying(REQUEST_TIMEOUT_S, PassingError, AwayError)(self._take_over)
        except PassingError as error:
            raise AwayError(error.message, hint=error.hint) from error

    def begin(self) -> None:
        if self._touched:
            # Its records would be numbered as those of the open one are, and be taken for their repeats.
            raise AwayError("the last transaction was not ended: a new producer has to settle it")
        self._begin_afresh()
        self._cluster.idle()

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
        listed = headers if headers.__class__ is list else list(headers)
        if size_of(key, value, listed) > MAX_RECORD_BYTES:
            check(ErrorCode.message_too_large, f"writing to {topic}")
        if partition is None:
            partition = self._partition_of(topic, key)
        self._append(
            TopicPartition(topic, partition),
            (timestamp_ms or int(time.time() * 1000), key, value, listed, on_delivered),
        )

    def send_many(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        tp, now_ms = TopicPartition(topic, partition), int(time.time() * 1000)
        for key, value in records:
            if size_of(key, value, ()) > MAX_RECORD_BYTES:
                check(ErrorCode.message_too_large, f"writing to {topic}")
            self._append(tp, (now_ms, key, value, [], None))

    def flush(self, timeout_s: float) -> None:
        with self._deciding():
            self._ship()
            self._settle(timeout_s)

    def send_offsets(self, positions: Mapping[TopicPartition, int], group_metadata: object) -> None:
        group, request = offsets_request(self._id, self._producer, positions, group_metadata)
        with self._deciding():
            self._ship()
            self._check_whole()
            self._touch()
            # Sent behind the records without waiting for their answer: neither counts before the end.
            sent = [self._ask_to_add(group, request)]
            self._settle()
            self._patiently(lambda: _check_added(sent.pop() if sent else self._ask_to_add(group, request)))

    def commit(self) -> None:
        with self._deciding():
            self._ship()
            self._settle()
            self._check_whole()
            self._end(commit=True)

    def abort(self) -> None:
        self._batches.clear()
        with self._deciding():
            # Answers that are still to come are of no interest, but they come before that to the end.
            self._sent = []
            self._end(commit=False)

    def close(self) -> None:
        self._cluster.close()

    def _begin_afresh(self) -> None:
        self._batches, self._sequences, self._sent = {}, {}, []
        self._bytes = 0
        self._touched = self._broken = False

    def _touch(self) -> None:
        """Note that from now on the broker may know of the transaction."""
        if not self._touched:
            self._touched, self._since = True, time.monotonic()

    def _check_whole(self) -> None:
        """Raise AbortableError when something of the transaction was not stored, whoever passed over it."""
        if self._broken:
            raise AbortableError("a part of the transaction was not stored")

    def _partition_of(self, topic: str, key: bytes | None) -> int:
        count = self._patiently(lambda: self._cluster.partitions(topic))
        if key is None:
            self._turn += 1
            return self._turn % count
        return int(ck.murmur2(key, count))

    def _append(
        self,
        tp: TopicPartition,
        record: tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]], OnDelivered | None],
    ) -> None:
        batch = self._batches.get(tp)
        if batch is None:
            batch = self._batches[tp] = Batch(tp, self._producer, self._sequences.get(tp, 0))
        size = batch.append(*record)
        if not size:
            self._ship()
            self._append(tp, record)
            return
        self._bytes += size
        if self._bytes >= BATCH_BYTES:
            self._ship()

    def _ship(self) -> None:
        """Send what was gathered, once all that was sent before is stored."""
        if not self._batches:
            return
        self._settle()
        batches, self._batches, self._bytes = list(self._batches.values()), {}, 0
        for batch in batches:
            self._sequences[batch.tp] = self._sequences.get(batch.tp, 0) + batch.count
        self._touch()
        with self._sending():
            self._sent = self._store(batches)

    def _store(self, batches: Sequence[Batch]) -> Sent:
        led = self._patiently(lambda: [(self._cluster.leader(batch.tp), batch) for batch in batches])
        led.sort(key=lambda pair: id(pair[0]))
        sent: Sent = []
        for link, group in groupby(led, key=lambda pair: pair[0]):
            mine = [batch for _, batch in group]
            sent.append((link.send(produce_request(self._id, _TIMEOUT, mine), ProduceResponse), mine))
        return sent

    def _settle(self, timeout_s: float = COMMIT_TIMEOUT_S) -> None:
        """Wait until all that was sent is stored; what a broker would take in a moment is sent again."""
        sent, self._sent = self._sent, []
        with self._sending():
            left = _left(sent)
            if left:
                self._cluster.moved()
                self._retrying(timeout_s, PassingError)(self._send_again, left)

    def _send_again(self, left: list[tuple[Batch, ErrorCode]]) -> None:
        """Send batches again; `left` becomes those that were refused, and the first's reason is raised."""
        left[:] = _left(self._store([batch for batch, _ in left]))
        if left:
            batch, code = left[0]
            check(code, f"writing to {batch.tp.topic}")

    def _take_over(self) -> None:
        request = InitProducerIdRequest(
            transactional_id=self._id, transaction_timeout=_TIMEOUT, producer_id=ProducerId(-1)
        )
        self._cluster.idle()
        answer = self._cluster.coordinator(TRANSACTION, self._id).ask(request, InitProducerIdResponse)
        check(answer.error_code, "taking over the transactional id")
        self._producer = (answer.producer_id, answer.producer_epoch)

    def _ask_to_add(self, group: str, request: TxnOffsetCommitRequest) -> Pending[TxnOffsetCommitResponse]:
        return self._cluster.coordinator(GROUP, group).send(request, TxnOffsetCommitResponse)

    def _end(self, *, commit: bool) -> None:
        if not self._touched:
            return
        producer_id, epoch = self._producer
        request = EndTxnRequest(
            transactional_id=self._id,
            producer_id=ProducerId(producer_id),
            producer_epoch=i16(epoch),
            committed=commit,
        )
        doing = "committing the transaction" if commit else "aborting the transaction"

        def ask() -> None:
            answer = self._cluster.coordinator(TRANSACTION, self._id).ask(request, EndTxnResponse)
            check(answer.error_code, doing)
            self._producer = (answer.producer_id, answer.producer_epoch)

        self._patiently(ask)
        self._begin_afresh()

    def _patiently(self, ask: Callable[[], Asked]) -> Asked:
        """Return what `ask` does, asked again while a broker says that it will know in a moment."""
        try:
            return ask()
        except PassingError:
            self._cluster.moved()
        # Not from the beginning: to set it up costs as much as a record does.
        return self._retrying(COMMIT_TIMEOUT_S, PassingError)(ask)

    def _retrying(self, seconds: float, *what: type[RetryableError]) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(what),
            stop=stop_after_delay(seconds),
            wait=wait_exponential(0.005, max=0.2),
            before_sleep=lambda _: self._cluster.moved(),
            reraise=True,
        )

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """Note that records were not stored; which of all that were sent is nothing to whoever sends now."""
        try:
            yield
        except StreamkitError as error:
            self._broken = True
            if isinstance(error, TooLargeError):
                raise StopError(error.message, hint=error.hint) from error
            self._check_time(error)
            raise

    def _check_time(self, error: StreamkitError) -> None:
        """Raise AwayError for an old epoch when the transaction is so old that the broker has ended it."""
        age_s = time.monotonic() - self._since
        if self._touched and isinstance(error, OldEpochError) and age_s > TRANSACTION_TIMEOUT_MS / 1000:
            raise AwayError(
                f"the transaction took {age_s:.1f} s, and Kafka has ended it meanwhile"
            ) from error

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        """What is neither abortable nor refused leaves the outcome unknown."""
        try:
            yield
        except (AbortableError, FencedError, StopError, AwayError) as error:
            self._check_time(error)
            raise
        except RetryableError as error:
            raise AwayError(
                f"{error.message.rstrip('.')}; how it ended is not known", hint=error.hint
            ) from error


def _left(sent: Sent) -> list[tuple[Batch, ErrorCode]]:
    """Wait for answers; return what was not stored, and why. Raises what asking again cannot mend."""
    left = []
    for pending, batches in sent:
        answers = {
            TopicPartition(str(topic.name), int(answer.index)): answer
            for topic in pending.answer().responses
            for answer in topic.partition_responses
        }
        for batch in batches:
            answer = answers[batch.tp]
            if answer.error_code in _STORED:
                batch.stored(int(answer.base_offset))
                continue
            with suppress(PassingError):
                check(answer.error_code, f"writing to {batch.tp.topic}")
            left.append((batch, answer.error_code))
    return left


def _check_added(pending: Pending[TxnOffsetCommitResponse]) -> None:
    for topic in pending.answer().topics:
        for partition in topic.partitions:
            check(partition.error_code, "adding positions to the transaction")
