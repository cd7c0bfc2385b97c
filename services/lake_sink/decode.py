"""Pure: Avro payloads of one writer's schema into Arrow, a bad one never costing its neighbours.

A whole batch goes through pyruhvro, which is 15 to 25 times as fast as a decoder that goes record by
record. Where a batch fails it is halved until the bad payloads stand alone, so that what a record becomes
depends on its bytes only, never on the records around it.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import fastavro
import orjson
import pyarrow as pa
import pyruhvro

from services.lake_sink.columns import Avro, Column, columns_of
from streamkit.avro import Schema, kind_of
from streamkit.avro_faults import find_fault

Read = Callable[[Sequence[bytes]], dict[str, pa.Array]]

# pyruhvro 0.4 panics on these types and on logical types but the ones named. A union is a nullable type
# to it, and a field of type null is a column to it, but none to a table.
_SLOW_KINDS = frozenset({"bytes", "fixed"})
_FAST_LOGICAL = frozenset({"date", "timestamp-millis", "timestamp-micros"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """One row per payload: the columns, and for rows that hold nothing why that is."""

    table: pa.Table
    errors: Mapping[int, str]


class Writer:
    """Decodes what was written with one schema. Raises InvalidSchemaError when it has no columns."""

    def __init__(self, schema: Schema) -> None:
        self.columns: tuple[Column, ...] = columns_of(schema.definition)
        self._schema = schema
        self.opaque = any(column.opaque for column in self.columns)
        fast = not self.opaque and is_fast(schema)
        self._read: Read = self._read_batch if fast else self._read_each
        self._datum = fastavro.parse_schema(with_decimals_only(schema.definition))

    def decode(self, payloads: Sequence[bytes], target: pa.Schema) -> Decoded:
        """Decode payloads without the wire format's prefix.

        Args:
            payloads: at least one.
            target: the columns wanted, each named as in `columns`, with types that those can be cast
                to. One that the schema does not have is null.
        """
        run = _Run(self._read, self._why, target)
        run.take(payloads, 0)
        return Decoded(pa.concat_tables(run.parts), run.errors)

    def _read_batch(self, payloads: Sequence[bytes]) -> dict[str, pa.Array]:
        batch = pyruhvro.deserialize_array(payloads, self._schema.text)
        batch.validate(full=True)  # pyruhvro lets invalid UTF-8 pass
        self._check_all_was_read(payloads, batch)
        return {c.name: batch.column(c.field) for c in self.columns}

    def _check_all_was_read(self, payloads: Sequence[bytes], batch: pa.RecordBatch) -> None:
        """Raise ValueError for bytes left over and ints beyond 32 bits, which pyruhvro does not notice.

        Encoding again must give the same bytes. Avro knows other encodings of an array, so a difference
        alone is no fault.
        """
        (again,) = pyruhvro.serialize_record_batch(batch, self._schema.text, 1)
        if again.equals(pa.array(payloads, again.type)):
            return
        for payload, encoded in zip(payloads, again.to_pylist(), strict=True):
            if payload != encoded and find_fault(self._schema, payload) is not None:
                raise ValueError("not all of the payload is a record of its schema")

    def _read_each(self, payloads: Sequence[bytes]) -> dict[str, pa.Array]:
        rows: list[Any] = []
        for payload in payloads:
            if find_fault(self._schema, payload) is not None:  # before fastavro trusts a length
                raise ValueError("the payload is no record of its schema")
            rows.append(fastavro.schemaless_reader(BytesIO(payload), self._datum, None))
        if kind_of(self._schema.definition) != "record":
            rows = [{"value": row} for row in rows]
        return {c.name: pa.array([_value(row[c.field], c) for row in rows], c.type) for c in self.columns}

    def _why(self, payload: bytes, error: BaseException) -> str:
        fault = find_fault(self._schema, payload)
        if fault is None:
            return f"undecodable: {error}"
        return f"undecodable: at {fault.pointer or 'the value'}, {fault.problem}"


@dataclass(slots=True)
class _Run:
    """One decoding: halves what fails and collects the parts in order."""

    read: Read
    why: Callable[[bytes, BaseException], str]
    target: pa.Schema
    parts: list[pa.Table] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)

    def take(self, payloads: Sequence[bytes], start: int) -> None:
        try:
            found = self.read(payloads)
            arrays = [_column(found.get(f.name), f.type, len(payloads)) for f in self.target]
        except BaseException as error:
            # A panic in Rust arrives as a BaseException of a class that cannot be imported.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            self._split(payloads, start, error)
        else:
            self.parts.append(pa.Table.from_arrays(arrays, schema=self.target))

    def _split(self, payloads: Sequence[bytes], start: int, error: BaseException) -> None:
        if len(payloads) == 1:
            self.errors[start] = self.why(payloads[0], error)
            self.parts.append(nulls(self.target, 1))
            return
        middle = len(payloads) // 2
        self.take(payloads[:middle], start)
        self.take(payloads[middle:], start + middle)


def is_fast(schema: Schema) -> bool:
    """Tell whether pyruhvro decodes the schema: a record, every type in which it knows."""
    return kind_of(schema.definition) == "record" and not any(_is_slow(each) for each in schema.types())


def _is_slow(kind: Avro) -> bool:
    if isinstance(kind, list):
        return len(kind) != 2 or "null" not in kind
    if isinstance(kind, str):
        return kind in _SLOW_KINDS
    logical = kind.get("logicalType")
    nothing = any(kind_of(field["type"]) == "null" for field in kind.get("fields", ()))
    return nothing or kind_of(kind) in _SLOW_KINDS or not (logical is None or logical in _FAST_LOGICAL)


def nulls(schema: pa.Schema, rows: int) -> pa.Table:
    """Return `rows` rows that hold nothing."""
    return pa.Table.from_arrays([pa.nulls(rows, f.type) for f in schema], schema=schema)


def _column(found: pa.Array | None, kind: pa.DataType, rows: int) -> pa.Array:
    if found is None:
        return pa.nulls(rows, kind)
    return found if found.type == kind else found.cast(kind)


def _value(value: object, column: Column) -> object:
    return orjson.dumps(value, default=_json).decode() if column.opaque else value


def _json(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def with_decimals_only(schema: Avro) -> Any:
    """Return the schema without logical types but decimals: Arrow takes times as numbers."""
    if isinstance(schema, list):
        return [with_decimals_only(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    keep = schema.get("logicalType") == "decimal"
    plain = {key: value for key, value in schema.items() if keep or key != "logicalType"}
    for key in ("type", "items", "values"):
        if key in plain:
            plain[key] = with_decimals_only(plain[key])
    if "fields" in plain:
        plain["fields"] = [with_decimals_only(each) for each in plain["fields"]]
    return plain
