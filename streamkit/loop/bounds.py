"""Bounds: a run that ends when given positions are reached, for history and replay."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamkit.broker import Broker
from streamkit.loop.merge import EventTime
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition


@dataclass(frozen=True, slots=True)
class Bounded:
    """Process the records before `ends`, then return.

    With `event_time`, all partitions are taken as one sequence by (event time, source record); run one
    worker then, since each worker merges what it is assigned.
    """

    ends: Positions
    event_time: EventTime | None = None

    def within(self, records: list[Record]) -> list[Record]:
        """Return those records that lie before the ends."""
        ends = {(topic, partition): end for (topic, partition), end in self.ends.items()}
        return [r for r in records if r.offset < ends.get((r.topic, r.partition), 0)]

    def passed(self, records: list[Record]) -> dict[TopicPartition, int]:
        """Return the ends of partitions that were read beyond them: nothing more is to come before."""
        ends = {(topic, partition): end for (topic, partition), end in self.ends.items()}
        found = {(r.topic, r.partition) for r in records if r.offset >= ends.get((r.topic, r.partition), 0)}
        return {TopicPartition(*place): ends.get(place, 0) for place in found}

    def clipped(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Return partition ends, none beyond the bounds: what lies there was not processed."""
        return {tp: min(end, self.ends.get(tp, 0)) for tp, end in ends.items()}

    def reached(self, positions: Mapping[TopicPartition, int | None]) -> bool:
        """Tell whether all these partitions stand at their ends."""
        return all((offset or 0) >= self.ends.get(tp, 0) for tp, offset in positions.items())


def present_ends(broker: Broker, topics: tuple[str, ...]) -> Positions:
    """Return where the topics end now, with their ids: bounds for "all that is there"."""
    admin = broker.admin()
    found = admin.topics(topics)
    partitions = [TopicPartition(topic, p) for topic, info in found.items() for p in range(info.partitions)]
    ends = admin.end_offsets(partitions, committed_only=True)
    return ends.with_ids({topic: info.topic_id for topic, info in found.items()})
