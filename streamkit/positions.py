"""A vector of consumer positions: the one answer to "how far?" for groups, sides, snapshots and replays."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from streamkit.errors import StopError
from streamkit.records import Record, TopicPartition


def recreated(topic: str, was: str, now: str) -> StopError:
    """Return the error for a topic whose id is another than the one that positions were taken in."""
    return StopError(
        f"topic {topic} was deleted and created again: id {was} is now {now}",
        topic=topic,
        hint="Offsets of the old topic mean nothing in the new one. Replay into a new namespace with "
        "`kapstan replay`, or reset the store that holds the old positions",
    )


class Positions(Mapping[TopicPartition, int]):
    """Immutable map of topic-partition to the next offset to read, with the ids of the topics.

    A position is where a consumer goes on, not the last offset plus one: transaction markers leave
    gaps. A recreated topic reuses offsets, so positions of two topic ids never mix (StopError).
    """

    __slots__ = ("_next", "_topic_ids")

    def __init__(
        self,
        next_offsets: Mapping[TopicPartition, int] | None = None,
        topic_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._next: dict[TopicPartition, int] = dict(next_offsets or {})
        self._topic_ids: dict[str, str] = dict(topic_ids or {})

    @classmethod
    def of(
        cls, next_offsets: Mapping[tuple[str, int], int], topic_ids: Mapping[str, str] | None = None
    ) -> Self:
        """Build from a map of (topic, partition) to next offset."""
        return cls({TopicPartition(*tp): offset for tp, offset in next_offsets.items()}, topic_ids)

    @property
    def topic_ids(self) -> Mapping[str, str]:
        """Ids of the topics, as far as they are known."""
        return self._topic_ids

    def __getitem__(self, tp: TopicPartition) -> int:
        return self._next[tp]

    def __iter__(self) -> Iterator[TopicPartition]:
        return iter(self._next)

    def __len__(self) -> int:
        return len(self._next)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Positions):
            return self._next == other._next and self._topic_ids == other._topic_ids
        return NotImplemented

    def __hash__(self) -> int:
        return hash((frozenset(self._next.items()), frozenset(self._topic_ids.items())))

    def __repr__(self) -> str:
        return f"Positions({self.to_json()})"

    def advance(self, record: Record) -> Self:
        """Return the positions after `record` was read; never moves a partition back."""
        tp = record.tp
        return self.moved(tp, max(record.offset + 1, self._next.get(tp, 0)))

    def moved(self, tp: TopicPartition, next_offset: int) -> Self:
        """Return the positions with `tp` at `next_offset`."""
        return type(self)({**self._next, tp: next_offset}, self._topic_ids)

    def merge(self, other: "Positions") -> Self:
        """Return the farther of both for each partition; raises StopError when a topic's ids differ."""
        ids = self._agreed_ids(other)
        merged = dict(self._next)
        for tp, offset in other.items():
            merged[tp] = max(offset, merged.get(tp, 0))
        return type(self)(merged, ids)

    def covers(self, other: "Positions") -> bool:
        """Tell whether each partition of `other` has been reached; an absent one stands at offset 0.

        Raises StopError when a topic's ids differ: then the offsets say nothing about each other.
        """
        self._agreed_ids(other)
        return all(self._next.get(tp, 0) >= offset for tp, offset in other.items())

    def only(self, partitions: Iterable[TopicPartition]) -> Self:
        """Return the part that concerns `partitions`."""
        kept = {tp: self._next[tp] for tp in partitions if tp in self._next}
        topics = {tp.topic for tp in kept}
        return type(self)(kept, {t: i for t, i in self._topic_ids.items() if t in topics})

    def with_ids(self, topic_ids: Mapping[str, str]) -> Self:
        """Return the same positions with more topic ids known."""
        return type(self)(self._next, {**self._topic_ids, **topic_ids})

    def to_json(self) -> str:
        """Return `{topic: {"id": ..., "next": {partition: offset}}}`, in one stable order."""
        topics: dict[str, dict[str, object]] = {}
        for topic in sorted({tp.topic for tp in self._next} | set(self._topic_ids)):
            offsets = {str(tp.partition): self._next[tp] for tp in sorted(self._next) if tp.topic == topic}
            topics[topic] = {"id": self._topic_ids.get(topic), "next": offsets}
        return json.dumps(topics, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote; raises ValueError when the text is something else."""
        try:
            topics = json.loads(text)
            positions = {
                TopicPartition(topic, int(partition)): int(offset)
                for topic, entry in topics.items()
                for partition, offset in entry["next"].items()
            }
            ids = {topic: entry["id"] for topic, entry in topics.items() if entry.get("id")}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not positions: {text!r}") from error
        return cls(positions, ids)

    def _agreed_ids(self, other: "Positions") -> dict[str, str]:
        for topic, topic_id in other.topic_ids.items():
            mine = self._topic_ids.get(topic, topic_id)
            if mine != topic_id:
                raise recreated(topic, mine, topic_id)
        return {**self._topic_ids, **other.topic_ids}
