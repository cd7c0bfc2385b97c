"""The events of one key in event-time order, kept as packed bytes in a key-value store.

Every question is a prefix: how many events have a time <= x, and what do their amounts add up to? The window
(a, b] is the difference of two prefixes, so it costs two binary searches whatever its length, and nothing is
ever rounded into buckets.

A quiet key is one value. A busy one seals its older half into segments under keys of their own; a directory,
written only when a segment is sealed or changed, finds them. So what is written per event stays below 4 kB
however busy the key is.

What a log keeps is a function of its events alone: those later than `newest - keep`, where `newest` is the
greatest event time it has seen.
"""

import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from payments.segments import Directory, Segment

SEGMENT_EVENTS = 256  # an open segment longer than this seals its older half

BUCKETS = 64  # of `sweep`

_HEAD = struct.Struct("<?qqq")  # has a directory, newest, count and total before the open segment


class WindowStateError(Exception):
    """A stored log contradicts itself; it has to be rebuilt from the topic."""


class Store(Protocol):
    """The part of a key-value state that event logs need."""

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        ...

    def put(self, key: bytes, value: bytes) -> None:
        """Set the value of `key`."""
        ...

    def delete(self, key: bytes) -> None:
        """Forget `key`; no error when it is not there."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value) pairs whose key starts with `prefix`."""
        ...


class EventLog:
    """The events of one key: load, `insert`, ask `upto`, `save`.

    Args:
        store: where the log is kept.
        key: the log's key (see `log_key`).
        keep_ms: how much event time behind the newest event stays visible.
        segment_events: open events above which the older half is sealed, at least 1.
    """

    __slots__ = (
        "_base_events",
        "_base_total",
        "_directory",
        "_directory_changed",
        "_keep_ms",
        "_key",
        "_limit",
        "_newest",
        "_open",
        "_store",
    )

    def __init__(self, store: Store, key: bytes, keep_ms: int, segment_events: int = SEGMENT_EVENTS) -> None:
        self._store = store
        self._key = key
        self._keep_ms = keep_ms
        self._limit = segment_events
        self._directory: Directory | None = None
        self._directory_changed = False
        value = store.get(b"wh" + key)
        if value is None:
            self._newest: int | None = None
            self._base_events = self._base_total = 0
            self._open = Segment()
            return
        has_directory, self._newest, self._base_events, self._base_total = _HEAD.unpack_from(value)
        self._open = Segment(value[_HEAD.size :])
        if has_directory:
            self._directory = Directory(store.get(b"wd" + key) or b"")

    @property
    def horizon_ms(self) -> int | None:
        """Events at or before this time are gone; None while the log is empty."""
        return None if self._newest is None else self._newest - self._keep_ms

    def insert(self, time_ms: int, amount: int) -> bool:
        """Add an event behind all earlier and equal times and drop what is now behind the horizon.

        False, and no change, when the event itself is at or before the horizon.
        """
        newest = self._newest
        if newest is not None and time_ms < newest:
            if time_ms <= newest - self._keep_ms:
                return False
            sealed = self._sealed_at(time_ms)
            if sealed is not None:
                self._insert_sealed(sealed, time_ms, amount)
                return True
        self._open.insert(time_ms, amount, self._base_total)
        if newest is None or time_ms > newest:
            self._newest = time_ms
            self._evict(time_ms - self._keep_ms)
        return True

    def upto(self, times_ms: Sequence[int]) -> list[tuple[int, int]]:
        """For each time, how many events are not later, and the sum of their amounts.

        Both count from an origin that all questions between `insert` and `save` share. A time before the
        horizon counts as the horizon: what is behind it is gone.
        """
        if self._directory is not None and self._newest is not None:
            horizon = self._newest - self._keep_ms
            return [self._upto(max(horizon, time_ms)) for time_ms in times_ms]
        times, totals = self._open.times, self._open.totals
        positions = [bisect_right(times, time_ms) for time_ms in times_ms]
        events, total = self._base_events, self._base_total
        return [(events + at, totals[at - 1] if at else total) for at in positions]

    def save(self) -> None:
        """Write the log back."""
        if self._newest is None:
            return
        if len(self._open.times) > self._limit:
            self._seal()
        if self._directory_changed and self._directory is not None:
            self._store.put(b"wd" + self._key, self._directory.pack())
        elif self._directory_changed:
            self._store.delete(b"wd" + self._key)
        head = _HEAD.pack(self._directory is not None, self._newest, self._base_events, self._base_total)
        self._store.put(b"wh" + self._key, head + self._open.pack())

    def _upto(self, time_ms: int) -> tuple[int, int]:
        sealed = self._sealed_at(time_ms)
        if sealed is not None:
            return self._upto_sealed(sealed, time_ms)
        position = bisect_right(self._open.times, time_ms)
        total = self._open.totals[position - 1] if position else self._base_total
        return self._base_events + position, total

    def _sealed_at(self, time_ms: int) -> tuple[Directory, int] | None:
        """Where the sealed segment is that `time_ms` falls into; None when it falls into the open one."""
        directory = self._directory
        if directory is None:
            return None
        index = bisect_right(directory.last_times, time_ms)
        return (directory, index) if index < len(directory) else None

    def _segment_key(self, number: int) -> bytes:
        return b"ws" + self._key + number.to_bytes(8, "big")

    def _segment(self, number: int) -> Segment:
        packed = self._store.get(self._segment_key(number))
        if packed is None:
            raise WindowStateError("a window's segment is missing; rebuild the state with: kapstan replay")
        return Segment(packed)

    def _insert_sealed(self, sealed: tuple[Directory, int], time_ms: int, amount: int) -> None:
        directory, index = sealed
        number = directory.numbers[index]
        segment = self._segment(number)
        segment.insert(time_ms, amount, 0)
        self._store.put(self._segment_key(number), segment.pack())
        directory.add_event(index, amount)
        self._directory_changed = True
        self._base_events += 1
        self._base_total += amount
        for position in range(len(self._open.totals)):
            self._open.totals[position] += amount

    def _upto_sealed(self, sealed: tuple[Directory, int], time_ms: int) -> tuple[int, int]:
        directory, index = sealed
        segment = self._segment(directory.numbers[index])
        position = bisect_right(segment.times, time_ms)
        inside = segment.totals[position - 1] if position else 0
        events = directory.counts[index] - len(segment.times) + position
        return events, directory.totals[index] - segment.totals[-1] + inside

    def _evict(self, horizon_ms: int) -> None:
        if self._directory is not None:
            self._evict_sealed(self._directory, bisect_right(self._directory.last_times, horizon_ms))
        # Beside sealed segments what has expired may wait, because `upto` begins at the horizon then.
        if self._directory is None and self._open.times[0] <= horizon_ms:
            expired = bisect_right(self._open.times, horizon_ms)
            self._base_total = self._open.split(expired).totals[-1]
            self._base_events += expired

    def _evict_sealed(self, directory: Directory, expired: int) -> None:
        if not expired:
            return
        for number in directory.drop(expired):
            self._store.delete(self._segment_key(number))
        self._directory_changed = True
        if not len(directory):
            self._directory = None

    def _seal(self) -> None:
        size = (len(self._open.times) + 1) // 2
        segment = self._open.split(size)
        before, self._base_total = self._base_total, segment.totals[-1]
        self._base_events += size
        if self._directory is None:
            self._directory = Directory()
        number = self._directory.append(segment.times[-1], self._base_events, self._base_total)
        for position in range(size):
            segment.totals[position] -= before
        self._store.put(self._segment_key(number), segment.pack())
        self._directory_changed = True


@lru_cache(maxsize=65_536)
def log_key(*parts: str) -> bytes:
    """Key of a log: a bucket byte for `sweep`, then each part behind its length, so that no two collide."""
    encoded = [part.encode() for part in parts]
    name = b"".join([b"%d:%b" % (len(part), part) for part in encoded])
    return bytes((zlib.crc32(name) % BUCKETS,)) + name


def sweep(store: Store, bucket: int, before_ms: int) -> int:
    """Delete the logs of one bucket whose newest event is before `before_ms`; returns how many.

    Buckets are numbered from 0 to BUCKETS - 1. A key that falls silent is never written again, so nothing
    else would ever forget it.
    """
    deleted = 0
    for head_key, value in list(store.scan(b"wh" + bytes([bucket]))):
        has_directory, newest, _, _ = _HEAD.unpack_from(value)
        if newest >= before_ms:
            continue
        key = head_key[2:]
        if has_directory:
            for number in Directory(store.get(b"wd" + key) or b"").numbers:
                store.delete(b"ws" + key + number.to_bytes(8, "big"))
            store.delete(b"wd" + key)
        store.delete(head_key)
        deleted += 1
    return deleted
