"""What records say: as lake_sink would write them from Kafka, and as bronze's rows say it.

Decoding is lake_sink's own, which encodes what it has read again and holds the bytes against it; so columns
that are equal to a row's say the same as the bytes in Kafka do. Left out are the names of topic and
error, which a later version may word otherwise.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from audit import stores
from audit.digests import Digests
from audit.rowhash import row_hashes
from replay.entries import Place
from services.lake_sink.decode import Writer
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.provenance import table_schema
from services.lake_sink.rows import WriterOf, by_prefix, rows_of, schema_ids
from services.lake_sink.topic import FOREIGN_SCHEMA, Schemas
from streamkit.avro import InvalidSchemaError
from streamkit.errors import DeadLetterError
from streamkit.records import Record
from streamkit.registry import subject_of
from streamkit.serde import PREFIX_BYTES, UNKNOWN_SCHEMA

_NOT_CONTENT = frozenset({"_topic", "_topic_id", "_partition", "_offset", "_error"})
_KEPT_RAW = "kept as it is"
_NO_COLUMNS = arrow_schema(table_schema(()))


class Writers:
    """The writers of one topic's records, by schema id; asks the registry once for each."""

    def __init__(self, topic: str, schemas: Schemas) -> None:
        self._topic = topic
        self._schemas = schemas
        self._known: dict[int, Writer | str] = {}

    def __call__(self, schema_id: int) -> Writer | str:
        """Return the writer, or why lake_sink keeps the bytes; raises RetryableError."""
        known = self._known.get(schema_id)
        if known is None:
            known = self._known[schema_id] = self._writer(schema_id)
        return known

    def _writer(self, schema_id: int) -> Writer | str:
        try:
            writer = Writer(self._schemas.schema(schema_id))
        except (DeadLetterError, InvalidSchemaError, KeyError):
            return UNKNOWN_SCHEMA
        return writer if subject_of(self._topic) in self._schemas.subjects(schema_id) else FOREIGN_SCHEMA


def batches_of(
    records: Sequence[Record], topic_id: str, writers: WriterOf, raw: Collection[Place] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield records as rows with the columns of their writers' schemas.

    Args:
        records: records of one topic.
        topic_id: its id.
        writers: by schema id.
        raw: places of records whose bytes bronze holds instead of columns.
    """
    groups: defaultdict[bytes | str | None, list[Record]] = defaultdict(list)
    for record in records:
        if raw and Place(record.partition, record.offset) in raw:
            groups[_KEPT_RAW].append(record)
        else:
            groups[None if record.value is None else record.value[:PREFIX_BYTES]].append(record)
    for prefix, some in groups.items():
        schema_id = next(iter(schema_ids(by_prefix(some[:1]))), None) if isinstance(prefix, bytes) else None
        writer = _KEPT_RAW if schema_id is None else writers(schema_id)
        yield from _rows(some, topic_id, writer).combine_chunks().to_batches()


def _rows(records: Sequence[Record], topic_id: str, writer: Writer | str) -> pa.Table:
    target = _NO_COLUMNS if isinstance(writer, str) else arrow_schema(table_schema(writer.columns))

    def writer_of(schema_id: int) -> Writer | str:
        del schema_id  # all of them have the same
        return writer

    return rows_of(records, by_prefix(records), topic_id, writer_of, target)


def digest(topic: str, topic_id: str, rows: pa.RecordBatch, into: Digests) -> None:
    """Add what rows of one topic say."""
    content = {name: rows.column(name) for name in rows.schema.names if name not in _NOT_CONTENT}
    hashes = row_hashes(content, rows.num_rows)
    partitions, offsets = rows.column("_partition").to_numpy(), rows.column("_offset").to_numpy()
    for partition in np.unique(partitions).tolist():
        here = partitions == partition
        into.add(stores.Place(topic, topic_id, partition), offsets[here], hashes[here])


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it is compared field by field: without the error, and without what is null inside."""
    return {name: _plain(value) for name, value in row.items() if name != "_error"}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
