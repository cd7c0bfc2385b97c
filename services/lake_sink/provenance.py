"""Pure: what every bronze table has besides the record's own fields, and how it is partitioned."""

from collections.abc import Iterable, Mapping
from itertools import count

import pyarrow as pa
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform

from services.lake_sink.columns import Column
from services.lake_sink.iceberg_types import optional
from streamkit.errors import StopError

INGEST_TIME = "_ingest_time"
INGEST_DAY = "_ingest_day"

PROVENANCE: Mapping[str, tuple[pa.DataType, str]] = {
    "_topic": (pa.string(), "Topic the record was read from."),
    "_topic_id": (pa.string(), "Its id; a topic made again under the same name has another."),
    "_partition": (pa.int32(), "Partition the record was read from."),
    "_offset": (pa.int64(), "Offset of the record; with topic id and partition its identity."),
    INGEST_TIME: (pa.timestamp("us", "UTC"), "Kafka timestamp; rows are partitioned by its day."),
    "_key": (pa.binary(), "Key as it stands in Kafka."),
    "_headers": (pa.map_(pa.string(), pa.binary()), "Headers in their order; a name may repeat."),
    "_schema_id": (pa.int32(), "Registry id of the writer's schema."),
    "_heartbeat": (pa.bool_(), "True for a record that only moves event time on."),
    "_origin": (pa.string(), "live, or history for records loaded in bulk."),
    "_error": (pa.string(), "Why the value could not be decoded; null for a good row."),
    "_raw": (pa.binary(), "The value as it came, of a row whose columns do not say all of it."),
}
"""Name, type and meaning of each provenance column, in the table's order."""

TABLE_PROPERTIES: Mapping[str, str] = {
    "write.parquet.compression-codec": "zstd",
    # Another writer's automatic retry would append the same rows again after a conflict.
    "commit.retry.num-retries": "0",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
}


def table_name(topic: str) -> str:
    """Return the bronze table's name for a topic."""
    return topic.replace(".", "_").replace("-", "_")


def check_names(topics: Iterable[str]) -> None:
    """Raise StopError when two topics would share one table."""
    owner: dict[str, str] = {}
    for topic in sorted(topics):
        other = owner.setdefault(table_name(topic), topic)
        if other != topic:
            raise StopError(
                f"topics {other} and {topic} would share the table {table_name(topic)}",
                hint="Rename one of them: a dot, a dash and an underscore become the same character",
            )


def table_schema(columns: tuple[Column, ...]) -> Schema:
    """Return the Iceberg schema of a bronze table: provenance first, then the record's columns.

    Every column is optional: a row that could not be decoded has provenance only. Field ids run from 1
    in reading order; a catalog may assign others.
    """
    ids = count(1).__next__
    fields = [optional(name, kind, ids, doc) for name, (kind, doc) in PROVENANCE.items()]
    fields += [optional(column.name, column.type, ids, column.doc) for column in columns]
    return Schema(*fields)


def partition_spec(schema: Schema) -> PartitionSpec:
    """Return the day partitioning over the ingest time."""
    source = schema.find_field(INGEST_TIME).field_id
    return PartitionSpec(PartitionField(source, 1000, DayTransform(), INGEST_DAY))
