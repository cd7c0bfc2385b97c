"""Pure: rows of a bronze table as the records that they were made of; the way back from `rows`.

A record comes back with its place, timestamp, key and headers as they were, and with the value's bytes as an
Avro encoder writes them: the same for all that our own services and clients write. (The Avro specification
lets a producer cut an array or a map into blocks as it likes; such a value comes back in one block.)
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyruhvro

from services.lake_sink.columns import Column, columns_of
from services.lake_sink.decode import is_fast, with_decimals_only
from streamkit.avro import Schema, kind_of
from streamkit.errors import StopError
from streamkit.records import Record
from streamkit.serde import MAGIC

_NO_TIMESTAMP = -1


class RowEncoder:
    """Encodes rows of one writer's schema. Raises StopError when they do not say all of a value."""

    def __init__(self, schema_id: int, schema: Schema) -> None:
        self._prefix = bytes([MAGIC]) + schema_id.to_bytes(4, "big")
        self._schema = schema
        self._columns: tuple[Column, ...] = columns_of(schema.definition)
        if opaque := [column.field for column in self._columns if column.opaque]:
            raise StopError(
                f"records of schema {schema_id} ({schema.name}) cannot be made again from bronze: it keeps "
                f"{', '.join(opaque)} as text, which does not say what type it was",
                hint="Replay what Kafka still has of the topic; a longer retention gives more of it",
            )
        self._encode = self._encode_batch if is_fast(schema) else self._encode_each
        self._datum = fastavro.parse_schema(with_decimals_only(schema.definition))

    def encode(self, rows: pa.Table) -> list[bytes]:
        """Return the values of rows, in the wire format."""
        arrays = {c.field: rows.column(c.name).cast(c.type).combine_chunks() for c in self._columns}
        return [self._prefix + payload for payload in self._encode(arrays, rows.num_rows)]

    def _encode_batch(self, arrays: dict[str, pa.Array], count: int) -> list[bytes]:
        del count
        shape = pyruhvro.deserialize_array([], self._schema.text).schema
        batch = pa.RecordBatch.from_arrays([arrays[f.name].cast(f.type) for f in shape], schema=shape)
        (encoded,) = pyruhvro.serialize_record_batch(batch, self._schema.text, 1)
        payloads: list[bytes] = encoded.to_pylist()
        return payloads

    def _encode_each(self, arrays: dict[str, pa.Array], count: int) -> list[bytes]:
        plain = {name: _plain(array) for name, array in arrays.items()}
        found = []
        whole = kind_of(self._schema.definition) != "record"
        for row in range(count):
            datum = plain["value"][row] if whole else {name: column[row] for name, column in plain.items()}
            out = BytesIO()
            fastavro.schemaless_writer(out, self._datum, datum)
            found.append(out.getvalue())
        return found


EncoderOf = Callable[[int], RowEncoder]
"""Returns the encoder for a schema id."""


def records_of(rows: pa.Table, encoder_of: EncoderOf) -> list[Record]:
    """Return the record that each row was made of, in their order.

    Args:
        rows: with every provenance column and those of the rows' schemas; others may be there.
        encoder_of: the schemas of the rows.

    Raises:
        StopError: a row does not say all of its record.
    """
    headers = rows.column("_headers").to_pylist()
    places = zip(
        *(rows.column(name).to_pylist() for name in ("_topic", "_partition", "_offset")), strict=True
    )
    keys, values = rows.column("_key").to_pylist(), _values(rows, encoder_of)
    return [
        Record(topic, partition, offset, time_ms, key, value, tuple(named or ()))
        for (topic, partition, offset), time_ms, key, value, named in zip(
            places, _times(rows), keys, values, headers, strict=True
        )
    ]


def _values(rows: pa.Table, encoder_of: EncoderOf) -> list[bytes | None]:
    values: list[bytes | None] = rows.column("_raw").to_pylist()
    by_schema: defaultdict[int, list[int]] = defaultdict(list)
    ids, errors = rows.column("_schema_id").to_pylist(), rows.column("_error").to_pylist()
    for row, (schema_id, error) in enumerate(zip(ids, errors, strict=True)):
        if values[row] is None and error is not None:
            raise StopError(f"bronze holds a record that could not be decoded without its bytes: {error}")
        if values[row] is None and schema_id is not None:  # without an id it is a tombstone
            by_schema[schema_id].append(row)
    for schema_id, chosen in by_schema.items():
        part = rows if len(chosen) == rows.num_rows else rows.take(pa.array(chosen))
        for row, value in zip(chosen, encoder_of(schema_id).encode(part), strict=True):
            values[row] = value
    return values


def _times(rows: pa.Table) -> Sequence[int]:
    micros = rows.column("_ingest_time").cast(pa.int64()).combine_chunks()
    known = micros.fill_null(_NO_TIMESTAMP * 1000).to_numpy(zero_copy_only=False)
    times: list[int] = np.floor_divide(known, 1000).tolist()
    return times


def _plain(array: pa.Array) -> list[Any]:
    """Return values as an encoder without logical types takes them: times as numbers, maps as dicts."""
    numbers = _numbers(array.type)
    values: list[Any] = array.cast(numbers).to_pylist()
    return [_with_maps(value, numbers) for value in values] if _has_map(numbers) else values


def _numbers(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.int32()
    if pa.types.is_time64(kind) or pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_list(kind):
        return pa.list_(_numbers(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, _numbers(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(inner.name, _numbers(inner.type)) for inner in kind])
    return kind


def _has_map(kind: pa.DataType) -> bool:
    if pa.types.is_map(kind):
        return True
    return any(_has_map(kind.field(index).type) for index in range(kind.num_fields))


def _with_maps(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_map(kind):
        return {key: _with_maps(each, kind.item_type) for key, each in value}
    if pa.types.is_list(kind):
        return [_with_maps(each, kind.value_type) for each in value]
    if pa.types.is_struct(kind):
        return {inner.name: _with_maps(value[inner.name], inner.type) for inner in kind}
    return value
