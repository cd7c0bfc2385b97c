"""The lake as a Destination: each topic a table, each table's positions in its own snapshots."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from pyiceberg.table import Table

from services.lake_sink.commit import Committer
from services.lake_sink.errors import NoTableError
from services.lake_sink.tables import Tables
from services.lake_sink.topic import Schemas, TopicBuffer
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

COMMITS_AT_ONCE = 4
LOOK_EVERY_S = 60.0
"""A commit finds out by itself that its table was rolled back; tables without rows are looked at so often."""

TopicIds = Callable[[Iterable[str]], Mapping[str, str]]
"""Returns the present id of each topic; raises RetryableError when the broker is away."""


class LakeDestination:
    """Keeps records and positions in one atomic commit per table; see streamkit.sink.Destination.

    A crash between the commits of two tables is no harm: each table says for itself where to go on.
    """

    def __init__(
        self,
        tables: Tables,
        committer: Committer,
        schemas: Schemas,
        topic_ids: TopicIds,
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._tables = tables
        self._committer = committer
        self._schemas = schemas
        self._topic_ids = topic_ids
        self._new_id = new_id
        self._clock = clock
        self._next_look = 0.0
        self._topics: dict[str, TopicBuffer] = {}
        self._pool = ThreadPoolExecutor(COMMITS_AT_ONCE, thread_name_prefix="commit")
        self._encoders = ThreadPoolExecutor(1, thread_name_prefix="encode")

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Forget what is not committed; return where the tables stand, by the tables alone.

        Raises:
            NoTableError: another writer is to make a table, and has not done so yet.
        """
        by_topic: defaultdict[str, list[TopicPartition]] = defaultdict(list)
        for tp in partitions:
            by_topic[tp.topic].append(tp)
        ids = self._topic_ids(by_topic)
        self._topics = {
            topic: TopicBuffer(
                topic, ids[topic], self._tables, self._schemas, self._table(topic, own), self._encoders
            )
            for topic, own in by_topic.items()
        }
        stands = Positions()
        for topic, own in by_topic.items():
            stands = stands.merge(self._topics[topic].stands(own))
        return stands

    def _table(self, topic: str, own: Sequence[TopicPartition]) -> Table:
        """Return the topic's table. Whoever has partition 0 makes it: see Tables.make for why one alone."""
        found = self._tables.find(topic)
        if found is not None:
            return found
        if TopicPartition(topic, 0) not in own:
            raise NoTableError("the writer of partition 0 has not made the table yet", topic=topic)
        return self._tables.make(topic)

    def write(self, batch: Sequence[Record]) -> None:
        """Take records of any topics; bounded by the loop's flush limits."""
        topics = {record.topic for record in batch}
        if len(topics) == 1:  # the rule in a backlog
            self._topics[topics.pop()].take(batch)
            return
        by_topic: defaultdict[str, list[Record]] = defaultdict(list)
        for record in batch:
            by_topic[record.topic].append(record)
        for topic, records in by_topic.items():
            self._topics[topic].take(records)

    def commit(self, positions: Positions) -> None:
        """Commit every table, several at once; blocks on registry, object store and catalog.

        Returns or raises when each table's commit has ended. A slow catalog so costs one wait, not one per
        table.
        """
        look = self._clock.monotonic() >= self._next_look
        if look:
            self._next_look = self._clock.monotonic() + LOOK_EVERY_S

        def commit(topic: str) -> None:
            reached = positions.only([tp for tp in positions if tp.topic == topic])
            if not self._topics[topic].commit(reached, self._new_id(), self._committer.commit) and look:
                self._topics[topic].check(reached)

        ended = [self._pool.submit(commit, topic) for topic in self._topics]
        errors = [error for each in ended if (error := each.exception()) is not None]
        # Arrow would keep what the largest commit took for the rest of the process's life.
        pa.default_memory_pool().release_unused()
        if errors:
            # What needs a person comes before what passes by itself.
            raise min(errors, key=lambda error: isinstance(error, RetryableError))

    def close(self) -> None:
        """Drop what is not committed; Kafka still has it."""
        self._topics = {}
        self._pool.shutdown()
        self._encoders.shutdown()
        self._committer.close()
