"""Bronze tables as stores: a row for each record, known by topic id, partition and offset."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import Table

from replay.compare import Found
from replay.entries import Entries, Gathering, Place, canonical, hashed
from services.lake_sink.lines import MAIN
from services.lake_sink.tables import Tables
from streamkit.positions import Positions
from streamkit.records import TopicPartition

Spans = Mapping[int, tuple[int, int]]
"""Partition -> the first offset, and that behind the last."""

Row = Mapping[str, Any]


class RowStore:
    """Records as rows, each with its topic id, partition and offset; a column that is null is none."""

    def __init__(
        self, name: str, topic: str, spans: Spans, rows: Callable[[Spans], Iterator[list[Any]]]
    ) -> None:
        """Take what yields the rows inside spans; of its records, `spans` are compared."""
        self.name = name
        self._topic = topic
        self._spans = {partition: each for partition, each in spans.items() if each[0] < each[1]}
        self._rows = rows

    def entries(self) -> Entries:
        """Return the rows; blocks."""
        gathering = Gathering()
        for rows in self._rows(self._spans):
            gathering.take([(_id(row), hashed(canonical(_fields(row))), _place(row)) for row in rows])
        return gathering.entries()

    def read(self, places: Iterable[Place]) -> Iterator[Found]:
        """Yield the rows at these places; blocks."""
        wanted = set(places)
        if not wanted:
            return
        spans: dict[int, tuple[int, int]] = {}
        for partition, offset in wanted:
            start, end = spans.get(partition, (offset, offset))
            spans[partition] = (min(start, offset), max(end, offset + 1))
        for rows in self._rows(spans):
            for row in rows:
                if _place(row) in wanted:
                    yield Found(_place(row), f"{self._topic}@{_where(row)}", _fields(row))


class BronzeStore(RowStore):
    """The rows of a topic's table inside the span, every column but the name of the namespace."""

    def __init__(self, name: str, tables: Tables, topic: str, topic_id: str, spans: Spans) -> None:
        super().__init__(name, topic, spans, self._in_table)
        self._tables = tables
        self._topic_id = topic_id

    def stands(self) -> Positions:
        """Return how far the table has come; blocks."""
        table = self._tables.find(self._topic)
        return Positions() if table is None else self._tables.head(table).positions

    def behind(self) -> bool:
        """Tell whether the table is still to get records of the span; blocks."""
        at = self.stands()
        return any(at.get(TopicPartition(self._topic, p), 0) < end for p, (_, end) in self._spans.items())

    def _in_table(self, spans: Spans) -> Iterator[list[dict[str, Any]]]:
        table = self._tables.find(self._topic)
        if table is not None:
            for batch in batches(table, spans, self._topic_id, ref=self._tables.ref):
                yield from in_pieces(batch)


def batches(
    table: Table, spans: Spans, topic_id: str, columns: Sequence[str] = ("*",), ref: str = MAIN
) -> Iterator[pa.RecordBatch]:
    """Yield the rows that a branch of a bronze table has inside the spans, file by file; blocks.

    pyiceberg's own reader decodes every file at once, each in a thread, and keeps all of them in memory.
    """
    snapshot = table.metadata.snapshot_by_name(ref)
    if snapshot is None or not spans:
        return
    parts = [
        f"(_partition = {partition} and _offset >= {start} and _offset < {end})"
        for partition, (start, end) in spans.items()
    ]
    chosen = f"_topic_id = '{topic_id}' and ({' or '.join(parts)})"
    # Main is read with the columns of the table, which may have some that no snapshot has yet.
    at = None if ref == MAIN else snapshot.snapshot_id
    scan = table.scan(row_filter=chosen, selected_fields=tuple(columns), snapshot_id=at)
    reader = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
    for task in scan.plan_files():
        yield from reader.to_record_batches([task])


def in_pieces(batch: pa.RecordBatch) -> Iterator[list[dict[str, Any]]]:
    """Yield rows as Python objects in pieces: all at once they would take many times a batch's memory."""
    for start in range(0, batch.num_rows, 5_000):
        yield batch.slice(start, 5_000).to_pylist()


def _id(row: Row) -> int:
    return hashed(_where(row).encode())


def _where(row: Row) -> str:
    return f"{row['_topic_id']}/{row['_partition']}/{row['_offset']}"


def _place(row: Row) -> Place:
    return Place(row["_partition"], row["_offset"])


def _fields(row: Row) -> dict[str, Any]:
    """Return the columns that hold something: a table may have more of them than it had."""
    return {name: value for name, value in row.items() if value is not None}
