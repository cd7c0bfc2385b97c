from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit.avro import Schema
from streamkit.avro_faults import find_fault
from streamkit.errors import DeadLetterError
from streamkit.serde import PREFIX_BYTES, AvroDecoder, AvroEncoder, schema_id_of
from tests.support.avro_schemas import schemas_and_datum

PAYMENT: dict[str, Any] = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "amount", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "card",
            "type": [
                "null",
                {
                    "type": "record",
                    "name": "Card",
                    "fields": [
                        {
                            "name": "status",
                            "type": {"type": "enum", "name": "Status", "symbols": ["OPEN", "SHUT"]},
                        },
                        {"name": "day", "type": "int"},
                    ],
                },
            ],
        },
    ],
}
DATUM = {"id": "p1", "amount": 5, "at": 1_790_000_000_000, "card": {"status": "SHUT", "day": 3}}


class Registry:
    def __init__(self, **schemas):
        self.asked = []
        self._schemas = {int(name[1:]): Schema.of(schema) for name, schema in schemas.items()}

    def schema(self, schema_id):
        self.asked.append(schema_id)
        if schema_id not in self._schemas:
            raise DeadLetterError("no such id", reason="unknown_schema", schema_id=schema_id)
        return self._schemas[schema_id]


def decode(value, reader=PAYMENT, **writers):
    return AvroDecoder(Registry(**(writers or {"_7": PAYMENT})), reader).decode(value)


def evolved(**changes):
    """PAYMENT with fields replaced (by name), added, or removed (None)."""
    fields = {field["name"]: field for field in PAYMENT["fields"]} | changes
    return {**PAYMENT, "fields": [{"name": name, **field} for name, field in fields.items() if field]}


@settings(max_examples=60, deadline=None)
@given(schemas_and_datum())
def test_what_was_encoded_decodes_to_itself(drawn):
    schema, datum = drawn
    assert decode(AvroEncoder(schema, 7).encode(datum), schema, _7=schema) == datum


@settings(max_examples=60, deadline=None)
@given(schemas_and_datum())
def test_another_layout_of_the_same_fields_reads_the_same(drawn):
    schema, datum = drawn
    wider = {**schema, "fields": [*schema["fields"], {"name": "zz_added", "type": "int", "default": 4}]}
    value = AvroEncoder(schema, 7).encode(datum)
    assert decode(value, wider, _7=schema) == {**datum, "zz_added": 4}


@settings(max_examples=60, deadline=None)
@given(schemas_and_datum(), st.data())
def test_cut_bytes_are_refused_at_a_field(drawn, data):
    schema, datum = drawn
    value = AvroEncoder(schema, 7).encode(datum)
    if len(value) == PREFIX_BYTES:
        return
    cut = data.draw(st.integers(PREFIX_BYTES, len(value) - 1))
    with pytest.raises(DeadLetterError) as caught:
        decode(value[:cut], schema, _7=schema)
    assert caught.value.reason == "undecodable"
    assert caught.value.schema_id == 7
    assert caught.value.field_path


@settings(max_examples=60, deadline=None)
@given(schemas_and_datum(), st.binary(max_size=40))
def test_any_bytes_decode_or_are_refused(drawn, noise):
    schema, _ = drawn
    decoder = AvroDecoder(Registry(_7=schema), schema)
    try:
        datum = decoder.decode(b"\x00\x00\x00\x00\x07" + noise)
    except DeadLetterError as error:
        assert error.reason == "undecodable"  # noqa: PT017 - one of two good ends
        assert find_fault(Schema.of(schema), noise) is not None
    else:
        # Compared as text, because noise may hold a NaN.
        assert repr(decoder.decode(AvroEncoder(schema, 7).encode(datum))) == repr(datum)


def test_wire_format_is_magic_then_id_then_avro():
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    assert AvroEncoder(schema, 0x01020304).encode({"a": 1}) == b"\x00\x01\x02\x03\x04\x02"
    assert schema_id_of(b"\x00\x01\x02\x03\x04\x02") == 0x01020304


@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x07\x02", b'{"id": 1}'])
def test_other_formats_are_no_magic(value):
    with pytest.raises(DeadLetterError) as caught:
        decode(value)
    assert caught.value.reason == "no_magic"


def test_unknown_id_is_refused_with_the_id():
    with pytest.raises(DeadLetterError) as caught:
        decode(b"\x00\x00\x00\x00\x09\x02")
    assert (caught.value.reason, caught.value.schema_id) == ("unknown_schema", 9)


def test_registry_is_asked_once_per_id():
    registry = Registry(_7=PAYMENT)
    decoder = AvroDecoder(registry, PAYMENT)
    value = AvroEncoder(PAYMENT, 7).encode(DATUM)
    assert [decoder.decode(value), decoder.decode(value)] == [DATUM, DATUM]
    assert registry.asked == [7]


def test_bytes_left_over_are_refused():
    with pytest.raises(DeadLetterError, match="2 bytes are left over") as caught:
        decode(AvroEncoder(PAYMENT, 7).encode(DATUM) + b"zz")
    assert caught.value.field_path is None


@pytest.mark.parametrize(
    ("old", "new", "pointer", "problem"),
    [
        (b"\x02\x02\x06", b"\x02\x05\x06", "/card/status", "symbol -3 of 2"),
        (b"\x02\x02\x06", b"\x02\x02\x80\x80\x80\x80\x10", "/card/day", "does not fit into 32 bits"),
        (b"\x02\x02\x06", b"\x08", "/card", "branch 4 of 2"),
        (b"\x04p1", b"\x04\xffp", "/id", "not UTF-8"),
        (b"\x04p1", b"\x03p1", "/id", "its length is -2"),
    ],
)
def test_poison_inside_is_refused_at_its_field(old, new, pointer, problem):
    value = AvroEncoder(PAYMENT, 7).encode(DATUM)
    assert old in value
    with pytest.raises(DeadLetterError, match=problem) as caught:
        decode(value.replace(old, new))
    assert caught.value.field_path == pointer


def test_fields_of_a_newer_writer_are_left_out():
    writer = evolved(channel={"type": "string"})
    assert decode(AvroEncoder(writer, 8).encode({**DATUM, "channel": "web"}), _8=writer) == DATUM


def test_an_int_of_an_older_writer_widens():
    writer = evolved(amount={"type": "int"})
    assert decode(AvroEncoder(writer, 8).encode(DATUM), _8=writer) == DATUM


def test_a_writer_without_a_needed_field_is_refused():
    writer = evolved(amount=None)
    value = AvroEncoder(writer, 8).encode({name: DATUM[name] for name in ("id", "at", "card")})
    with pytest.raises(DeadLetterError, match="amount") as caught:
        decode(value, _8=writer)
    assert (caught.value.reason, caught.value.schema_id) == ("undecodable", 8)


def test_a_default_fills_what_is_left_out():
    schema = evolved(note={"type": "string", "default": "-"})
    assert decode(AvroEncoder(schema, 7).encode(DATUM), schema, _7=schema) == {**DATUM, "note": "-"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amount": "5"}, "amount"),
        ({"extra": 1}, "extra"),
        ({"card": {"status": "OPEN", "day": 2**31}}, "card"),
        ({"card": {"status": "LOST", "day": 1}}, "card"),
    ],
)
def test_a_record_that_does_not_fit_is_named(change, named):
    with pytest.raises(DeadLetterError, match=named) as caught:
        AvroEncoder(PAYMENT, 7).encode({**DATUM, **change})
    assert caught.value.reason == "unencodable"


def test_a_missing_field_is_named():
    with pytest.raises(DeadLetterError, match="amount"):
        AvroEncoder(PAYMENT, 7).encode({"id": "p1", "at": 1, "card": None})


NODE = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
NULLS = {
    "type": "record",
    "name": "N",
    "fields": [{"name": "all", "type": {"type": "array", "items": "null"}}],
}


@pytest.mark.parametrize(
    ("schema", "poison", "problem"),
    [
        (NODE, b"\x02" * 1_000_000 + b"\x00", "nested too deeply"),
        (NULLS, b"\xfe\xff\xff\xff\xff\xff\x3f\x00", "claims .* items"),
    ],
)
def test_few_bytes_cannot_stand_for_more_than_a_process_can_bear(schema, poison, problem):
    with pytest.raises(DeadLetterError, match=problem) as caught:
        decode(b"\x00\x00\x00\x00\x07" + poison, schema, _7=schema)
    assert caught.value.reason == "undecodable"


def test_what_may_be_unbounded_is_read_when_it_is_not():
    datum = {"next": {"next": {"next": None}}}
    assert decode(AvroEncoder(NODE, 7).encode(datum), NODE, _7=NODE) == datum
    assert [Schema.of(each).unbounded for each in (NODE, NULLS, PAYMENT)] == [True, True, False]
