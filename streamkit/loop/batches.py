"""Batches: which records are processed next, in one transaction, and in which runs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Protocol

from streamkit.broker import Consumer
from streamkit.clock import Clock
from streamkit.headers import HEARTBEAT, SOURCE
from streamkit.records import Record, TopicPartition

# So many records in one commit mean a backlog: then a fuller transaction is worth a little waiting.
BACKLOG = 500
CATCH_UP_S = 0.025
IDLE_S = 0.1
# A transaction must stay far below its timeout of 5 s, however slow the step and the machine are. So long
# may the steps take: what a commit costs beside them hardly depends on the number of records, and on a busy
# machine may be more than that. In a bounded run nobody waits for the outputs, so more share that cost.
LONGEST_S = 0.2
LONGEST_BOUNDED_S = 1.0
# So long may all of it take, unless a smaller batch would not help.
_LONGEST_WITH_COMMIT_S = 2.0
_FIRST_LIMIT = 250
# Beyond this a pause costs the events more than it spares the machine.
_LONGEST_PAUSE_S = 0.05


class Pace:
    """How many records to collect for one commit, and for how long.

    Live traffic is committed at once, but after the last commit there is a pause of the interval, or of as
    long as that commit took: so a busy machine is given fewer, fuller transactions, which cost it less.
    With a backlog, a commit takes as many records as are processed in about `longest_s`, `max_batch` at most.
    """

    def __init__(
        self, clock: Clock, commit_interval_ms: int, max_batch: int, longest_s: float = LONGEST_S
    ) -> None:
        self._clock = clock
        self._longest_s = longest_s
        self._interval_s = commit_interval_ms / 1000
        self._max_batch = max_batch
        self._next_commit = 0.0
        self._behind = False
        self.limit = min(_FIRST_LIMIT, max_batch)

    def committed(self, records: int, step_s: float, seconds: float) -> None:
        """Note a commit of so many records: the steps took `step_s` of the transaction's `seconds`."""
        pause_s = max(self._interval_s, min(seconds, _LONGEST_PAUSE_S))
        self._next_commit = self._clock.monotonic() + pause_s
        self._behind = records >= min(BACKLOG, self.limit)
        if self._behind:
            by_steps = records * self._longest_s / max(step_s, 0.001)
            by_all = max(_FIRST_LIMIT, records * _LONGEST_WITH_COMMIT_S / max(seconds, 0.001))
            # Growth is bounded, because the next records may be dearer; shrinking is not.
            self.limit = max(1, min(self._max_batch, int(by_steps), int(by_all), 2 * self.limit))

    def wait_s(self) -> float:
        """Return for how long to collect after the first record came."""
        if self._behind:
            return CATCH_UP_S
        return max(0.0, self._next_commit - self._clock.monotonic())


class Batches(Protocol):
    """A source of batches: a strategy of order."""

    def collect(self, consumer: Consumer, running: Sequence[TopicPartition]) -> list[Record]:
        """Return the next records, in the order to process them; may be empty."""
        ...

    def take_ends(self) -> Mapping[TopicPartition, int]:
        """Return, once, where partitions ended beyond their last record."""
        ...

    def forget(self, partitions: set[TopicPartition]) -> None:
        """Drop what is held of partitions that went away or were put back."""
        ...


class Arrivals:
    """Batches in the order of arrival, each partition's records together: the live strategy."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._ends: dict[TopicPartition, int] = {}
        self._held: list[Record] = []

    def collect(self, consumer: Consumer, running: Sequence[TopicPartition]) -> list[Record]:
        """Wait for a first record for 100 ms at most, then for more as the pace allows."""
        del running
        self._held = []
        self._take(consumer, 1, IDLE_S)
        if self._held:
            self._take(consumer, self._pace.limit - 1, self._pace.wait_s())
        records, self._held = self._held, []
        return records

    def take_ends(self) -> Mapping[TopicPartition, int]:
        """Return, once, where partitions ended beyond their last record."""
        ends, self._ends = self._ends, {}
        return ends

    def forget(self, partitions: set[TopicPartition]) -> None:
        """Drop what is held of partitions that went away or were put back."""
        self._held = [record for record in self._held if record.tp not in partitions]
        for tp in partitions:
            self._ends.pop(tp, None)

    def _take(self, consumer: Consumer, limit: int, wait_s: float) -> None:
        polled = consumer.consume(limit, wait_s)
        self._held += polled.records
        self._ends.update(polled.ends)


def runs(records: Sequence[Record], *, keep_order: bool) -> Iterator[tuple[TopicPartition, list[Record]]]:
    """Split a batch into runs of one partition each.

    Without `keep_order` each partition makes one run; with it, a run ends where the partition changes.
    """
    if keep_order:
        for (topic, partition), run in groupby(records, key=_partition_of):
            yield TopicPartition(topic, partition), list(run)
        return
    together: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        place = (record.topic, record.partition)
        if place in together:
            together[place].append(record)
        else:
            together[place] = [record]
    for (topic, partition), each in together.items():
        yield TopicPartition(topic, partition), each


def prepared(run: Sequence[Record], source: str) -> list[Record]:
    """Return the run without heartbeats, each record with a SOURCE header.

    `source` is `topic@topic-id/partition/`. A record of a transform has the header already, as its first.
    """
    kept: list[Record] = []
    for record in run:
        for name, _ in record.headers:
            if name == SOURCE:
                kept.append(record)
                break
            if name == HEARTBEAT:
                break
        else:
            record.headers = ((SOURCE, f"{source}{record.offset}".encode()), *record.headers)
            kept.append(record)
    return kept


def _partition_of(record: Record) -> tuple[str, int]:
    return record.topic, record.partition
