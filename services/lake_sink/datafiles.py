"""Rows as Parquet files of one day each, with what the manifest has to say about every file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.conversions import to_bytes
from pyiceberg.io import FileIO
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
class DayOfRows:
    """Rows of one ingest day; `day` counts from 1970-01-01, None for rows without an ingest time."""

    day: int | None
    rows: pa.Table

    @property
    def folder(self) -> str:
        """The day's folder below the table's data."""
        text = "null" if self.day is None else (_EPOCH + self.day * _DAY).isoformat()
        return f"{INGEST_DAY}={text}"


def by_day(rows: pa.Table) -> Iterator[DayOfRows]:
    """Yield the rows day by day in UTC, in their order; one day is the rule and costs no copy."""
    days = pc.floor_temporal(rows.column(INGEST_TIME), unit="day")
    found = sorted(pc.unique(days).to_pylist(), key=lambda day: (day is None, day))
    for day in found:
        if len(found) == 1:
            part = rows
        else:
            part = rows.filter(pc.is_null(days) if day is None else pc.equal(days, pa.scalar(day, days.type)))
        yield DayOfRows(_days_since_epoch(day), part)


def write_file(io: FileIO, address: str, part: DayOfRows, schema: Schema) -> DataFile:
    """Write one Parquet file (zstd) and return its manifest entry; blocks on the object store.

    Args:
        io: the object store.
        address: where to, such as s3://lake/bronze/t/data/f.parquet.
        part: rows in the shape of `arrow_schema(schema)`.
        schema: the table's schema; its field ids name the columns in the file.
    """
    sink = pa.BufferOutputStream()
    bounded = [name for name in BOUNDED if name in part.rows.column_names]
    with pq.ParquetWriter(
        sink, part.rows.schema, compression="zstd", write_statistics=bounded, use_dictionary=_DICTIONARY
    ) as writer:
        writer.write_table(part.rows)
    content = sink.getvalue()
    with io.new_output(address).create(overwrite=True) as stream:  # no look first: the name is new
        stream.write(content.to_pybytes())
    lower, upper = _bounds(part.rows, schema)
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=address,
        file_format=FileFormat.PARQUET,
        partition=PartitionRecord(part.day),
        record_count=part.rows.num_rows,
        file_size_in_bytes=content.size,
        lower_bounds=lower,
        upper_bounds=upper,
        split_offsets=[4],  # the first row group begins behind the magic
    )


def _bounds(rows: pa.Table, schema: Schema) -> tuple[Mapping[int, bytes], Mapping[int, bytes]]:
    lower: dict[int, bytes] = {}
    upper: dict[int, bytes] = {}
    for name in BOUNDED:
        field = schema.find_field(name) if name in rows.column_names else None
        if field is None or not isinstance(field.field_type, PrimitiveType):
            continue
        column = rows.column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        elif not pa.types.is_integer(column.type):
            continue
        ends = pc.min_max(column).as_py()
        if ends["min"] is not None:
            lower[field.field_id] = to_bytes(field.field_type, ends["min"])
            upper[field.field_id] = to_bytes(field.field_type, ends["max"])
    return lower, upper


def _days_since_epoch(day: datetime | None) -> int | None:
    return None if day is None else (day.astimezone(UTC).date() - _EPOCH).days
