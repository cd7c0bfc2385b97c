from io import BytesIO

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.lake_sink.decode import Writer, is_fast
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.provenance import PROVENANCE, table_schema
from streamkit.avro import Schema
from tests.support.avro_schemas import schemas_with_data

FLAT = {
    "type": "record",
    "name": "T",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "amount", "type": "int"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}
GOOD = {"id": "t1", "amount": 5, "at": 1_700_000_000_000, "tags": ["a", "b"]}


def encode(schema, datum):
    out = BytesIO()
    fastavro.schemaless_writer(out, Schema.of(schema).physical, datum)
    return out.getvalue()


def decode(schema, payloads):
    writer = Writer(Schema.of(schema))
    full = arrow_schema(table_schema(writer.columns))
    return writer.decode(payloads, pa.schema([f for f in full if f.name not in PROVENANCE]))


@pytest.mark.parametrize(
    "kind", ["bytes", {"type": "int", "logicalType": "time-millis"}, ["null", "int", "string"]]
)
def test_what_the_batch_decoder_cannot_do_is_decoded_one_by_one(kind):
    schema = {"type": "record", "name": "T", "fields": [{"name": "x", "type": kind}]}
    assert not Writer(Schema.of(schema)).columns[0].opaque or kind == ["null", "int", "string"]
    value = {"bytes": b"\xff"}.get(kind, 5) if isinstance(kind, str) else 5
    assert decode(schema, [encode(schema, {"x": value})]).errors == {}
    assert is_fast(Schema.of(FLAT))


def test_a_batch_is_decoded_in_its_order():
    payloads = [encode(FLAT, {**GOOD, "amount": n}) for n in range(50)]
    decoded = decode(FLAT, payloads)
    assert decoded.errors == {}
    assert decoded.table.column("amount").to_pylist() == list(range(50))


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "/id"),
        (encode(FLAT, GOOD)[:-1], "bytes"),
        (encode(FLAT, GOOD) + b"x", "left over"),
        (b"\x04\xff\xfe" + encode(FLAT, GOOD)[3:], "/id"),
        (b"\x04t1" + b"\x80\x80\x80\x80\x10" + encode(FLAT, GOOD)[4:], "/amount"),  # 2**31
        (encode(FLAT, {**GOOD, "at": 2**62}), "out of bounds"),
        (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "/id"),
    ],
    ids=[
        "empty",
        "cut off",
        "too long",
        "not UTF-8",
        "int of 33 bits",
        "time beyond the table's",
        "huge length",
    ],
)
def test_a_bad_payload_costs_its_own_row_only(payload, says):
    good = [encode(FLAT, {**GOOD, "amount": n}) for n in range(9)]
    decoded = decode(FLAT, [*good[:4], payload, *good[4:]])
    assert list(decoded.errors) == [4]
    assert says in decoded.errors[4]
    assert decoded.table.column("amount").to_pylist() == [0, 1, 2, 3, None, 4, 5, 6, 7, 8]


def test_another_encoding_of_the_same_array_is_no_fault():
    # Avro allows a block's count to be negative and followed by its size in bytes.
    datum = encode(FLAT, {**GOOD, "tags": ["a"]})
    assert datum.endswith(b"\x02\x02a\x00")
    decoded = decode(FLAT, [datum.removesuffix(b"\x02\x02a\x00") + b"\x01\x04\x02a\x00"])
    assert decoded.errors == {}
    assert decoded.table.column("tags").to_pylist() == [["a"]]


def test_an_opaque_value_is_json():
    schema = {"type": "record", "name": "T", "fields": [{"name": "u", "type": ["null", "long", "bytes"]}]}
    payloads = [encode(schema, {"u": value}) for value in (None, 7, b"\x00")]
    assert decode(schema, payloads).table.column("u").to_pylist() == ["null", "7", '"AA=="']


def test_a_length_that_promises_millions_of_nothing_is_refused():
    schema = {
        "type": "record",
        "name": "T",
        "fields": [{"name": "n", "type": {"type": "array", "items": "null"}}],
    }
    bomb = b"\xfe\xff\xff\xff\xff\xff\xff\x7f\x00"
    assert list(decode(schema, [bomb]).errors) == [0]


@settings(deadline=None)
@given(
    schemas_with_data().flatmap(
        lambda drawn: st.tuples(st.just(drawn[0]), st.lists(drawn[1], min_size=1, max_size=5))
    )
)
def test_columns_hold_what_was_written(drawn):
    schema, data = drawn
    decoded = decode(schema, [encode(schema, datum) for datum in data])
    for column in Writer(Schema.of(schema)).columns:
        if column.opaque or pa.types.is_decimal(column.type):
            continue
        for row, datum in enumerate(data):
            if row in decoded.errors:  # a time or number beyond what a table can hold
                assert any(word in decoded.errors[row] for word in ("out of", "Decimal", "overflow"))
            elif isinstance(datum[column.field], str | bool | bytes):
                assert decoded.table.column(column.name)[row].as_py() == datum[column.field]


@settings(deadline=None, max_examples=30)
@given(
    schemas_with_data().flatmap(lambda drawn: st.tuples(st.just(drawn[0]), drawn[1])),
    st.binary(max_size=30),
    st.integers(0, 3),
)
def test_a_row_depends_on_its_own_bytes_only(drawn, poison, place):
    schema, datum = drawn
    good = encode(schema, datum)
    alone = decode(schema, [poison])
    payloads = [good] * 3
    payloads.insert(place, poison)
    among = decode(schema, payloads)
    assert among.table.slice(place, 1).to_pylist() == alone.table.slice(0, 1).to_pylist()
    assert among.errors.get(place) == alone.errors.get(0)
