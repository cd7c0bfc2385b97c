import pytest

from streamkit.avro import InvalidSchemaError, Schema
from streamkit.avro_changes import changes

DAY = {"name": "day", "type": {"type": "int", "logicalType": "date"}}
CARD = {"type": "record", "name": "Card", "fields": [DAY]}


def payment(*fields):
    return Schema.of({"type": "record", "name": "Payment", "fields": list(fields)})


def test_text_is_one_line_of_the_same_definition():
    schema = Schema.of('{"type": "record",\n "name": "R", "fields": []}')
    assert schema.text == '{"type":"record","name":"R","fields":[]}'
    assert schema == Schema.of(schema.text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Not JSON"),
        ('{"type": "rec", "name": "R"}', "rec"),
        ('{"type": "record", "name": "R"}', "fields"),
        ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "Missing"}]}', "Missing"),
    ],
)
def test_what_is_no_schema_is_refused(text, problem):
    with pytest.raises(InvalidSchemaError, match=problem):
        Schema.of(text)


def test_a_field_that_stands_twice_is_refused():
    with pytest.raises(InvalidSchemaError, match="Payment has the field 'a' more than once"):
        payment({"name": "a", "type": "int"}, {"name": "a", "type": "string"})


def test_logical_types_do_not_change_the_layout():
    timed = payment({"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}})
    plain = payment({"name": "at", "type": "long"})
    assert timed.reads_like(plain)
    assert timed != plain
    assert timed.physical["fields"][0]["type"] != timed.definition["fields"][0]["type"]


def test_a_referred_type_may_stand_elsewhere():
    card = {"name": "card", "type": "Card"}
    schema = Schema({"type": "record", "name": "P", "fields": [card]}, {"Card": CARD})
    assert schema.resolve("Card")["fields"][0]["name"] == "day"


def enum(*symbols):
    return {"type": "enum", "name": "E", "symbols": list(symbols)}


def fixed(size):
    return {"type": "fixed", "name": "F", "size": size}


def array(items):
    return {"type": "array", "items": items}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("int", "int", []),
        ("int", "long", ["/x is long and was int"]),
        (enum("A", "B"), enum("B", "C"), ["/x has the new symbol C", "/x no longer has the symbol A"]),
        (["null", "int"], ["null", "string"], ["/x may now be string", "/x may no longer be int"]),
        (array("int"), array("bytes"), ["/x/items is bytes and was int"]),
        (fixed(2), fixed(3), ["/x has 3 bytes and had 2"]),
    ],
)
def test_changes_of_a_type_are_said(before, after, said):
    assert changes(payment({"name": "x", "type": before}), payment({"name": "x", "type": after})) == said


def test_changes_of_fields_are_said():
    before = payment({"name": "kept", "type": CARD}, {"name": "old", "type": "int", "default": 1})
    after = payment({"name": "kept", "type": CARD}, {"name": "new", "type": "int"})
    assert changes(before, after) == ["/new is new and has no default", "/old is gone and had a default"]


def test_a_recursive_schema_is_compared_once():
    def node(value):
        fields = [{"name": "value", "type": value}, {"name": "next", "type": ["null", "N"]}]
        return Schema.of({"type": "record", "name": "N", "fields": fields})

    assert changes(node("int"), node("long")) == ["/value is long and was int"]
