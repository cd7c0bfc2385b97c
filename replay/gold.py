"""Window tables as stores, and which of their rows are final at the end of a replay."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.source import FUTURE_MS
from replay.compare import Found
from replay.entries import Entries, Gathering, Place, canonical, hashed
from streamkit.records import Record, TopicPartition

Row = Mapping[str, Any]


class Rows(Protocol):
    """Reads a table whole."""

    def __call__(self) -> Sequence[Row]:
        """Return its rows, none when there is no such table; blocks."""
        ...


class Horizon:
    """Follows the running maximum of event time in each partition, as the window jobs do.

    See flink_jobs/windows/rule.py: a window whose end lies at or before the least of them, less
    out-of-orderness and lateness, can get no more rows; live has written it, or is about to.
    """

    def __init__(self, window: BoundWindow, partitions: Iterable[TopicPartition]) -> None:
        self._settle_ms = window.declaration.settle_ms
        self._maxima: dict[int, int | None] = dict.fromkeys((tp.partition for tp in partitions), None)

    def take(self, record: Record, event_time_ms: int) -> None:
        """Take one record, heartbeats too, in offset order."""
        bounded = min(max(event_time_ms, 0), record.timestamp_ms + FUTURE_MS)
        self._maxima[record.partition] = max(bounded, self._maxima[record.partition] or 0)

    @property
    def final_ms(self) -> int | None:
        """Windows that end at or before this are final; None while a partition has held nothing."""
        maxima = [each for each in self._maxima.values() if each is not None]
        if len(maxima) < len(self._maxima) or not maxima:
            return None
        return min(maxima) - self._settle_ms


class WindowStore:
    """The final rows of a window's table; each is known by its key and window."""

    def __init__(
        self, name: str, rows: Rows, keys: Sequence[str], final_ms: int | None, since_ms: int | None
    ) -> None:
        self.name = name
        self._rows = rows
        self._keys = (*keys, "window_start", "window_end")
        self._final_ms = -1 if final_ms is None else final_ms
        self._since_ms = since_ms
        self._kept: Sequence[Row] = ()

    def entries(self) -> Entries:
        """Return the rows; blocks. `read` goes by the rows of the last call: live's table grows."""
        self._kept = [row for row in self._rows() if self._is_final(milliseconds(row["window_end"]))]
        return _gathered(self._kept, self._keys)

    def read(self, places: Iterable[Place]) -> Iterator[Found]:
        """Yield the rows at these places."""
        return _found(self._kept, self._keys, places)

    def _is_final(self, end_ms: int) -> bool:
        return end_ms <= self._final_ms and (self._since_ms is None or end_ms > self._since_ms)


class LateStore:
    """The rows of a window's late table inside the span, known by place in the log and window."""

    _KEYS = ("source_partition", "source_offset", "window_start", "reason")

    def __init__(self, name: str, rows: Rows, ends: Mapping[int, int], since_ms: int | None) -> None:
        self.name = name
        self._rows = rows
        self._ends = ends
        self._since_ms = since_ms
        self._kept: Sequence[Row] = ()

    def entries(self) -> Entries:
        """Return the rows; blocks. `read` goes by the rows of the last call."""
        self._kept = [row for row in self._rows() if self._is_inside(row)]
        return _gathered(self._kept, self._KEYS)

    def read(self, places: Iterable[Place]) -> Iterator[Found]:
        """Yield the rows at these places."""
        return _found(self._kept, self._KEYS, places)

    def _is_inside(self, row: Row) -> bool:
        inside: bool = row["source_offset"] < self._ends.get(row["source_partition"], 0)
        return inside and (self._since_ms is None or milliseconds(row["kafka_time"]) > self._since_ms)


def milliseconds(stamp: datetime) -> int:
    """Return a timestamp column's value in ms since the epoch."""
    return round(stamp.timestamp() * 1000)


def _gathered(rows: Sequence[Row], keys: Sequence[str]) -> Entries:
    gathering = Gathering()
    gathering.take(
        [(hashed(_about(row, keys)), hashed(canonical(row)), Place(0, at)) for at, row in enumerate(rows)]
    )
    return gathering.entries()


def _found(rows: Sequence[Row], keys: Sequence[str], places: Iterable[Place]) -> Iterator[Found]:
    for place in sorted(set(places)):
        row = rows[place.offset]
        yield Found(place, _about(row, keys).decode(), row)


def _about(row: Row, keys: Sequence[str]) -> bytes:
    return canonical({name: row[name] for name in keys})
