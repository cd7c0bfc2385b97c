"""Pure: records of one topic as rows of its bronze table, provenance and decoded columns side by side."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.lake_sink.decode import Writer, nulls
from services.lake_sink.provenance import PROVENANCE
from streamkit.headers import HEARTBEAT, ORIGIN
from streamkit.records import Record
from streamkit.serde import MAGIC, NO_MAGIC, PREFIX_BYTES

WriterOf = Callable[[int], Writer | str]
"""Returns the writer for a schema id, or why its records cannot be rows of the table."""

Groups = Mapping[bytes | None, Sequence[int]]
"""Row numbers by what their values begin with."""

_MAX_TIMESTAMP_MS = (2**63 - 1) // 1000
_MAX_INT = 2**31 - 1
_NO_MAGIC = f"{NO_MAGIC}: the value does not begin with the wire format's 0x00 and schema id"


def rows_of(
    records: Sequence[Record], groups: Groups, topic_id: str, writer_of: WriterOf, target: pa.Schema
) -> pa.Table:
    """Return one row per record, in their order, in the shape of the table.

    Args:
        records: at least one, all of one topic.
        groups: what `by_prefix` says of them.
        topic_id: id of that topic.
        writer_of: the schemas of the records.
        target: the table's Arrow schema; it holds the columns of every writer in the batch.
    """
    values = pa.schema([f for f in target if f.name not in PROVENANCE])
    errors: dict[int, str] = {}
    opaque = {row for prefix, rows in groups.items() if _is_opaque(prefix, writer_of) for row in rows}
    table = pa.concat_tables(
        [_decoded(prefix, rows, records, writer_of, values, errors) for prefix, rows in groups.items()]
    )
    if len(groups) > 1:
        order = list(chain.from_iterable(groups.values()))
        table = table.take(pc.sort_indices(pa.array(order)))
    provenance = _provenance(records, topic_id, groups, errors, opaque)
    columns = [provenance[f.name] if f.name in PROVENANCE else table.column(f.name) for f in target]
    return pa.Table.from_arrays(columns, schema=target)


def by_prefix(records: Sequence[Record]) -> Groups:
    """Return row numbers by the wire format's prefix, which holds the schema id; a null value has None."""
    prefixes = [None if (value := record.value) is None else value[:PREFIX_BYTES] for record in records]
    if len(set(prefixes)) == 1:
        return {prefixes[0]: range(len(records))}
    groups: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for row, prefix in enumerate(prefixes):
        groups[prefix].append(row)
    return groups


def schema_ids(groups: Groups) -> set[int]:
    """Return the schema ids that the records name."""
    return {schema_id for prefix in groups if (schema_id := _schema_id(prefix)) is not None}


def _schema_id(prefix: bytes | None) -> int | None:
    if prefix is None or len(prefix) < PREFIX_BYTES or prefix[0] != MAGIC:
        return None
    return int.from_bytes(prefix[1:], "big")


def _is_opaque(prefix: bytes | None, writer_of: WriterOf) -> bool:
    """Tell whether the columns of a writer's records do not say all of them."""
    schema_id = _schema_id(prefix)
    writer = "" if schema_id is None else writer_of(schema_id)
    return not isinstance(writer, str) and writer.opaque


def _decoded(
    prefix: bytes | None,
    rows: Sequence[int],
    records: Sequence[Record],
    writer_of: WriterOf,
    values: pa.Schema,
    errors: dict[int, str],
) -> pa.Table:
    """Decode the rows with one prefix and add to `errors`, by row, why some hold nothing."""
    if prefix is None:  # a tombstone holds nothing by right
        return nulls(values, len(rows))
    schema_id = _schema_id(prefix)
    writer = _NO_MAGIC if schema_id is None else writer_of(schema_id)
    if isinstance(writer, str):
        errors.update(dict.fromkeys(rows, writer))
        return nulls(values, len(rows))
    payloads = [value[PREFIX_BYTES:] for row in rows if (value := records[row].value) is not None]
    decoded = writer.decode(payloads, values)
    errors.update({rows[index]: text for index, text in decoded.errors.items()})
    return decoded.table


def _provenance(
    records: Sequence[Record],
    topic_id: str,
    groups: Groups,
    errors: Mapping[int, str],
    opaque: AbstractSet[int],
) -> dict[str, pa.Array]:
    count = len(records)
    kinds = {name: kind for name, (kind, _) in PROVENANCE.items()}
    headers = _headers(records)
    whole = {row: records[row].value for row in opaque | errors.keys()}
    return {
        "_topic": pa.repeat(records[0].topic, count),
        "_topic_id": pa.repeat(topic_id, count),
        "_partition": pa.array([record.partition for record in records], kinds["_partition"]),
        "_offset": pa.array([record.offset for record in records], kinds["_offset"]),
        "_ingest_time": _times(records).cast(kinds["_ingest_time"]),
        "_key": pa.array([record.key for record in records], kinds["_key"]),
        "_headers": headers,
        "_schema_id": _schema_ids(groups, count),
        "_heartbeat": _rows_with(headers, HEARTBEAT),
        "_origin": pc.if_else(_rows_with(headers, ORIGIN), "history", "live"),
        "_error": _at_rows(errors, count, kinds["_error"]),
        "_raw": _at_rows(whole, count, kinds["_raw"]),
    }


def _headers(records: Sequence[Record]) -> pa.MapArray:
    """Return the headers as a map column; built flat, which takes a fifth of the time of pairs row by row."""
    each = [record.headers for record in records]
    ends = np.cumsum([0, *map(len, each)], dtype=np.int32)
    flat = list(chain.from_iterable(each))
    names = pa.array([name for name, _ in flat], pa.string())
    return pa.MapArray.from_arrays(ends, names, pa.array([value for _, value in flat], pa.binary()))


def _at_rows(values: Mapping[int, object], count: int, kind: pa.DataType) -> pa.Array:
    return pa.array([values.get(row) for row in range(count)], kind) if values else pa.nulls(count, kind)


def _times(records: Sequence[Record]) -> pa.Array:
    """Return the timestamps; null for one that Kafka does not know (-1) or a table cannot hold."""
    times = np.array([record.timestamp_ms for record in records], np.int64)
    return pa.array(times, pa.timestamp("ms", "UTC"), mask=(times < 0) | (times > _MAX_TIMESTAMP_MS))


def _schema_ids(groups: Groups, count: int) -> pa.Array:
    ids = np.zeros(count, np.int32)
    known = np.zeros(count, np.bool_)
    for prefix, rows in groups.items():
        schema_id = _schema_id(prefix)
        if schema_id is not None and schema_id <= _MAX_INT:  # no registry gives a larger one
            ids[rows] = schema_id
            known[rows] = True
    return pa.array(ids, mask=~known)


def _rows_with(headers: pa.MapArray, name: str) -> pa.Array:
    """Return for each row whether it has a header called `name`."""
    hits = pc.indices_nonzero(pc.equal(headers.keys, name)).to_numpy()
    found = np.zeros(len(headers), np.bool_)
    found[headers.offsets.to_numpy().searchsorted(hits, side="right") - 1] = True
    return pa.array(found)
