"""The range check against fastavro's own validation."""

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.avro import Schema
from streamkit.avro_ints import int_check
from tests.support.avro_schemas import schemas_and_datum

TOO_LARGE = 2**31


def record(**types):
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    return Schema({"type": "record", "name": "R", "fields": fields})


def test_a_schema_without_int_needs_no_check():
    assert int_check(record(a="long", b=["null", "string"])) is None


@given(st.data())
def test_data_that_fits_passes(data):
    schema, datum = data.draw(schemas_and_datum())
    check = int_check(Schema.of(schema))
    if check is not None:
        check(datum)


@pytest.mark.parametrize(
    ("types", "datum"),
    [
        ({"a": "int"}, {"a": TOO_LARGE}),
        ({"a": {"type": "int", "logicalType": "date"}}, {"a": -TOO_LARGE - 1}),
        ({"a": ["null", "int"]}, {"a": TOO_LARGE}),
        ({"a": {"type": "array", "items": "int"}}, {"a": [1, TOO_LARGE]}),
        ({"a": {"type": "map", "values": "int"}}, {"a": {"x": TOO_LARGE}}),
        ({"a": ["null", {"type": "array", "items": ["int", "string"]}]}, {"a": ["x", TOO_LARGE]}),
    ],
)
def test_an_int_beyond_32_bits_is_found_wherever_it_is(types, datum):
    schema = record(**types)
    with pytest.raises(fastavro.validation.ValidationError):
        fastavro.validate(datum, schema.physical)
    with pytest.raises((ValueError, fastavro.validation.ValidationError)):
        int_check(schema)(datum)


def test_a_record_within_itself_is_followed_down():
    schema = record(day="int", inner=["null", "R"])
    check = int_check(schema)
    check({"day": 1, "inner": {"day": 2, "inner": None}})
    with pytest.raises(ValueError, match="32 bits"):
        check({"day": 1, "inner": {"day": TOO_LARGE, "inner": None}})


def test_a_field_that_was_left_out_is_not_looked_for():
    int_check(record(a="int", b="long"))({"b": 1})
