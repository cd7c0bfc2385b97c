from typing import Any

import pytest

from services.ingest_gateway.errors import BadSchemaError
from services.ingest_gateway.schema import MISSING, Array, Enum, Leaf, Record, Union, parse


def test_a_record_keeps_its_fields_in_order() -> None:
    node = parse({
        "type": "record", "name": "R", "namespace": "n",
        "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": ["null", "string"], "default": None}],
    })  # fmt: skip
    assert isinstance(node, Record)
    assert node.name == "n.R"
    assert [(f.name, f.type, f.default) for f in node.fields] == [
        ("a", Leaf("int"), MISSING),
        ("b", Union((Leaf("null"), Leaf("string"))), None),
    ]
    assert node.names() == {"a", "b"}
    assert node.required() == {"a"}


def test_a_name_is_resolved_to_the_type_that_has_it() -> None:
    node = parse({
        "type": "record", "name": "R", "namespace": "n",
        "fields": [
            {"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X"]}},
            {"name": "b", "type": {"type": "array", "items": "E"}},
            {"name": "c", "type": ["null", "n.R"]},
        ],
    })  # fmt: skip
    assert isinstance(node, Record)
    a, b, c = (f.type for f in node.fields)
    assert a == Enum("n.E", ("X",))
    assert b == Array(Enum("n.E", ("X",)))
    assert isinstance(c, Union)
    assert c.branches[1] is node


def test_a_logical_type_on_the_wrong_base_is_its_base() -> None:
    assert parse({"type": "string", "logicalType": "timestamp-millis"}) == Leaf("string")
    assert parse({"type": "long", "logicalType": "made-up"}) == Leaf("long")


@pytest.mark.parametrize(
    "schema",
    [
        None, 5, "strange", {"type": "record", "fields": []}, {"name": "x"},
        {"type": "bytes", "logicalType": "decimal"}, {"type": "array"}, ["null", {"type": "nonsense"}],
        {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3},
        {"type": "int", "minimum": 2, "maximum": 1}, {"type": "int", "maximum": 2**31},
        {"type": "long", "minimum": "1"}, {"type": "long", "minimum": True}, {"type": "long", "maximum": 1.0},
    ],
)  # fmt: skip
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(BadSchemaError):
        parse(schema)
