from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import given

from services.lake_sink.columns import columns_of
from tests.support.avro_schemas import schemas_with_data

SCHEMAS = Path(__file__).parents[4] / "schemas" / "avro"


def record(*fields, **more):
    return {"type": "record", "name": "R", "namespace": "n", "fields": list(fields), **more}


def field(kind, name="x"):
    return {"name": name, "type": kind}


def only(kind):
    (column,) = columns_of(record(field(kind)))
    return column


@pytest.mark.parametrize(
    ("avro", "arrow"),
    [
        ("boolean", pa.bool_()),
        ("int", pa.int32()),
        ("long", pa.int64()),
        ("float", pa.float32()),
        ("double", pa.float64()),
        ("string", pa.string()),
        ("bytes", pa.binary()),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, pa.string()),
        ({"type": "fixed", "name": "F", "size": 3}, pa.binary()),
        ({"type": "int", "logicalType": "date"}, pa.date32()),
        ({"type": "int", "logicalType": "time-millis"}, pa.time32("ms")),
        ({"type": "long", "logicalType": "timestamp-millis"}, pa.timestamp("ms", "UTC")),
        ({"type": "long", "logicalType": "timestamp-micros"}, pa.timestamp("us", "UTC")),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, pa.timestamp("ms")),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, pa.decimal128(9, 2)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 39}, pa.binary()),
        ({"type": "long", "logicalType": "no-such-type"}, pa.int64()),
        (["null", "string"], pa.string()),
        (["string", "null"], pa.string()),
        ({"type": "array", "items": ["null", "long"]}, pa.list_(pa.int64())),
        ({"type": "map", "values": "double"}, pa.map_(pa.string(), pa.float64())),
        (record(field("long", "a"), name="Inner"), pa.struct([("a", pa.int64())])),
        ({"type": "string", "connect.name": "io.debezium.data.Enum"}, pa.string()),
    ],
)
def test_a_type_has_its_columnar_form(avro, arrow):
    column = only(avro)
    assert (column.type, column.opaque) == (arrow, False)


@pytest.mark.parametrize(
    "avro",
    [
        ["null", "int", "string"],
        record(name="Empty"),
        ["null", "R"],
        {"type": "array", "items": "null"},
        record(field(["int", "string"], "deep"), name="Inner"),
    ],
)
def test_what_has_no_columnar_form_is_kept_whole_as_json(avro):
    column = only(avro)
    assert (column.type, column.opaque) == (pa.string(), True)


def test_a_field_of_nothing_has_no_column():
    assert columns_of(record(field("null"))) == ()


def test_a_named_type_is_resolved_in_its_namespace():
    row = record(field("long", "id"), name="Value", namespace="cdc.bank.cards")
    schema = record(field(["null", row], "before"), field(["null", "cdc.bank.cards.Value"], "after"))
    before, after = columns_of(schema)
    assert before.type == after.type == pa.struct([("id", pa.int64())])


def test_a_field_cannot_take_the_place_of_a_provenance_column():
    columns = columns_of(record(field("long", "_offset")))
    assert [(column.field, column.name) for column in columns] == [("_offset", "_offset_")]


def test_a_schema_without_fields_is_one_column():
    assert [(c.name, c.type) for c in columns_of("string")] == [("value", pa.string())]


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.avsc")), ids=lambda path: path.stem)
def test_every_schema_of_the_catalogue_is_columnar(path):
    columns = columns_of(orjson.loads(path.read_bytes()))
    assert columns
    assert not [column.name for column in columns if column.opaque]


@given(schemas_with_data())
def test_every_schema_has_columns_of_distinct_names(drawn):
    schema, _ = drawn
    columns = columns_of(schema)
    assert len({column.name for column in columns}) == len(columns)
    assert {column.field for column in columns} <= {each["name"] for each in schema["fields"]}
