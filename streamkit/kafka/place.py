"""A member's place in its group, as librdkafka's consumer tells it, in a request to commit positions."""

import sys
from collections.abc import Mapping
from typing import NamedTuple

from kio.schema.txn_offset_commit.v5.request import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from kio.schema.types import GroupId, ProducerId, TopicName, TransactionalId
from kio.static.primitive import i16, i32, i64

from streamkit.errors import StopError
from streamkit.records import TopicPartition

_MARK = b"CGMDv2:"
_TEXTS = 3


class Place(NamedTuple):
    """A member's place in a generation of its group; the instance is empty unless membership is static."""

    group: str
    generation: int
    member: str
    instance: str


def place_of(group_metadata: object) -> Place:
    """Return the place that `Consumer.group_metadata` tells.

    librdkafka writes it for itself only (`rd_kafka_consumer_group_metadata_write`): a mark with the version,
    the generation in this machine's byte order, the group, the member, a byte that says whether there is no
    instance, and the instance; each text ends with a zero byte. Raises StopError for another version.
    """
    content = group_metadata if isinstance(group_metadata, bytes) else b""
    number = int.from_bytes(content[len(_MARK) : len(_MARK) + 4], sys.byteorder, signed=True)
    texts = content[len(_MARK) + 4 :].split(b"\0", 2)
    if not content.startswith(_MARK) or len(texts) < _TEXTS:
        raise StopError(
            "the Kafka client tells its place in the group in an unknown form",
            hint="Use the version of confluent-kafka that the lock file names",
        )
    group, member, rest = texts
    return Place(group.decode(), number, member.decode(), rest[1:].rstrip(b"\0").decode())


def offsets_request(
    transactional_id: str,
    producer: tuple[int, int],
    positions: Mapping[TopicPartition, int],
    group_metadata: object,
) -> tuple[str, TxnOffsetCommitRequest]:
    """Return the group, and the request that adds its positions to a producer's open transaction."""
    place = place_of(group_metadata)
    topics: dict[str, list[TxnOffsetCommitRequestPartition]] = {}
    for tp, offset in positions.items():
        topics.setdefault(tp.topic, []).append(
            TxnOffsetCommitRequestPartition(
                partition_index=i32(tp.partition), committed_offset=i64(offset), committed_metadata=None
            )
        )
    producer_id, epoch = producer
    return place.group, TxnOffsetCommitRequest(
        transactional_id=TransactionalId(transactional_id),
        group_id=GroupId(place.group),
        producer_id=ProducerId(producer_id),
        producer_epoch=i16(epoch),
        generation_id=i32(place.generation),
        member_id=place.member,
        group_instance_id=place.instance or None,
        topics=tuple(
            TxnOffsetCommitRequestTopic(name=TopicName(topic), partitions=tuple(partitions))
            for topic, partitions in topics.items()
        ),
    )
