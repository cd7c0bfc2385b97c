"""Clients of the in-memory broker; their contracts stand in streamkit.broker."""

from collections.abc import Iterable, Mapping, Sequence

from streamkit.broker import (
    BEGINNING,
    Member,
    OnAssigned,
    OnDelivered,
    OnRevoked,
    Polled,
    TooLargeError,
    TopicInfo,
)
from streamkit.errors import RetryableError, StopError
from streamkit.positions import Positions
from streamkit.records import MAX_RECORD_BYTES, Headers, Record, TopicPartition, size_of
from streamkit.testing.log import Producing, Transaction
from streamkit.testing.memory import MemoryBroker


class MemoryConsumer:
    """See streamkit.broker.Consumer."""

    def __init__(self, broker: MemoryBroker, member: Member | None) -> None:
        self._broker = broker
        self._group = broker.group(member.group) if member is not None else None
        self._group_name = member.group if member is not None else ""
        self._instance = member.instance if member is not None else None
        self._member = None if self._group is None else self._group.join(self._instance)
        self._patterns: Sequence[str] = ()
        self._on_assigned: OnAssigned = lambda _: {}
        self._on_revoked: OnRevoked = lambda _tps, _lost: None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}

    def subscribe(self, topics: Sequence[str], on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        self._patterns = topics
        self._on_assigned, self._on_revoked = on_assigned, on_revoked

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        self._positions = dict(positions)
        self._paused = set()
        self._ends = {}

    def consume(self, max_records: int, timeout_s: float) -> Polled:
        del timeout_s  # nothing here is ever on its way
        self._settle()
        records: list[Record] = []
        ends: dict[TopicPartition, int] = {}
        for tp in sorted(self._positions):
            if tp in self._paused or len(records) >= max_records:
                continue
            log = self._broker.log(tp)
            if not log.start <= self._positions[tp] <= log.end:
                raise StopError("position is outside the log", topic=tp.topic, partition=tp.partition)
            found, self._positions[tp] = log.read(self._positions[tp], max_records - len(records))
            records += found
            if self._positions[tp] == log.stable_end and self._ends.get(tp) != self._positions[tp]:
                self._ends[tp] = ends[tp] = self._positions[tp]
        return Polled(records, ends)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = self._broker.log(tp).start if offset == BEGINNING else offset
        self._ends.pop(tp, None)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused.difference_update(partitions)

    def committed(self, partitions: Sequence[TopicPartition]) -> Positions:
        group = self._broker.group(self._group_name)
        if any(self._broker.has_pending_offsets(self._group_name, tp) for tp in partitions):
            raise RetryableError("a transaction is about to change the group's offsets")
        found = {tp: group.offsets[tp] for tp in partitions if tp in group.offsets}
        return Positions(found)

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        if self._group is not None and self._member is not None and self._member.alive:
            self._group.offsets.update(positions)

    def group_metadata(self) -> object:
        return self._group_name, self._member, self._member.synced if self._member is not None else 0

    def close(self) -> None:
        if self._member is None or self._group is None or not self._member.alive:
            return
        if self._positions:
            self._on_revoked(sorted(self._positions), False)
        self._positions = {}
        self._member.owned = set()
        if self._instance is None:
            self._group.leave(self._member)
            self._broker.rebalance()

    def _settle(self) -> None:
        """Take part in the group: new topics, partitions taken away, partitions granted."""
        if self._group is None or self._member is None:
            return
        self._group.check(self._member)
        topics = self._broker.matching(self._patterns)
        if topics != self._member.topics:
            self._member.topics = topics
            self._broker.rebalance()
        gone = self._group.taken_away(self._member)
        if gone is not None:
            if gone:
                self._on_revoked(gone, False)
            self._positions = {}
            self._ends = {}
            self._paused = set()
            self._group.joined(self._member)
        granted = self._group.granted(self._member)
        if granted:
            self._member.owned.update(granted)
            self._paused.update(granted)
            starts = self._on_assigned(granted)
            self._positions.update({tp: starts.get(tp, self._broker.log(tp).start) for tp in granted})


class MemoryProducer:
    """See streamkit.broker.Producer."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

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
        chosen = self._broker.partition_for(topic, key) if partition is None else partition
        tp = TopicPartition(topic, chosen)
        if size_of(key, value, headers) > MAX_RECORD_BYTES:
            raise TooLargeError(f"a record is larger than {MAX_RECORD_BYTES} bytes", topic=topic)
        offset = self._broker.append(tp, key, value, tuple(headers), timestamp_ms, self._transaction(tp))
        if on_delivered is not None:
            on_delivered(chosen, offset)

    def send_many(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in records:
            self.send(topic, key, value, partition=partition)

    def flush(self, timeout_s: float) -> None:
        del timeout_s  # stored at once

    def close(self) -> None:
        return None

    def _transaction(self, tp: TopicPartition) -> Transaction | None:
        del tp
        return None


class MemoryTransactionalProducer(MemoryProducer):
    """See streamkit.broker.TransactionalProducer."""

    def __init__(self, broker: MemoryBroker, transactional_id: str) -> None:
        super().__init__(broker)
        self._id = transactional_id
        self._epoch = 0

    def init(self) -> None:
        self._epoch = self._broker.take_over(self._id)

    def begin(self) -> None:
        self._mine().transaction = Transaction()

    def send_offsets(self, positions: Mapping[TopicPartition, int], group_metadata: object) -> None:
        assert isinstance(group_metadata, tuple)  # noqa: S101 - what MemoryConsumer.group_metadata returns
        group, member, synced = group_metadata
        self._broker.check_place(group, member, synced, positions)
        self._open().offsets.update({(group, tp): offset for tp, offset in positions.items()})

    def commit(self) -> None:
        self._open()
        self._broker.finish(self._mine(), "committed")

    def abort(self) -> None:
        self._broker.finish(self._mine(), "aborted")

    def _mine(self) -> Producing:
        return self._broker.producing(self._id, self._epoch)

    def _open(self) -> Transaction:
        transaction = self._mine().transaction
        if transaction is None:
            raise RuntimeError("no transaction has begun")
        return transaction

    def _transaction(self, tp: TopicPartition) -> Transaction | None:
        transaction = self._open()
        transaction.partitions.add(tp)
        return transaction


class MemoryAdmin:
    """See streamkit.broker.Admin."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def topics(self, names: Sequence[str] | None = None) -> dict[str, TopicInfo]:
        return self._broker.info(names)

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        self._broker.create_topic(name, partitions, config)

    def delete_topics(self, names: Sequence[str]) -> None:
        for name in self.topics(names):
            self._broker.delete_topic(name)

    def groups(self) -> list[str]:
        return self._broker.group_names()

    def delete_group(self, name: str) -> bool:
        return self._broker.delete_group(name)

    def topic_configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        return self._broker.configs(names)

    def set_topic_config(self, name: str, config: Mapping[str, str]) -> None:
        self._broker.configure(name, config)

    def end_offsets(self, partitions: Sequence[TopicPartition], *, committed_only: bool) -> Positions:
        return self._broker.ends(partitions, committed_only=committed_only)

    def start_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        return Positions({tp: self._broker.log(tp).start for tp in partitions})

    def offsets_at(self, partitions: Sequence[TopicPartition], time_ms: int) -> Positions:
        found = {}
        for tp in partitions:
            log = self._broker.log(tp)
            later = (
                r.offset
                for e in log.entries[log.start :]
                if (r := e.record) is not None and r.timestamp_ms >= time_ms
            )
            found[tp] = next(later, log.end)
        return Positions(found)

    def group_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> Positions:
        known = self._broker.group(group).offsets
        return Positions({tp: known[tp] for tp in partitions if tp in known})
