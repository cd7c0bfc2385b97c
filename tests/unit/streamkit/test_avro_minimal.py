import pytest
from hypothesis import given, settings

from streamkit.avro import InvalidSchemaError, Schema
from streamkit.avro_minimal import minimal_record
from streamkit.serde import AvroDecoder, AvroEncoder
from tests.support.avro_schemas import schemas_with_data

TIME = {"name": "zz_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}


def record(*fields, name="R"):
    return {"type": "record", "name": name, "fields": [*fields, TIME]}


def field(schema, **more):
    return {"name": "x", "type": schema, **more}


class One:
    def __init__(self, schema):
        self._schema = Schema.of(schema)

    def schema(self, _):
        return self._schema


def written_and_read(schema, datum):
    return AvroDecoder(One(schema), schema).decode(AvroEncoder(schema, 1).encode(datum))


@settings(max_examples=100, deadline=None)
@given(schemas_with_data())
def test_every_schema_accepts_its_smallest_record(drawn):
    schema = {**drawn[0], "fields": [*drawn[0]["fields"], TIME]}
    smallest = minimal_record(schema, "zz_at", 123)
    assert smallest["zz_at"] == 123
    assert written_and_read(schema, smallest) == smallest


NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["string", "Node"]}]}


@pytest.mark.parametrize(
    ("declared", "smallest"),
    [
        (field("null"), None),
        (field("boolean"), False),
        (field("bytes"), b""),
        (field({"type": "int", "logicalType": "date"}), 0),
        (field({"type": "string", "logicalType": "uuid"}), ""),
        (field({"type": "bytes", "logicalType": "decimal", "precision": 4}), b""),
        (field({"type": "fixed", "name": "F", "size": 2}), b"\x00\x00"),
        (field({"type": "enum", "name": "E", "symbols": ["A", "B"]}), "A"),
        (field({"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "B"}), "B"),
        (field(["string", "null"]), None),
        (field(["string", "long"]), ""),
        (field({"type": "array", "items": "int"}), []),
        (field({"type": "map", "values": "int"}), {}),
        (field(NODE), {"next": ""}),
        (field("string", default="eur"), "eur"),
        (field("bytes", default="\u00ff"), b"\xff"),
        (field(["long", "null"], default=3), 3),
        (field({"type": "array", "items": "bytes"}, default=["a"]), [b"a"]),
        (field({"type": "map", "values": "long"}, default={"a": 1}), {"a": 1}),
        (field({"type": "record", "name": "S", "fields": [field("int", default=2)]}, default={}), {"x": 2}),
    ],
)
def test_smallest_value_of_each_type(declared, smallest):
    schema = record(declared)
    found = minimal_record(schema, "zz_at", 5)
    assert found == {"x": smallest, "zz_at": 5}
    assert written_and_read(schema, found) == found


def test_a_name_defined_in_an_unvisited_branch_is_known():
    inner = {"type": "record", "name": "Inner", "fields": [field("long")]}
    schema = record({"name": "a", "type": ["null", inner]}, {"name": "b", "type": "Inner"})
    assert minimal_record(schema, "zz_at", 5) == {"a": None, "b": {"x": 0}, "zz_at": 5}


def test_a_record_that_always_holds_another_has_none():
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": "Node"}]}
    with pytest.raises(InvalidSchemaError, match="Node"):
        minimal_record(record({"name": "node", "type": node}), "zz_at", 5)


def test_a_missing_event_time_is_named():
    with pytest.raises(InvalidSchemaError, match="no field 'at'"):
        minimal_record(record(), "at", 5)
