"""A consumer that reads a partition's past until it stands where Kafka begins, and Kafka from there on."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from streamkit.broker import Consumer, OnAssigned, OnRevoked, Polled
from streamkit.errors import StopError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.replay.past import Held
from streamkit.replay.through import ConsumerThrough


@dataclass(slots=True)
class _Reading:
    """One partition in the past: read up to `seam`, where Kafka begins; `ready` is fetched already."""

    pieces: Iterator[list[Record]]
    seam: int
    ready: list[Record] = field(default_factory=list)

    def take(self, limit: int) -> list[Record]:
        """Return up to `limit` records, none at the seam."""
        while not self.ready:
            piece = next(self.pieces, None)
            if piece is None:
                return []
            self.ready = piece
        taken, self.ready = self.ready[:limit], self.ready[limit:]
        return taken


class PastConsumer(ConsumerThrough):
    """See streamkit.broker.Consumer. A partition in the past stays paused in Kafka until its seam is reached.

    No record falls between: retention may move Kafka's beginning on meanwhile, then the past is read on to
    there; and a position that Kafka has lost all the same is an error to its consumer, never a jump.
    """

    def __init__(self, kafka: Consumer, held: Held) -> None:
        super().__init__(kafka)
        self._held = held
        self._readings: dict[TopicPartition, _Reading] = {}
        self._paused: set[TopicPartition] = set()

    def subscribe(self, topics: Sequence[str], on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Join the group; see streamkit.broker.Consumer."""

        def assigned(partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
            starts = on_assigned(partitions)
            self._paused.update(partitions)
            return {**starts, **self._place({tp: starts.get(tp, 0) for tp in partitions})}

        def revoked(partitions: list[TopicPartition], lost: bool) -> None:
            for tp in partitions:
                self._readings.pop(tp, None)
            self._paused.difference_update(partitions)
            on_revoked(partitions, lost)

        self._consumer.subscribe(topics, assigned, revoked)

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from these offsets, outside any group."""
        self._readings.clear()
        self._paused.clear()
        self._consumer.assign({**positions, **self._place(positions)})
        self._consumer.pause(self._readings)

    def consume(self, max_records: int, timeout_s: float) -> Polled:
        """Return up to `max_records`, of the past and of Kafka; waits only when the past has none."""
        ready = [tp for tp in self._readings if tp not in self._paused]
        # Kafka has its turn first: a rebalance in it may take partitions away.
        polled = self._consumer.consume(
            max(1, max_records // 2) if ready else max_records, 0.0 if ready else timeout_s
        )
        records = polled.records
        for tp in ready:
            if tp not in self._readings or len(records) >= max_records:
                continue
            taken = self._readings[tp].take(max_records - len(records))
            if taken:
                # What was read last has its turn last the next time.
                self._readings[tp] = self._readings.pop(tp)
                records += taken
            else:
                self._cross(tp)
        return Polled(records, {tp: end for tp, end in polled.ends.items() if tp not in self._readings})

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on at `offset` or BEGINNING, in the past or in Kafka."""
        self._readings.pop(tp, None)
        place = self._place({tp: max(0, offset)})
        self._consumer.seek(tp, place.get(tp, offset))
        if tp in place:
            self._consumer.pause([tp])
        elif tp not in self._paused:
            self._consumer.resume([tp])

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until resumed."""
        chosen = list(partitions)
        self._paused.update(chosen)
        self._consumer.pause(chosen)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Return records of these partitions again."""
        chosen = list(partitions)
        self._paused.difference_update(chosen)
        self._consumer.resume([tp for tp in chosen if tp not in self._readings])

    def close(self) -> None:
        """Leave and release."""
        self._readings.clear()
        self._consumer.close()

    def _place(self, wanted: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Begin the past of partitions that are wanted from before Kafka; return where Kafka is to stand."""
        seams = self._held.seams(sorted(wanted)) if wanted else Positions()
        place = {tp: seam for tp, seam in seams.items() if wanted[tp] < seam}
        for tp, seam in place.items():
            self._readings[tp] = self._reading(tp, wanted[tp], seam)
        return place

    def _cross(self, tp: TopicPartition) -> None:
        """Go over to Kafka at the seam, or on to a later one."""
        seam = self._readings[tp].seam
        later = self._held.starts([tp])[tp]
        if later > seam:
            if tp not in self._held.seams([tp]):
                raise StopError(
                    f"Kafka begins at offset {later} by now, and bronze is not so far yet",
                    topic=tp.topic,
                    partition=tp.partition,
                    offset=seam,
                    hint="Start lake_sink, and go on with the replay when it has caught up",
                )
            self._readings[tp] = self._reading(tp, seam, later)
            return
        del self._readings[tp]
        self._consumer.seek(tp, seam)
        if tp not in self._paused:
            self._consumer.resume([tp])

    def _reading(self, tp: TopicPartition, start: int, seam: int) -> _Reading:
        return _Reading(self._held.past.read(tp, self._held.topic_id(tp.topic), start, seam), seam)
