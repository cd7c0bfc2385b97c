"""Batches: records on their way to a broker, one batch a partition at a time."""

from collections.abc import Iterable

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from kio.schema.produce.v12.request import PartitionProduceData, ProduceRequest, TopicProduceData
from kio.schema.types import TopicName, TransactionalId
from kio.static.primitive import Records, i16, i32, i32Timedelta

from streamkit.broker import OnDelivered
from streamkit.records import TopicPartition

# What a broker is given at once, at the most; one record alone may be larger.
BATCH_BYTES = 1_000_000
_MAGIC = 2
_ALL_IN_SYNC = i16(-1)


class Batch:
    """Records of one partition, in order; `append` until it is full, then `content`."""

    __slots__ = ("_builder", "_callbacks", "_content", "count", "tp")

    def __init__(self, tp: TopicPartition, producer: tuple[int, int], sequence: int) -> None:
        """Begin a batch of a producer, by its id and epoch, with the sequence number of its first record."""
        self.tp = tp
        self.count = 0
        producer_id, epoch = producer
        self._builder = DefaultRecordBatchBuilder(
            magic=_MAGIC,
            compression_type=0,
            is_transactional=1,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=sequence,
            batch_size=BATCH_BYTES,
        )
        self._callbacks: list[tuple[int, OnDelivered]] = []
        self._content: bytes | None = None

    def append(
        self,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        on_delivered: OnDelivered | None,
    ) -> int:
        """Add a record; return its size in bytes, or 0 when the batch is too full for it."""
        count = self.count
        added = self._builder.append(count, timestamp_ms, key, value, headers)
        if added is None:
            return 0
        if on_delivered is not None:
            self._callbacks.append((count, on_delivered))
        self.count = count + 1
        return int(added.size)

    @property
    def content(self) -> bytes:
        """Return the batch as it stands in a log; nothing can be added any more."""
        if self._content is None:
            self._content = bytes(self._builder.build())
        return self._content

    def stored(self, base_offset: int) -> None:
        """Tell those who asked where their records are; an offset of -1 is not known."""
        for number, on_delivered in self._callbacks:
            on_delivered(self.tp.partition, base_offset + number if base_offset >= 0 else -1)


def produce_request(transactional_id: str, timeout: i32Timedelta, batches: Iterable[Batch]) -> ProduceRequest:
    """Return the request that stores these batches, one of a partition."""
    topics: dict[str, list[PartitionProduceData]] = {}
    for batch in batches:
        data = PartitionProduceData(index=i32(batch.tp.partition), records=Records(batch.content))
        topics.setdefault(batch.tp.topic, []).append(data)
    return ProduceRequest(
        transactional_id=TransactionalId(transactional_id),
        acks=_ALL_IN_SYNC,
        timeout=timeout,
        topic_data=tuple(
            TopicProduceData(name=TopicName(topic), partition_data=tuple(data))
            for topic, data in topics.items()
        ),
    )
