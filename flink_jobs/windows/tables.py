"""The Iceberg tables of a window: their columns and the statements that make them."""

from collections.abc import Mapping
from types import MappingProxyType

from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.sql_text import name, options

CATALOG = "lake"
STAMP = "TIMESTAMP_LTZ(6)"

_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    # Each checkpoint writes a metadata file: keep the newest ones only.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}

_NO_MORE: Mapping[str, str] = MappingProxyType({})


def columns(window: BoundWindow) -> dict[str, str]:
    """Return the columns of the window's table, in order, with their SQL types."""
    declared = window.declaration
    found = {field.name: f"{field.sql_type}" for field in window.keys}
    found |= {"window_start": STAMP, "window_end": STAMP}
    for column, aggregate in declared.aggregates.items():
        keeps_type = aggregate.function in ("min", "max") and aggregate.field
        found[column] = (
            f"{window.field(aggregate.field).sql_type}" if keeps_type and aggregate.field else "BIGINT"
        )
    return found | dict.fromkeys(declared.derived, "DOUBLE")


def late_columns(window: BoundWindow) -> dict[str, str]:
    """Return the columns of its late table: the fields, why it is late, for which window, and its place."""
    found = {field.name: f"{field.sql_type}" for field in window.fields}
    found |= {"reason": "STRING", "window_start": STAMP, "window_end": STAMP}
    return found | {"source_partition": "INT", "source_offset": "BIGINT", "kafka_time": STAMP}


def create(
    database: str, table: str, table_columns: Mapping[str, str], properties: Mapping[str, str] = _NO_MORE
) -> str:
    """Return the statement that makes a table unless it is there.

    It has no partitions: rows come in the order of their time, so that the files' statistics tell days apart,
    while a commit every few seconds into one partition per day would leave small files for ever.
    """
    body = ",\n  ".join(f"{name(column)} {kind}" for column, kind in table_columns.items())
    with_clause = options({**_PROPERTIES, **properties})
    return f"CREATE TABLE IF NOT EXISTS {qualified(database, table)} (\n  {body}\n) {with_clause}"


def insert(database: str, table: str, query: str) -> str:
    """Return the statement that appends a query's rows to a table."""
    # One writer: its rows are few, and each writer adds a file to each commit.
    return f"INSERT INTO {qualified(database, table)} /*+ OPTIONS('write-parallelism'='1') */\n{query}"


def qualified(database: str, table: str) -> str:
    """Return the table's full name in SQL."""
    return ".".join(name(part) for part in (CATALOG, database, table))
