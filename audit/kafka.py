"""What Kafka holds, read committed: offsets, and the events that records stand for."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from audit.effects import Events, Hashes, among
from audit.offsets import OffsetSet
from audit.part import WHOLE, Part, Span
from audit.stores import Holding, Offsets, Place
from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.headers import is_heartbeat
from streamkit.positions import Positions
from streamkit.read import span
from streamkit.records import Record, TopicPartition

Hash = Callable[[Record], int]
Watch = Callable[[Sequence[Record]], None]

_NEVER_MS = 2**62


@dataclass(slots=True)
class Scan:
    """What one topic holds in the part that was asked for.

    Attributes:
        span: where that part lies.
        every: all records, heartbeats too.
        data: records but heartbeats.
        within: what can be compared: from the start to behind the last record.
        events: one per record but heartbeats, when a hash was asked for.
        oldest_ms: the least ingest time of a record but heartbeats, None without one.
        newest_ms: the greatest.
        whole_since_ms: of ingest times, from when on nothing has been deleted; None when nothing has.
    """

    topic: str
    topic_id: str
    span: Span
    every: dict[Place, Holding] = field(default_factory=dict)
    data: dict[Place, Holding] = field(default_factory=dict)
    within: dict[Place, Holding] = field(default_factory=dict)
    events: Events = field(default_factory=Events.none)
    oldest_ms: int | None = None
    newest_ms: int | None = None
    whole_since_ms: int | None = None

    def last(self) -> Positions:
        """Return, for each partition with records, the offset behind the last one."""
        lasts = {
            TopicPartition(place.topic, place.partition): int(holding.offsets.last) + 1
            for place, holding in self.every.items()
            if holding.offsets
        }
        return Positions(lasts, {self.topic: self.topic_id})


class Scanner:
    """Reads parts of topics, outside any group. Every call blocks.

    Raises RetryableError when the broker is away, or brings nothing of what is still missing for 20 s.
    """

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._admin = broker.admin()
        self._clock = clock

    def scan(
        self,
        topic: str,
        event: Hash | None = None,
        watch: Watch | None = None,
        *,
        part: Part = WHOLE,
        every: Watch | None = None,
    ) -> Scan | None:
        """Read a part of a topic, to its present end at the most; None when there is no such topic.

        Args:
            topic: the topic.
            event: gives the hash of the event that a record stands for.
            watch: sees all records but heartbeats, for what else they say.
            part: what to read.
            every: sees all records.
        """
        info = self._admin.topics([topic]).get(topic)
        if info is None:
            return None
        partitions = [TopicPartition(topic, partition) for partition in range(info.partitions)]
        starts = self._admin.start_offsets(partitions)
        ends = self._admin.end_offsets(partitions, committed_only=True)
        found = part.span(starts, ends, lambda time_ms: self._admin.offsets_at(partitions, time_ms))
        taken = _Taken(partitions, event, watch)
        for records in span(self._broker, found.starts, found.ends, self._clock):
            taken.take(records)
            if every is not None:
                every(records)
        scan = taken.scan(topic, info.topic_id, found)
        scan.whole_since_ms = taken.whole_since_ms([tp.partition for tp in partitions if starts[tp] > 0])
        return scan

    def around(self, scan: Scan, since_ms: int, watch: Watch) -> Positions:
        """Hand on what lies around a scan: what is before it from `since_ms` on, and all that is behind it.

        Heartbeats are left out. Returns where it began.
        """
        begins = self.before(scan.topic, since_ms, scan.span.starts, watch)
        now = self._admin.end_offsets(sorted(scan.span.ends), committed_only=True)
        self._read(scan.span.ends, now, watch)
        return begins

    def before(self, topic: str, since_ms: int, until: Positions, watch: Watch) -> Positions:
        """Hand on the records from the first one ingested at `since_ms` or later to before `until`.

        Heartbeats are left out. Returns where it began.
        """
        partitions = [tp for tp in sorted(until) if tp.topic == topic]
        found = self._admin.offsets_at(partitions, since_ms)
        kept = self._admin.start_offsets(partitions)
        begins = Positions({tp: min(max(found.get(tp, 0), kept[tp]), until[tp]) for tp in partitions})
        self._read(begins, until, watch)
        return begins

    def _read(self, starts: Positions, ends: Positions, watch: Watch) -> None:
        for records in span(self._broker, starts, ends, self._clock):
            watch([record for record in records if not is_heartbeat(record.headers)])


class Gathering:
    """Gathers the events that records stand for, in arrays of 20 bytes each."""

    def __init__(self, event: Hash, only: Hashes | None = None) -> None:
        """Take what gives the hash of an event; with `only`, in ascending order, others are left out."""
        self._event = event
        self._only = only
        self._parts: list[Events] = []

    def __call__(self, records: Sequence[Record]) -> None:
        """Take records."""
        if not records:
            return
        events = Events(
            np.array([self._event(record) for record in records], np.uint64),
            np.array([record.partition for record in records], np.int32),
            np.array([record.offset for record in records], np.int64),
        )
        if self._only is not None:
            events = events.at(np.flatnonzero(among(events.hashes, self._only)))
        self._parts.append(events)

    def events(self) -> Events:
        """Return what was taken."""
        return Events.joined(self._parts)


class _Taken:
    """Gathers a scan: offsets as ranges, and 20 bytes per record where events are asked for."""

    def __init__(self, partitions: Sequence[TopicPartition], event: Hash | None, watch: Watch | None) -> None:
        self._every = {tp.partition: Offsets() for tp in partitions}
        self._beats = {tp.partition: Offsets() for tp in partitions}
        self._events = Gathering(event) if event is not None else None
        self._watch = watch
        self._times: tuple[int, int] | None = None
        self._begins_ms: dict[int, int] = {}

    def take(self, records: Sequence[Record]) -> None:
        every: defaultdict[int, list[int]] = defaultdict(list)
        beats: defaultdict[int, list[int]] = defaultdict(list)
        data: list[Record] = []
        for record in records:
            every[record.partition].append(record.offset)
            self._begins_ms.setdefault(record.partition, record.timestamp_ms)
            if is_heartbeat(record.headers):
                beats[record.partition].append(record.offset)
            else:
                data.append(record)
        for gathered, target in ((every, self._every), (beats, self._beats)):
            for partition, offsets in gathered.items():
                target[partition].add(np.array(offsets, np.int64))
        if data:
            self._note_times([record.timestamp_ms for record in data])
        if self._events is not None:
            self._events(data)
        if self._watch is not None:
            self._watch(data)

    def scan(self, topic: str, topic_id: str, span: Span) -> Scan:
        found = Scan(topic, topic_id, span)
        for partition, offsets in self._every.items():
            place = Place(topic, topic_id, partition)
            every = offsets.holding()
            stop = every.offsets.last + 1 if every.offsets else 0
            found.every[place] = every
            found.data[place] = Holding(every.offsets - self._beats[partition].holding().offsets)
            start = span.starts[TopicPartition(topic, partition)]
            found.within[place] = Holding(OffsetSet.span(start, stop))
        if self._events is not None:
            found.events = self._events.events()
        if self._times is not None:
            found.oldest_ms, found.newest_ms = self._times
        return found

    def whole_since_ms(self, shortened: Sequence[int]) -> int | None:
        """Return the latest time at which one of these partitions begins; None when there are none."""
        # One without records may have held anything.
        return max((self._begins_ms.get(partition, _NEVER_MS) for partition in shortened), default=None)

    def _note_times(self, times: Sequence[int]) -> None:
        oldest, newest = self._times or (times[0], times[0])
        self._times = min(oldest, *times), max(newest, *times)
