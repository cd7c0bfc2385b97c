"""A hop of a chain is fed what the hop before it wrote in its replay, in the order that live recorded.

The order in which partitions of one topic meet in the next depends on timing. So a record of the replay takes
the place (partition and offset) of the record that live made from the same source.
"""

import marshal
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import rocksdict

from streamkit.broker import Broker, Consumer, Member, Polled
from streamkit.headers import SOURCE, find, is_heartbeat
from streamkit.records import Record
from streamkit.replay.through import BrokerThrough, ConsumerThrough


class Feed:
    """The records of a replayed topic by their source, on disk; only one process can have it open."""

    def __init__(self, folder: Path, records: Iterable[Record]) -> None:
        """Take all records of the topic; blocks. What the folder held before is replaced."""
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._db = rocksdict.Rdict(str(folder), options)
        for record in records:
            source = find(record.headers, SOURCE)
            if source is not None and not is_heartbeat(record.headers):
                packed = (record.timestamp_ms, record.key, record.value, record.headers)
                self._db[source] = marshal.dumps(packed)

    def placed(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield for each record of live what the replay made of the same source, in live's place.

        Heartbeats are live's own. A record that the replay made nothing for is left out.
        """
        for record in records:
            if is_heartbeat(record.headers):
                yield record
                continue
            packed = self._db.get(find(record.headers, SOURCE) or b"")
            if packed is not None:
                time_ms, key, value, headers = marshal.loads(packed)  # noqa: S302 - written above, by this process
                yield Record(record.topic, record.partition, record.offset, time_ms, key, value, headers)

    def close(self) -> None:
        """Release the disk."""
        self._db.close()


class FedBroker(BrokerThrough):
    """A broker whose `topic` holds what a feed has of it."""

    def __init__(self, broker: Broker, topic: str, feed: Feed) -> None:
        super().__init__(broker)
        self._topic = topic
        self._feed = feed

    def consumer(self, member: Member | None = None, gather_ms: int = 0) -> Consumer:
        """Return a consumer whose records of the topic come from the feed."""
        return _FedConsumer(self._broker.consumer(member, gather_ms), self._topic, self._feed)


class _FedConsumer(ConsumerThrough):
    def __init__(self, consumer: Consumer, topic: str, feed: Feed) -> None:
        super().__init__(consumer)
        self._topic = topic
        self._feed = feed

    def consume(self, max_records: int, timeout_s: float) -> Polled:
        """Return up to `max_records`."""
        polled = self._consumer.consume(max_records, timeout_s)
        mine = [record for record in polled.records if record.topic == self._topic]
        if not mine:
            return polled
        others = [record for record in polled.records if record.topic != self._topic]
        ends = dict(polled.ends)
        # Positions go on with records; behind one that is left out, its place has to be told.
        for record in mine:
            ends[record.tp] = max(record.offset + 1, ends.get(record.tp, 0))
        return Polled([*others, *self._feed.placed(mine)], ends)
