"""Brokers and consumers that change one thing about another's, and let all else through."""

from collections.abc import Iterable, Mapping, Sequence

from streamkit.aside import Ask
from streamkit.broker import (
    Admin,
    Broker,
    Consumer,
    Member,
    OnAssigned,
    OnRevoked,
    Polled,
    Producer,
    TransactionalProducer,
)
from streamkit.positions import Positions
from streamkit.records import TopicPartition


class BrokerThrough:
    """See streamkit.broker.Broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def consumer(self, member: Member | None = None, gather_ms: int = 0) -> Consumer:
        """Return a consumer."""
        return self._broker.consumer(member, gather_ms)

    def producer(self) -> Producer:
        """Return an idempotent producer."""
        return self._broker.producer()

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer of transactions."""
        return self._broker.transactional_producer(transactional_id)

    def admin(self) -> Admin:
        """Return an admin client."""
        return self._broker.admin()

    @property
    def ask(self) -> Ask:
        """Run questions that a loop is not to wait for."""
        return self._broker.ask


class ConsumerThrough:
    """See streamkit.broker.Consumer."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def subscribe(self, topics: Sequence[str], on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Join the group for these topics."""
        self._consumer.subscribe(topics, on_assigned, on_revoked)

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from these offsets, outside any group."""
        self._consumer.assign(positions)

    def consume(self, max_records: int, timeout_s: float) -> Polled:
        """Return up to `max_records`."""
        return self._consumer.consume(max_records, timeout_s)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on at `offset` or BEGINNING."""
        self._consumer.seek(tp, offset)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until resumed."""
        self._consumer.pause(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Return records of these partitions again."""
        self._consumer.resume(partitions)

    def committed(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return the group's offsets."""
        return self._consumer.committed(partitions)

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit the group's offsets outside a transaction."""
        self._consumer.commit(positions)

    def group_metadata(self) -> object:
        """Return what proves this member's place in the group."""
        return self._consumer.group_metadata()

    def close(self) -> None:
        """Leave and release."""
        self._consumer.close()
