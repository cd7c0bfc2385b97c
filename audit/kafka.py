"""What Kafka holds, read committed: offsets, and the events that records stand for."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from audit.effects import Events
from audit.offsets import OffsetSet
from audit.stores import Holding, Offsets, Place
from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.headers import is_heartbeat
from streamkit.positions import Positions
from streamkit.read import span
from streamkit.records import Record, TopicPartition

Hash = Callable[[Record], int]
Watch = Callable[[Sequence[Record]], None]


@dataclass(slots=True)
class Scan:
    """What one topic holds between its start and the ends that were asked for.

    Attributes:
        every: all records, heartbeats too.
        data: records but heartbeats.
        within: what can be compared: from the start to behind the last record.
        events: one per record but heartbeats, when a hash was asked for.
    """

    topic: str
    topic_id: str
    every: dict[Place, Holding] = field(default_factory=dict)
    data: dict[Place, Holding] = field(default_factory=dict)
    within: dict[Place, Holding] = field(default_factory=dict)
    events: Events = field(default_factory=Events.none)

    def last(self) -> Positions:
        """Return, for each partition with records, the offset behind the last one."""
        lasts = {
            TopicPartition(place.topic, place.partition): int(holding.offsets.last) + 1
            for place, holding in self.every.items()
            if holding.offsets
        }
        return Positions(lasts, {self.topic: self.topic_id})


class Scanner:
    """Reads topics from their starts to given ends, outside any group. Every call blocks."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock

    def scan(self, topic: str, event: Hash | None = None, watch: Watch | None = None) -> Scan | None:
        """Read a topic to its present end; None when there is no such topic.

        Args:
            topic: the topic.
            event: gives the hash of the event that a record stands for.
            watch: sees all records but heartbeats, for what else they say.

        Raises:
            RetryableError: the broker is away, or brings nothing of what is still missing for 20 s.
        """
        admin = self._broker.admin()
        info = admin.topics([topic]).get(topic)
        if info is None:
            return None
        partitions = [TopicPartition(topic, partition) for partition in range(info.partitions)]
        starts = admin.start_offsets(partitions)
        ends = admin.end_offsets(partitions, committed_only=True)
        taken = _Taken(partitions, event, watch)
        for records in span(self._broker, starts, ends, self._clock):
            taken.take(records)
        return taken.scan(topic, info.topic_id, starts)


class _Taken:
    """Gathers a scan in arrays: 8 bytes per record, 28 more where events are asked for."""

    def __init__(self, partitions: Sequence[TopicPartition], event: Hash | None, watch: Watch | None) -> None:
        self._every = {tp.partition: Offsets() for tp in partitions}
        self._beats = {tp.partition: Offsets() for tp in partitions}
        self._event = event
        self._watch = watch
        self._events: list[Events] = []

    def take(self, records: Sequence[Record]) -> None:
        every: defaultdict[int, list[int]] = defaultdict(list)
        beats: defaultdict[int, list[int]] = defaultdict(list)
        data: list[Record] = []
        for record in records:
            every[record.partition].append(record.offset)
            if is_heartbeat(record.headers):
                beats[record.partition].append(record.offset)
            else:
                data.append(record)
        for gathered, target in ((every, self._every), (beats, self._beats)):
            for partition, offsets in gathered.items():
                target[partition].add(np.array(offsets, np.int64))
        if self._event is not None and data:
            hashes = np.array([self._event(record) for record in data], np.uint64)
            partitions = np.array([record.partition for record in data], np.int32)
            self._events.append(Events(hashes, partitions, np.array([r.offset for r in data], np.int64)))
        if self._watch is not None:
            self._watch(data)

    def scan(self, topic: str, topic_id: str, starts: Positions) -> Scan:
        found = Scan(topic, topic_id)
        for partition, offsets in self._every.items():
            place = Place(topic, topic_id, partition)
            every = Holding.of(offsets.taken())
            beats = Holding.of(self._beats[partition].taken())
            stop = every.offsets.last + 1 if every.offsets else 0
            found.every[place] = every
            found.data[place] = Holding(every.offsets - beats.offsets)
            found.within[place] = Holding(OffsetSet.span(starts[TopicPartition(topic, partition)], stop))
        if self._events:
            found.events = Events(
                np.concatenate([each.hashes for each in self._events]),
                np.concatenate([each.partitions for each in self._events]),
                np.concatenate([each.offsets for each in self._events]),
            )
        return found
