"""Topics as stores: what a transform wrote, live or in a replay, known by the source of each record."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from replay.compare import Found
from replay.entries import Among, Entries, Gathering, Place, hashed
from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.errors import DeadLetterError
from streamkit.headers import SOURCE, Source, find, format_source, hop_times, is_heartbeat
from streamkit.read import Told, span, whole
from streamkit.records import Record, TopicPartition
from streamkit.replay.plan import ReplayPlan

Decode = Callable[[bytes], Any]


class TopicStore:
    """The records of a topic that one service wrote, heartbeats left out.

    The hash of a record is taken of its key and the bytes of its value; where those differ, the decoded
    fields decide. Headers are not compared but for the source, which says what a record is about.
    """

    def __init__(
        self,
        name: str,
        service: str,
        decode: Decode,
        broker: Broker,
        clock: Clock,
        *,
        only: Among | None = None,
        told: Told = lambda _: None,
    ) -> None:
        """Take the topic, and with `only` the hashes of the sources that matter."""
        self.name = name
        self._service = service
        self._decode = decode
        self._broker = broker
        self._clock = clock
        self._only = only
        self._told = told

    def entries(self) -> Entries:
        """Return every record that matters; blocks."""
        gathering = Gathering()
        for records in self._all():
            gathering.take([found for record in records if (found := self._entry(record)) is not None])
        return gathering.entries()

    def read(self, places: Iterable[Place]) -> Iterator[Found]:
        """Yield the records at these places, decoded; reads the topic from the first of them to the last."""
        wanted = set(places)
        starts: dict[TopicPartition, int] = {}
        ends: dict[TopicPartition, int] = {}
        for partition, offset in wanted:
            tp = TopicPartition(self.name, partition)
            starts[tp] = min(offset, starts.get(tp, offset))
            ends[tp] = max(offset + 1, ends.get(tp, 0))
        for records in span(self._broker, starts, ends, self._clock, lambda _: None):
            for record in records:
                place = Place(record.partition, record.offset)
                if place in wanted:
                    source = find(record.headers, SOURCE) or b"no source"
                    yield Found(place, source.decode("utf-8", "replace"), self._fields(record))

    def _all(self) -> Iterator[list[Record]]:
        starts, ends = whole(self._broker, self.name)
        return span(self._broker, starts, ends, self._clock, self._told)

    def _entry(self, record: Record) -> tuple[int, int, Place] | None:
        if is_heartbeat(record.headers) or not self._mine(record):
            return None
        source = hashed(find(record.headers, SOURCE) or b"")
        if self._only is not None and source not in self._only:
            return None
        content = hashed(record.key or b"", b"" if record.value is None else b"1" + record.value)
        return source, content, Place(record.partition, record.offset)

    def _mine(self, record: Record) -> bool:
        return next(reversed(hop_times(record.headers)), None) == self._service

    def _fields(self, record: Record) -> Any:
        key = record.key.decode("utf-8", "backslashreplace") if record.key is not None else None
        try:
            return {"key": key, "value": None if record.value is None else self._decode(record.value)}
        except DeadLetterError as error:
            return {"key": key, "value": record.value, "undecodable": str(error)}


def sources_of(plan: ReplayPlan, broker: Broker, clock: Clock, told: Told) -> Among:
    """Return the sources of the input records inside a plan's span: what live's results are asked for.

    A record without one is its own: it is the one behind the gateway.
    """
    ids = plan.ends.topic_ids

    def hashes() -> Iterator[int]:
        for records in span(broker, plan.starts, plan.ends, clock, told):
            for record in records:
                if not is_heartbeat(record.headers):
                    own = Source(record.topic, ids[record.topic], record.partition, record.offset)
                    yield hashed(find(record.headers, SOURCE) or format_source(own))

    return Among(hashes())
