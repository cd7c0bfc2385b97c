"""What Kafka no longer has: a broker whose topics begin where the lake's do, at their first record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from streamkit.broker import Admin, Broker, Consumer, Member
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.replay.through import BrokerThrough


class Past(Protocol):
    """A store that has kept the records of topics as they were; `replay.past.BronzePast` is one.

    Every call blocks and raises RetryableError while the store is away. Topics go by their ids too: one that
    was made again under the same name has another past.
    """

    def reaches(self, topic: str, topic_id: str) -> Mapping[int, int]:
        """Return for each partition the offset before which every committed record is held, from 0 on.

        Partitions that are not held from their first record on are absent.
        """
        ...

    def read(self, tp: TopicPartition, topic_id: str, start: int, end: int) -> Iterator[list[Record]]:
        """Yield the committed records of a partition from `start` to before `end`, in the order of offsets.

        Pieces hold some thousand records. Raises StopError when a record cannot be had as it was.
        """
        ...

    def first_since(self, tp: TopicPartition, topic_id: str, time_ms: int, end: int) -> int | None:
        """Return the first offset before `end` whose record has a timestamp of `time_ms` or later."""
        ...


class Held:
    """Looks for what is held before Kafka's first offsets, and asks for each topic's past once."""

    def __init__(self, past: Past, admin: Admin) -> None:
        self.past = past
        self._admin = admin
        self._ids: dict[str, str] = {}
        self._reaches: dict[str, Mapping[int, int]] = {}

    def topic_id(self, topic: str) -> str:
        """Return the id that a topic had when it was first asked for."""
        if topic not in self._ids:
            self._ids[topic] = self._admin.topics([topic])[topic].topic_id
        return self._ids[topic]

    def starts(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return where Kafka begins."""
        return self._admin.start_offsets(partitions)

    def seams(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return where Kafka begins, of those partitions whose records before that are all held."""
        starts = {tp: start for tp, start in self.starts(partitions).items() if start > 0}
        return Positions({tp: start for tp, start in starts.items() if self._reach(tp, start) >= start})

    def _reach(self, tp: TopicPartition, wanted: int) -> int:
        """Return how far a partition is held; asks again when that is not enough: the past grows."""
        if self._reaches.get(tp.topic, {}).get(tp.partition, 0) < wanted:
            self._reaches[tp.topic] = self.past.reaches(tp.topic, self.topic_id(tp.topic))
        return self._reaches[tp.topic].get(tp.partition, 0)


class PastBroker(BrokerThrough):
    """A broker that hands out a topic's past before what Kafka has of it.

    Only a topic whose first records are gone costs anything more than it does without.
    """

    def __init__(self, broker: Broker, past: Past) -> None:
        super().__init__(broker)
        self._past = past

    def consumer(self, member: Member | None = None, gather_ms: int = 0) -> Consumer:
        """Return a consumer that begins before Kafka does."""
        from streamkit.replay.past_consumer import PastConsumer

        return PastConsumer(self._broker.consumer(member, gather_ms), Held(self._past, self._broker.admin()))

    def admin(self) -> Admin:
        """Return an admin client to which a topic begins where its past does."""
        admin = self._broker.admin()
        return PastAdmin(admin, Held(self._past, admin))


class PastAdmin:
    """See streamkit.broker.Admin; it differs in where topics begin, and what lies there."""

    def __init__(self, admin: Admin, held: Held) -> None:
        self._admin = admin
        self._held = held
        self.create_topic = admin.create_topic
        self.delete_group = admin.delete_group
        self.delete_topics = admin.delete_topics
        self.end_offsets = admin.end_offsets
        self.group_offsets = admin.group_offsets
        self.groups = admin.groups
        self.set_topic_config = admin.set_topic_config
        self.topic_configs = admin.topic_configs
        self.topics = admin.topics

    def start_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return 0 where the past is held, else Kafka's answer."""
        starts = self._admin.start_offsets(partitions)
        if not any(starts.values()):
            return starts
        return Positions({**starts, **dict.fromkeys(self._held.seams(partitions), 0)})

    def offsets_at(self, partitions: Sequence[TopicPartition], time_ms: int) -> Positions:
        """Return the first offset with a Kafka timestamp of `time_ms` or later, or the end."""
        found = dict(self._admin.offsets_at(partitions, time_ms))
        for tp, seam in self._held.seams(partitions).items():
            # Timestamps need not rise with offsets: what Kafka found may have one of the past before it.
            earlier = self._held.past.first_since(tp, self._held.topic_id(tp.topic), time_ms, seam)
            if earlier is not None:
                found[tp] = min(earlier, found[tp])
        return Positions(found)
