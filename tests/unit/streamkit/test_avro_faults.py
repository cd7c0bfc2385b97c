import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkit.avro import Schema
from streamkit.avro_faults import find_fault, read_leaves
from streamkit.serde import PREFIX_BYTES, AvroEncoder
from tests.support.avro_schemas import schemas_and_datum


def field(kind):
    return Schema.of({"type": "record", "name": "R", "fields": [{"name": "x", "type": kind}]})


def number(value):
    """The Avro encoding of a long: a zig-zag varint."""
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


@settings(max_examples=60, deadline=None)
@given(schemas_and_datum())
def test_what_was_encoded_has_no_fault(drawn):
    schema, datum = drawn
    assert find_fault(Schema.of(schema), AvroEncoder(schema, 1).encode(datum)[PREFIX_BYTES:]) is None


@settings(max_examples=60, deadline=None)
@given(schemas_and_datum(), st.data())
def test_a_cut_is_found_and_what_was_read_before_it_is_kept(drawn, data):
    schema, datum = drawn
    payload = AvroEncoder(schema, 1).encode(datum)[PREFIX_BYTES:]
    if not payload:
        return
    cut = data.draw(st.integers(0, len(payload) - 1))
    whole, _ = read_leaves(Schema.of(schema), payload)
    part, fault = read_leaves(Schema.of(schema), payload[:cut])
    assert fault is not None
    assert repr(part) == repr(whole[: len(part)])


@pytest.mark.parametrize(
    ("kind", "payload", "value"),
    [
        ("null", b"", None),
        ("boolean", b"\x01", True),
        ("long", number(-(2**63)), -(2**63)),
        ("float", struct.pack("<f", 1.5), 1.5),
        ("double", struct.pack("<d", -2.25), -2.25),
        ("string", number(2) + "é".encode(), "é"),
        ({"type": "fixed", "name": "F", "size": 2}, b"ab", b"ab"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, number(1), "B"),
        (["null", "int"], number(1) + number(7), 7),
    ],
)
def test_leaves_are_the_values(kind, payload, value):
    assert read_leaves(field(kind), payload) == ([("/x", value)], None)


def test_pointers_hold_indices_and_escaped_keys():
    nested = {"type": "map", "values": {"type": "array", "items": "int"}}
    blocks = number(2) + number(1) + number(2) + number(0)
    payload = number(1) + number(3) + b"a/~" + blocks + number(0)
    assert read_leaves(field(nested), payload) == ([("/x/a~1~0/0", 1), ("/x/a~1~0/1", 2)], None)


def test_a_block_with_its_size_is_read_as_one_without():
    payload = number(-2) + number(2) + number(1) + number(2) + number(0)
    assert read_leaves(field({"type": "array", "items": "int"}), payload) == (
        [("/x/0", 1), ("/x/1", 2)],
        None,
    )


@pytest.mark.parametrize(
    ("kind", "payload", "pointer", "problem"),
    [
        ("boolean", b"\x02", "/x", "a boolean is 0 or 1, this byte is 2"),
        ("int", number(2**31), "/x", "2147483648 does not fit into 32 bits"),
        ("long", b"\xff" * 10 + b"\x01", "/x", "its number has more than ten bytes"),
        ("bytes", number(5) + b"abc", "/x", "it takes 5 bytes and 3 are left"),
        ("bytes", number(-1), "/x", "its length is -1"),
        (["null", "int"], number(2), "/x", "it names branch 2 of 2"),
        (["null", "int"], number(-1), "/x", "it names branch -1 of 2"),
        ({"type": "array", "items": "null"}, number(2**40), "/x", "it claims 1099511627776 items"),
        ("null", b"\x00", "", "1 bytes are left over after the last field"),
    ],
)
def test_each_fault_is_told(kind, payload, pointer, problem):
    assert find_fault(field(kind), payload) == (pointer, problem)


def test_endless_nesting_is_a_fault_and_no_crash():
    node = Schema.of({"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]})
    assert find_fault(node, b"\x02" * 100_000) == ("", "it is nested too deeply")
