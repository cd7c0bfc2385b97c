"""Merged batches: all partitions as one sequence by event time, for history and for replay as corrected."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heappop, heapreplace

from streamkit.broker import Consumer
from streamkit.headers import HEARTBEAT, SOURCE, find
from streamkit.loop.batches import Pace
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

EventTime = Callable[[Record], int]

_MOST_HELD = 5_000
_WAIT_S = 0.1


class Merged:
    """Batches ordered by (event time, source record), up to bounds.

    Takes the smallest of all partitions' next records, so it waits until each unfinished partition has
    one. Within a partition the order of offsets stays, whatever the times say. A heartbeat has its
    partition's turn at once.
    """

    def __init__(self, bounds: Positions, event_time: EventTime, pace: Pace) -> None:
        self._bounds = bounds
        self._event_time = event_time
        self._pace = pace
        self._held: dict[TopicPartition, deque[tuple[tuple[int, bytes], Record]]] = {}
        self._paused: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}
        self._reached: dict[TopicPartition, int] = {}

    def collect(self, consumer: Consumer, running: Sequence[TopicPartition]) -> list[Record]:
        """Return the next records in order; empty while a partition's next record is still to come."""
        unfinished = self._unfinished(running)
        # Without a running partition, too: rebalances happen inside `consume`.
        if not running or any(not self._held.get(tp) for tp in unfinished):
            self._read(consumer)
            unfinished = self._unfinished(running)
        if any(not self._held.get(tp) for tp in unfinished):
            return []
        batch = self._least(running, set(unfinished))
        self._resume(consumer)
        return batch

    def take_ends(self) -> Mapping[TopicPartition, int]:
        """Return, once, where partitions ended, once all that was held of them has been handed out."""
        done = {tp: end for tp, end in self._ends.items() if not self._held.get(tp)}
        for tp in done:
            del self._ends[tp]
        return done

    def forget(self, partitions: set[TopicPartition]) -> None:
        """Drop what is held of partitions that went away or were put back."""
        for tp in partitions:
            self._held.pop(tp, None)
            self._ends.pop(tp, None)
            self._reached.pop(tp, None)
            self._paused.discard(tp)

    def _least(self, running: Sequence[TopicPartition], unfinished: set[TopicPartition]) -> list[Record]:
        """Take the least head again and again, until one is missing that is still to come."""
        heads = [(self._held[tp][0][0], tp) for tp in running if self._held.get(tp)]
        heapify(heads)
        batch: list[Record] = []
        while heads and len(batch) < self._pace.limit:
            tp = heads[0][1]
            held = self._held[tp]
            batch.append(held.popleft()[1])
            if held:
                heapreplace(heads, (held[0][0], tp))
            elif tp in unfinished:
                break
            else:
                heappop(heads)
        return batch

    def _unfinished(self, running: Sequence[TopicPartition]) -> list[TopicPartition]:
        return [tp for tp in running if self._reached.get(tp, 0) < self._bounds.get(tp, 0)]

    def _read(self, consumer: Consumer) -> None:
        polled = consumer.consume(_MOST_HELD, _WAIT_S)
        for record in polled.records:
            tp = record.tp
            self._reached[tp] = record.offset + 1
            if record.offset < self._bounds.get(tp, 0):
                self._held.setdefault(tp, deque()).append((self._place(record), record))
        for tp, end in polled.ends.items():
            self._ends[tp] = end
            self._reached[tp] = max(end, self._reached.get(tp, 0))
        full = [tp for tp, held in self._held.items() if len(held) >= _MOST_HELD and tp not in self._paused]
        if full:
            consumer.pause(full)
            self._paused.update(full)

    def _resume(self, consumer: Consumer) -> None:
        low = [tp for tp in self._paused if len(self._held.get(tp, ())) < _MOST_HELD // 2]
        if low:
            consumer.resume(low)
            self._paused.difference_update(low)

    def _place(self, record: Record) -> tuple[int, bytes]:
        if find(record.headers, HEARTBEAT) is not None:
            return -1, b""
        return self._event_time(record), find(record.headers, SOURCE) or b""
