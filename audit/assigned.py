"""Pure: which records belong to which windows, counted: windows of fixed times, and sessions."""

from collections import Counter
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from audit.offsets import Ints
from audit.rowhash import Hashes
from audit.tally import Group
from flink_jobs.windows.declaration import Hop, Session, Tumble

NEVER_MS = -(2**62)


class Bounds(NamedTuple):
    """Which windows are compared: those that begin at `since_ms` or later and end in (settled, final]."""

    since_ms: int
    settled_ms: int
    final_ms: int

    def new(self, start_ms: int, end_ms: int) -> bool:
        """Tell whether a window was closed since windows were last settled."""
        return start_ms >= self.since_ms and self.settled_ms < end_ms <= self.final_ms


class Due(NamedTuple):
    """What the tables have to account for.

    Attributes:
        records: by group.
        windows: how many were closed since windows were last settled.
        open: how many may still grow.
        kept: late rows of records that were taken, by the same groups.
    """

    records: Counter[Group]
    windows: int
    open: int
    kept: Counter[Group]


class LateRow(NamedTuple):
    """A row of a late table with the reason `late`; a session's has no window. `new` as in `LateRows`."""

    key: int
    start_ms: int | None
    end_ms: int | None
    partition: int
    offset: int
    new: bool


class Records(NamedTuple):
    """Some records: the hash of each one's key, when it happened, and where it stands."""

    keys: Hashes
    times: Ints
    partitions: Ints
    offsets: Ints


class Assigned(Protocol):
    """Counts records by the windows that they belong to."""

    def add(self, records: Records) -> None:
        """Take records."""
        ...

    def due(self, bounds: Bounds, late: list[LateRow]) -> Due:
        """Return what the tables have to account for, given the late rows of what was taken."""
        ...

    def settle(self, bounds: Bounds) -> None:
        """Forget what the last call of `due` has accounted for."""
        ...


class Aligned:
    """Windows of one length that begin at whole slides since 1970."""

    def __init__(self, assign: Tumble | Hop) -> None:
        self._size = assign.size
        self._slide = assign.slide if isinstance(assign, Hop) else assign.size
        self._counts: Counter[Group] = Counter()

    def add(self, records: Records) -> None:
        """Take records."""
        last = records.times // self._slide * self._slide
        for back in range(0, self._size, self._slide):
            pairs = pa.table({"key": records.keys, "start": last - back})
            groups = pairs.group_by(["key", "start"]).aggregate([([], "count_all")]).to_pydict()
            for key, start, count in zip(groups["key"], groups["start"], groups["count_all"], strict=True):
                self._counts[key, start] += count

    def due(self, bounds: Bounds, late: list[LateRow]) -> Due:
        """Return what the tables have to account for; a window that was settled has late rows only."""
        seen = {group: count for group, count in self._counts.items() if group[1] >= bounds.since_ms}
        records = Counter({g: n for g, n in seen.items() if g[1] + self._size <= bounds.final_ms})
        kept = Counter(
            (row.key, row.start_ms)
            for row in late
            if row.start_ms is not None
            and row.start_ms >= bounds.since_ms
            and row.start_ms + self._size <= bounds.final_ms
            and (row.new or row.start_ms + self._size > bounds.settled_ms)
        )
        new = sum(start + self._size > bounds.settled_ms for _, start in records)
        return Due(records, new, len(seen) - len(records), kept)

    def settle(self, bounds: Bounds) -> None:
        """Forget closed windows."""
        left = {g: n for g, n in self._counts.items() if g[1] + self._size > bounds.final_ms}
        self._counts = Counter(left)


class Islands:
    """Sessions: all records of a key no further than `gap` apart, but those that are kept as late."""

    def __init__(self, assign: Session) -> None:
        self._gap = assign.gap
        self._parts: list[Records] = []
        self._left = np.empty(0, np.int64)

    def add(self, records: Records) -> None:
        """Take records."""
        self._parts.append(records)

    def due(self, bounds: Bounds, late: list[LateRow]) -> Due:
        """Return what the tables have to account for.

        A late row belongs to no session: it stands for itself, by its key and its record's place in one
        number. A session that may have begun before `since_ms` is left out.
        """
        records = self._all()
        places = _places(records.partitions, records.offsets)
        gone = np.array([_place(row) for row in late if row.new], np.int64)
        is_late = np.isin(places, gone)
        kept = Counter((row.key, -1 - _place(row)) for row in late if row.new)
        due = Counter(
            (key, -1 - place)
            for key, place in zip(records.keys[is_late].tolist(), places[is_late].tolist(), strict=True)
        )
        order = np.lexsort((records.times, records.keys))
        order = order[~is_late[order]]
        starts, stops = _islands(records.keys[order], records.times[order], self._gap)
        closed = np.zeros(places.size, np.bool_)
        since = bounds.since_ms + self._gap if bounds.since_ms > NEVER_MS else NEVER_MS
        windows = 0
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            first, last = int(records.times[order[start]]), int(records.times[order[stop - 1]])
            if last + self._gap <= bounds.final_ms:
                closed[order[start:stop]] = True
                if first >= since:
                    due[int(records.keys[order[start]]), first] += stop - start
                    windows += 1
        self._left = np.flatnonzero(~closed & ~is_late)
        return Due(due, windows, starts.size - windows, kept)

    def settle(self, bounds: Bounds) -> None:
        """Forget closed sessions and late records."""
        del bounds
        keys, times, partitions, offsets = self._all()
        left = self._left
        self._parts = [Records(keys[left], times[left], partitions[left], offsets[left])]

    def _all(self) -> Records:
        if not self._parts:
            none = np.empty(0, np.int64)
            return Records(np.empty(0, np.uint64), none, none, none)
        self._parts = [Records(*(np.concatenate(columns) for columns in zip(*self._parts, strict=True)))]
        return self._parts[0]


def _islands(keys: Hashes, times: Ints, gap: int) -> tuple[Ints, Ints]:
    """Return where each session begins and ends among records in the order of key and time."""
    if not keys.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    begins = np.concatenate(([True], (keys[1:] != keys[:-1]) | (np.diff(times) > gap)))
    starts = np.flatnonzero(begins)
    return starts, np.append(starts[1:], keys.size)


def _place(row: LateRow) -> int:
    return row.partition << 48 | row.offset


def _places(partitions: Ints, offsets: Ints) -> Ints:
    return partitions << 48 | offsets
