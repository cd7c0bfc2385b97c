"""What was a record before it was a row is that record again."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.lake_sink.decode import Writer
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.provenance import table_schema
from services.lake_sink.records import RowEncoder, records_of
from services.lake_sink.rows import by_prefix, rows_of
from streamkit.avro import Schema
from streamkit.errors import StopError
from streamkit.records import Record
from streamkit.serde import AvroEncoder
from tests.support.avro_schemas import schemas_with_data

FLAT = Schema(
    {
        "type": "record",
        "name": "T",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "_odd", "type": ["null", "string"]},
            {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "inner", "type": ["null", {"type": "record", "name": "I", "fields": [
                {"name": "x", "type": "int"}, {"name": "y", "type": ["null", "float"]}]}]},
        ],
    }
)  # fmt: skip
GOOD = {
    "id": "t1",
    "_odd": "o",
    "kind": "B",
    "at": 1_700_000_000_123,
    "tags": ["a", ""],
    "inner": {"x": -1, "y": 0.5},
}


def record(offset, value, **changes):
    fields = {
        "key": b"k",
        "headers": (("h", b"x"), ("h", b"y")),
        "timestamp_ms": 1_700_000_000_123,
        **changes,
    }
    return Record("t", 3, offset, fields["timestamp_ms"], fields["key"], value, fields["headers"])


def kept(records, schemas, also=()):
    """The rows of records as a Parquet file gives them back; the table has the columns of `also` too."""
    writers = {schema_id: Writer(schema) for schema_id, schema in schemas.items()}
    columns = {c.name: c for writer in [*writers.values(), *map(Writer, also)] for c in writer.columns}
    target = arrow_schema(table_schema(tuple(columns.values())))
    sink = pa.BufferOutputStream()
    groups, unknown = by_prefix(records), "unknown_schema: none"
    rows = rows_of(records, groups, "id", lambda schema_id: writers.get(schema_id, unknown), target)
    pq.write_table(rows, sink)
    return pq.read_table(pa.BufferReader(sink.getvalue()))


def again(records, schemas, also=()):
    encoders = {schema_id: RowEncoder(schema_id, schema) for schema_id, schema in schemas.items()}
    return records_of(kept(records, schemas, also), encoders.__getitem__)


def test_records_come_back_byte_for_byte():
    encode = AvroEncoder(FLAT, 7).encode
    records = [
        record(1, encode(GOOD)),
        record(5, None),
        record(6, b""),
        record(7, b"no avro at all"),
        record(8, b"\x00\x00\x00\x00\x07\xff"),
        record(9, b"\x00\x00\x00\x00\x63a"),
        record(10, encode({**GOOD, "_odd": None, "inner": None, "tags": []}), key=None, headers=()),
        record(11, encode({**GOOD, "inner": {"x": 5, "y": None}}), key=b"", timestamp_ms=-1),
    ]
    assert again(records, {7: FLAT}) == records


def test_a_table_that_has_grown_wider_gives_back_what_a_narrow_writer_wrote():
    narrow = Schema({"type": "record", "name": "T", "fields": [{"name": "n", "type": "int"}]})
    wide = Schema(
        {
            "type": "record",
            "name": "T",
            "fields": [{"name": "n", "type": "long"}, {"name": "more", "type": ["null", "string"]}],
        }
    )
    records = [
        record(0, AvroEncoder(narrow, 1).encode({"n": -5})),
        record(1, AvroEncoder(wide, 2).encode({"n": 2**40, "more": "x"})),
        record(2, AvroEncoder(narrow, 1).encode({"n": 6})),
    ]
    assert again(records, {1: narrow, 2: wide}) == records


def test_a_value_that_columns_do_not_say_all_of_is_kept_whole():
    either = Schema({"type": "record", "name": "T", "fields": [{"name": "x", "type": ["bytes", "string"]}]})
    records = [record(n, AvroEncoder(either, 1).encode({"x": x})) for n, x in enumerate(["YQ==", b"a"])]
    rows = kept(records, {1: either})
    assert rows.column("_error").to_pylist() == [None, None]
    encoders = {}
    assert records_of(rows, encoders.__getitem__) == records
    assert json.loads(rows.column("x").to_pylist()[0]) == "YQ=="


def test_rows_that_were_not_kept_whole_are_refused():
    either = Schema({"type": "record", "name": "T", "fields": [{"name": "x", "type": ["int", "string"]}]})
    with pytest.raises(StopError, match="keeps x as text"):
        RowEncoder(1, either)
    rows = kept([record(0, b"?")], {})
    without = rows.set_column(rows.column_names.index("_raw"), "_raw", pa.nulls(1, pa.binary()))
    with pytest.raises(StopError, match="without its bytes"):
        records_of(without, {}.__getitem__)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_schema_any_value(data):
    definition, values = data.draw(schemas_with_data())
    schema = Schema(definition)
    records = [record(n, AvroEncoder(schema, 1).encode(data.draw(values))) for n in range(3)]
    encoders = {} if Writer(schema).opaque else {1: RowEncoder(1, schema)}
    rows = kept(records, {1: schema})
    found = records_of(rows, encoders.__getitem__)
    # A decimal may have been written in more bytes than it needs: then the number is the same.
    assert kept(found, {1: schema}).drop_columns(["_raw"]).equals(rows.drop_columns(["_raw"]))
    assert "decimal" in str(definition) or found == records
