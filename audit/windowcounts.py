"""Pure: how many records of the log belong to each window, and how its tables account for them.

Every record is either counted in the row of its key and window, or kept as a late row of that window: once
for each window that it belongs to. Which of both it is, is the job's to decide and not asked here; only
windows are compared that no record can reach any more (`replay.gold.Horizon` has the rule).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audit.assigned import NEVER_MS, Aligned, Assigned, Bounds, Due, Islands, LateRow, Records
from audit.refined import Columns
from audit.rowhash import Hashes, row_hashes
from audit.tally import Group, Tally
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.declaration import Condition, Session
from flink_jobs.windows.source import FUTURE_MS

LATE = "late"
Spans = Mapping[int, tuple[int, int]]


def count_column(window: BoundWindow) -> str | None:
    """Return the column that counts every record of a window, None when none does."""
    aggregates = window.declaration.aggregates.items()
    return next((name for name, each in aggregates if each.function == "count" and not each.where), None)


class WindowCounts:
    """Counts the records of one window's topic, part after part, and holds its tables against the counts."""

    def __init__(self, window: BoundWindow, since_ms: int | None = None) -> None:
        """Take the window, and the event time from which on every record is seen; None for all times."""
        self.window = window
        self.since_ms = NEVER_MS if since_ms is None else since_ms
        self.settled_ms = NEVER_MS
        self.compared_ms: int | None = None
        self._keys = [each.name for each in window.keys]
        self._names: dict[int, str] = {}
        assign = window.declaration.assign
        self._assigned: Assigned = Islands(assign) if isinstance(assign, Session) else Aligned(assign)
        self._misdated: Counter[Group] = Counter()
        self._maxima: dict[int, int] = {}

    def take(self, columns: Columns) -> None:
        """Take records of the topic, heartbeats too."""
        happened = columns.values[self.window.event_time].cast(pa.int64()).to_numpy(zero_copy_only=False)
        bounded = np.maximum(np.minimum(happened, columns.kafka_ms + FUTURE_MS), 0)
        for partition in np.unique(columns.partitions).tolist():
            highest = int(bounded[columns.partitions == partition].max())
            self._maxima[partition] = max(highest, self._maxima.get(partition, 0))
        mine = ~columns.heartbeats & _holds(self.window.declaration.where, columns.values, happened.size)
        for row in np.flatnonzero(mine & (happened != bounded)).tolist():
            self._misdated[int(columns.partitions[row]), int(columns.offsets[row])] += 1
        rows = np.flatnonzero(mine & (happened == bounded))
        if rows.size:
            keys = self._hashes({name: columns.values[name].take(rows) for name in self._keys}, rows.size)
            self._assigned.add(Records(keys, happened[rows], columns.partitions[rows], columns.offsets[rows]))

    def final_ms(self, partitions: Iterable[int]) -> int | None:
        """Return until when windows are closed; None while one of the topic's partitions has held nothing."""
        every = list(partitions)
        if not every or any(partition not in self._maxima for partition in every):
            return None
        return min(self._maxima[each] for each in every) - self.window.declaration.settle_ms

    def compare(self, final_ms: int, rows: pa.Table, late: pa.Table, taken: Spans) -> tuple[Tally, Due]:
        """Return how the tables account for the records in windows that end at or before `final_ms`.

        Args:
            final_ms: as `final_ms` gives it, or less.
            rows: of the window's table: keys, window_start, window_end and the column that counts.
            late: of its late table: keys, reason, window_start, window_end, source_partition, source_offset.
            taken: by partition, the offsets of what was taken since windows were last settled.
        """
        bounds = Bounds(self.since_ms, self.settled_ms, final_ms)
        self.compared_ms = final_ms
        reasons = late.column("reason").to_pylist()
        rows_late = list(self._late(late, taken))
        due = self._assigned.due(
            bounds,
            [row for row, why in zip(rows_late, reasons, strict=True) if why == LATE and row.offset >= 0],
        )
        tally = Tally()
        tally.take(due.records, self._on_time(rows, bounds) + due.kept, self._about)
        strays = Counter(
            (row.partition, row.offset)
            for row, why in zip(rows_late, reasons, strict=True)
            if why != LATE and row.new
        )
        tally.take(self._misdated, strays, self._place)
        return tally, due

    def settle(self) -> None:
        """Forget the windows that the last call of `compare` closed; only late rows of them can come."""
        if self.compared_ms is not None:
            self._assigned.settle(Bounds(self.since_ms, self.settled_ms, self.compared_ms))
            self._misdated.clear()
            self.settled_ms, self.compared_ms = self.compared_ms, None

    def anew(self) -> "WindowCounts":
        """Return counts that begin with what comes now, for windows that no record before belongs to."""
        made = WindowCounts(self.window, max(self._maxima.values(), default=0) + FUTURE_MS)
        made._maxima = dict(self._maxima)
        return made

    def _late(self, late: pa.Table, taken: Spans) -> Iterable[LateRow]:
        """Yield the late rows in order; one of a record that was not read yet has the offset -1."""
        keys = self._hashes({name: late.column(name) for name in self._keys}, late.num_rows).tolist()
        columns = [late.column(name).to_pylist() for name in ("source_partition", "source_offset")]
        starts, ends = (_milliseconds(late.column(name)) for name in ("window_start", "window_end"))
        for key, start, end, partition, offset in zip(keys, starts, ends, *columns, strict=True):
            first, stop = taken.get(partition, (0, 0))
            at = offset if offset < stop else -1
            yield LateRow(key, start, end, partition, at, first <= offset < stop)

    def _on_time(self, rows: pa.Table, bounds: Bounds) -> Counter[Group]:
        keys = self._hashes({name: rows.column(name) for name in self._keys}, rows.num_rows).tolist()
        starts, ends = (_milliseconds(rows.column(name)) for name in ("window_start", "window_end"))
        counts = rows.column(count_column(self.window) or "").to_pylist()
        found: Counter[Group] = Counter()
        for key, start, end, count in zip(keys, starts, ends, counts, strict=True):
            if bounds.new(start or 0, end or 0):
                found[key, start or 0] += count
        return found

    def _hashes(self, columns: Mapping[str, pa.Array | pa.ChunkedArray], rows: int) -> Hashes:
        """Return the hash of each row's key, and remember what the new ones say."""
        whole = {
            name: column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
            for name, column in columns.items()
        }
        keys = row_hashes(whole, rows)
        distinct, first = np.unique(keys, return_index=True)
        for key, row in zip(distinct.tolist(), first.tolist(), strict=True):
            if key not in self._names:
                self._names[key] = ", ".join(f"{name} {each[row].as_py()}" for name, each in whole.items())
        return keys

    def _about(self, group: Group) -> str:
        key, start = group
        window = self.window.declaration.window
        if start < 0 and isinstance(self.window.declaration.assign, Session):
            place = -1 - start
            return f"{window}: late row of {self._place((place >> 48, place & (1 << 48) - 1))}"
        moment = datetime.fromtimestamp(start / 1000, UTC).isoformat(timespec="milliseconds")
        return f"{window}: {self._names[key]}, from {moment}"

    def _place(self, group: Group) -> str:
        return f"{self.window.declaration.topic}/{group[0]}/{group[1]}"


def _holds(condition: Condition, values: Mapping[str, pa.Array], rows: int) -> npt.NDArray[np.bool_]:
    """Tell of each record whether it is one that the window takes; a null is no value."""
    found = np.ones(rows, np.bool_)
    for name, expected in condition.items():
        wanted = list(expected) if isinstance(expected, tuple) else [expected]
        among = pc.is_in(values[name], value_set=pa.array(wanted).cast(values[name].type))
        found &= among.to_numpy(zero_copy_only=False)
    return found


def _milliseconds(stamps: pa.ChunkedArray) -> Sequence[int | None]:
    found: list[int | None] = pc.divide(
        stamps.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), 1000
    ).to_pylist()
    return found
