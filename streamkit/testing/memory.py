"""An in-memory broker with Kafka's rules: transactions with fencing, read_committed, rebalances, topic ids.

It is not thread-safe: tests turn several workers by hand, one after the other. Nothing ever waits, so
`consume` returns at once whatever its timeout.
"""

import itertools
import re
from collections.abc import Mapping, Sequence

import confluent_kafka

from streamkit.aside import Ask, at_once
from streamkit.broker import (
    AbortableError,
    Admin,
    Consumer,
    Member,
    Producer,
    TopicInfo,
    TransactionalProducer,
)
from streamkit.errors import FencedError, RetryableError
from streamkit.positions import Positions
from streamkit.records import Headers, Record, TopicPartition
from streamkit.testing.group import Group, GroupMember
from streamkit.testing.log import Entry, PartitionLog, Producing, Topic, Transaction


class MemoryBroker:
    """The broker's state; makes clients (see streamkit.broker.Broker)."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}
        self._groups: dict[str, Group] = {}
        self._producing: dict[str, Producing] = {}
        self._ids = itertools.count(1)
        self._round_robin = itertools.count()

    def consumer(self, member: Member | None = None, gather_ms: int = 0) -> Consumer:
        """Return a consumer; one without a member can only `assign`. Nothing here is ever held back."""
        del gather_ms
        from streamkit.testing.clients import MemoryConsumer

        return MemoryConsumer(self, member)

    def producer(self) -> Producer:
        """Return a producer."""
        from streamkit.testing.clients import MemoryProducer

        return MemoryProducer(self)

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer of transactions."""
        from streamkit.testing.clients import MemoryTransactionalProducer

        return MemoryTransactionalProducer(self, transactional_id)

    def admin(self) -> Admin:
        """Return an admin client."""
        from streamkit.testing.clients import MemoryAdmin

        return MemoryAdmin(self)

    @property
    def ask(self) -> Ask:
        """Answer at once: nothing here takes time, and nothing here knows threads."""
        return at_once

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Make a topic; one that exists already is left as it is."""
        if name not in self._topics:
            logs = [PartitionLog() for _ in range(partitions)]
            self._topics[name] = Topic(f"memory-{next(self._ids)}", logs, dict(config or {}))
            self.rebalance()

    def delete_topic(self, name: str) -> None:
        """Delete a topic with its records; group offsets stay, as Kafka may leave them for a while."""
        del self._topics[name]
        self.rebalance()

    def delete_before(self, tp: TopicPartition, offset: int) -> None:
        """Delete the first records of a partition, as retention does."""
        self.log(tp).start = offset

    def matching(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Return the topics that a subscription means: names as they are, ^patterns resolved."""
        names = {name for name in patterns if not name.startswith("^")}
        for pattern in (p for p in patterns if p.startswith("^")):
            names |= {name for name in self._topics if re.match(pattern, name)}
        return tuple(sorted(names))

    def info(self, names: Sequence[str] | None) -> dict[str, TopicInfo]:
        """Return id and partition count of the topics that exist."""
        wanted = self._topics if names is None else [name for name in names if name in self._topics]
        return {n: TopicInfo(self._topics[n].topic_id, len(self._topics[n].partitions)) for n in wanted}

    def configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the settings that topics were made with, or got since."""
        return {name: dict(self._topics[name].config) for name in names}

    def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Change settings of a topic."""
        self._topics[name].config = {**self._topics[name].config, **config}

    def log(self, tp: TopicPartition) -> PartitionLog:
        """Return a partition's log; raises RetryableError when there is no such partition."""
        topic = self._topics.get(tp.topic)
        if topic is None or tp.partition >= len(topic.partitions):
            raise RetryableError(
                "topic or partition does not exist",
                topic=tp.topic,
                partition=tp.partition,
                hint="Create it with `kapstan topics apply`",
            )
        return topic.partitions[tp.partition]

    def records(self, topic: str) -> list[Record]:
        """Return all committed records of a topic by partition, then offset: what a test looks at."""
        logs = self._topics[topic].partitions if topic in self._topics else []
        return [record for log in logs for record in log.read(log.start, log.end)[0]]

    def append(
        self,
        tp: TopicPartition,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        transaction: Transaction | None = None,
    ) -> int:
        """Store a record and return its offset."""
        log = self.log(tp)
        record = Record(tp.topic, tp.partition, log.end, timestamp_ms, key, value, headers)
        log.entries.append(Entry(record, transaction))
        return record.offset

    def partition_for(self, topic: str, key: bytes | None) -> int:
        """Return where a record goes: by murmur2 of the key as Java's producer does, else in turn."""
        self.log(TopicPartition(topic, 0))
        count = len(self._topics[topic].partitions)
        if key is None:
            return next(self._round_robin) % count
        return int(confluent_kafka.murmur2(key, count))

    def group(self, name: str) -> Group:
        """Return a group, made on first use."""
        return self._groups.setdefault(name, Group())

    def group_names(self) -> list[str]:
        """Return the groups that have members or offsets."""
        return [name for name, group in self._groups.items() if group.members or group.offsets]

    def delete_group(self, name: str) -> bool:
        """Delete a group with its offsets, unless it has members; tell whether it is gone."""
        if self.group(name).members:
            return False
        del self._groups[name]
        return True

    def rebalance(self) -> None:
        """Give every group new targets; members take them up at their next `consume`."""
        counts = {name: len(topic.partitions) for name, topic in self._topics.items()}
        for group in self._groups.values():
            group.rebalance(counts)

    def expire(self, group: str, instance: str) -> None:
        """End a member's session, as if it had been silent for the session timeout."""
        for member in [m for m in self.group(group).members if m.instance == instance]:
            self.group(group).leave(member)
        self.rebalance()

    def take_over(self, transactional_id: str) -> int:
        """Fence the id's earlier holder, abort what it left open, and return the new epoch."""
        producing = self._producing.setdefault(transactional_id, Producing())
        if producing.transaction is not None:
            self._end(producing.transaction, "aborted")
            producing.transaction = None
        producing.epoch += 1
        return producing.epoch

    def producing(self, transactional_id: str, epoch: int) -> Producing:
        """Return an id's state; raises FencedError when `epoch` is not the newest."""
        producing = self._producing[transactional_id]
        if producing.epoch != epoch:
            raise FencedError(f"producer {transactional_id} was fenced: a newer one has the same id")
        return producing

    def finish(self, producing: Producing, state: str) -> None:
        """Commit or abort the open transaction: markers in its partitions, and its offsets."""
        if producing.transaction is not None:
            self._end(producing.transaction, state)
        producing.transaction = None

    def check_place(
        self, group: str, member: GroupMember, synced: int, partitions: Mapping[TopicPartition, int]
    ) -> None:
        """Raise AbortableError unless the member is in the group and owns what it commits.

        `synced` is the generation whose assignment it had when it was asked for its place: it must not have
        been given a newer one since.
        As in Kafka, offsets from outside any generation are taken while no member is subscribed, and those
        of topics that it has not subscribed to always.
        """
        if not any(each.topics for each in self.group(group).members):
            return
        present = member in self.group(group).members and member.synced == synced
        if not present or not {tp for tp in partitions if tp.topic in member.topics} <= member.owned:
            raise AbortableError(f"{member.name} is not the owner of what it would commit in group {group}")

    def has_pending_offsets(self, group: str, tp: TopicPartition) -> bool:
        """Tell whether an open transaction is about to change the group's offset."""
        open_ones = [p.transaction for p in self._producing.values() if p.transaction is not None]
        return any((group, tp) in transaction.offsets for transaction in open_ones)

    def _end(self, transaction: Transaction, state: str) -> None:
        transaction.state = state
        for tp in sorted(transaction.partitions):
            if tp.topic in self._topics:
                self.log(tp).entries.append(Entry(None, transaction))
        if state == "committed":
            for (group, tp), offset in transaction.offsets.items():
                self.group(group).offsets[tp] = offset

    def ends(self, partitions: Sequence[TopicPartition], *, committed_only: bool) -> Positions:
        """Return the ends of partitions, with their topics' ids."""
        ends = {tp: self.log(tp).stable_end if committed_only else self.log(tp).end for tp in partitions}
        return Positions(ends, {tp.topic: self._topics[tp.topic].topic_id for tp in partitions})
