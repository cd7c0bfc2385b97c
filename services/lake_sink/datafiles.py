"""Rows as Parquet files of one day each, with what the manifest has to say about every file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record as PartitionRecord
from pyiceberg.types import PrimitiveType

from services.lake_sink.provenance import INGEST_DAY, INGEST_TIME

# Bounds of these let a reader skip files; bounds of every column would make manifests large and slow.
BOUNDED = ("_partition", "_offset", INGEST_TIME, "event_time")
# Elsewhere zstd finds repetition as well as a dictionary does, for two thirds of the CPU time.
_DICTIONARY = ["_topic", "_topic_id", "_origin", "_headers.key_value.key"]
_EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EncodedFile:
    """One Parquet file in memory.

    Attributes:
        day: ingest day of its rows from 1970-01-01, None for rows without an ingest time.
        content: the file's bytes.
        rows: number of rows.
        undecodable: number of rows that hold an error.
        lower: least value by field id, in Iceberg's single-value form, where there is one.
        upper: greatest value by field id.
        row_groups: where each row group begins.
    """

    day: int | None
    content: pa.Buffer
    rows: int
    undecodable: int
    lower: Mapping[int, bytes]
    upper: Mapping[int, bytes]
    row_groups: Sequence[int]

    @property
    def folder(self) -> str:
        """The day's folder below the table's data."""
        text = "null" if self.day is None else (_EPOCH + self.day * _DAY).isoformat()
        return f"{INGEST_DAY}={text}"


class Encoder:
    """Rows of one table schema, encoded as they come: what is held of them is compressed.

    Calls must not overlap; `add` and `finish` leave the interpreter free while they compress.
    """

    def __init__(self, schema: Schema) -> None:
        """Begin without rows; files get the schema's field ids."""
        self._schema = schema
        self._open: dict[int | None, _OpenFile] = {}

    def add(self, rows: pa.Table) -> None:
        """Encode rows in the shape of `arrow_schema(schema)` as a row group, in their order."""
        for day, part in by_day(rows):
            if day not in self._open:
                self._open[day] = _OpenFile(part.schema)
            self._open[day].add(part)

    def finish(self) -> list[EncodedFile]:
        """Return a file for each day that has rows."""
        days = sorted(self._open, key=lambda day: (day is None, day or 0))
        return [self._open[day].finish(day, self._schema) for day in days]


class _OpenFile:
    """One file that still grows."""

    def __init__(self, schema: pa.Schema) -> None:
        self._sink = pa.BufferOutputStream()
        self._bounded = [name for name in BOUNDED if _is_bounded(schema, name)]
        self._writer = pq.ParquetWriter(
            self._sink, schema, compression="zstd", write_statistics=self._bounded, use_dictionary=_DICTIONARY
        )
        self._ends: dict[str, tuple[int, int]] = {}
        self._rows = 0
        self._undecodable = 0
        self._row_groups: list[int] = []

    def add(self, rows: pa.Table) -> None:
        self._row_groups.append(self._sink.tell())
        self._writer.write_table(rows)
        self._rows += rows.num_rows
        self._undecodable += rows.num_rows - rows.column("_error").null_count
        for name in self._bounded:
            column = rows.column(name)
            found = pc.min_max(column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column)
            low, high = found["min"].as_py(), found["max"].as_py()
            if low is not None:
                known = self._ends.get(name, (low, high))
                self._ends[name] = (min(low, known[0]), max(high, known[1]))

    def finish(self, day: int | None, schema: Schema) -> EncodedFile:
        self._writer.close()
        lower, upper = _bounds(self._ends, schema)
        content = self._sink.getvalue()
        return EncodedFile(day, content, self._rows, self._undecodable, lower, upper, tuple(self._row_groups))


def by_day(rows: pa.Table) -> Iterator[tuple[int | None, pa.Table]]:
    """Yield the rows by UTC day from 1970-01-01, in their order; one day is the rule and costs no copy."""
    days = pc.floor_temporal(rows.column(INGEST_TIME), unit="day")
    found = sorted(pc.unique(days).to_pylist(), key=lambda day: (day is None, day))
    for day in found:
        if len(found) == 1:
            part = rows
        else:
            part = rows.filter(pc.is_null(days) if day is None else pc.equal(days, pa.scalar(day, days.type)))
        yield _days_since_epoch(day), part


def entry(address: str, file: EncodedFile) -> DataFile:
    """Return a file's manifest entry.

    Args:
        address: where it lies, such as s3://lake/bronze/t/data/f.parquet.
        file: the file.
    """
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=address,
        file_format=FileFormat.PARQUET,
        partition=PartitionRecord(file.day),
        record_count=file.rows,
        file_size_in_bytes=file.content.size,
        lower_bounds=file.lower,
        upper_bounds=file.upper,
        split_offsets=list(file.row_groups),
    )


def _is_bounded(schema: pa.Schema, name: str) -> bool:
    if name not in schema.names:
        return False
    kind = schema.field(name).type
    return bool(pa.types.is_timestamp(kind) or pa.types.is_integer(kind))


def _bounds(
    ends: Mapping[str, tuple[int, int]], schema: Schema
) -> tuple[Mapping[int, bytes], Mapping[int, bytes]]:
    lower: dict[int, bytes] = {}
    upper: dict[int, bytes] = {}
    for name, (low, high) in ends.items():
        field = schema.find_field(name)
        if isinstance(field.field_type, PrimitiveType):
            lower[field.field_id] = to_bytes(field.field_type, low)
            upper[field.field_id] = to_bytes(field.field_type, high)
    return lower, upper


def _days_since_epoch(day: datetime | None) -> int | None:
    return None if day is None else (day.astimezone(UTC).date() - _EPOCH).days
