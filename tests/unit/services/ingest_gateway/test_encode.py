import io
import itertools
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest_gateway.encode import MAX_DEPTH, compile_encoder
from services.ingest_gateway.errors import BadSchemaError
from services.ingest_gateway.explain import explain
from services.ingest_gateway.schema import parse
from tests.unit.services.ingest_gateway.avro_cases import Case, cases

REPO = Path(__file__).parents[4]
CHAIN = {
    "type": "record",
    "name": "Chain",
    "fields": [{"name": "n", "type": "int"}, {"name": "next", "type": ["null", "Chain"], "default": None}],
}


def read(schema: Any, encoded: bytes) -> Any:
    source = io.BytesIO(encoded)
    value = fastavro.schemaless_reader(source, fastavro.parse_schema(schema), None)
    assert source.tell() == len(encoded)
    return value


def encode(schema: Any, value: Any) -> bytes:
    return compile_encoder(parse(schema))(value)


def refuses(encoder: Any, value: Any) -> bool:
    try:
        encoder(value)
    except Exception:  # noqa: BLE001 - an encoder promises no particular class
        return True
    return False


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)}


@given(cases())
@settings(max_examples=150, deadline=None)
def test_whatever_is_encoded_is_read_back_equal(case: Case) -> None:
    assert read(case.schema, encode(case.schema, case.sent)) == case.read


@given(cases())
@settings(max_examples=20, deadline=None)
def test_the_prefix_comes_first(case: Case) -> None:
    assert compile_encoder(parse(case.schema), b"\0\0\0\0\7")(case.sent) == b"\0\0\0\0\7" + encode(
        case.schema, case.sent
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(cases(), JSON, st.data())
@settings(max_examples=150, deadline=None)
def test_the_encoder_refuses_exactly_what_is_explained(case: Case, junk: Any, data: st.DataObject) -> None:
    node = parse(case.schema)
    value: Any = junk
    if case.sent and data.draw(st.booleans()):
        value = {**case.sent, data.draw(st.sampled_from(sorted(case.sent))): junk}
    errors = explain(node, value)
    try:
        encoded = compile_encoder(node)(value)
    except Exception:  # noqa: BLE001 - an encoder promises no particular class
        assert errors
    else:
        assert not errors
        read(case.schema, encoded)


@pytest.mark.parametrize("path", sorted((REPO / "schemas/avro").glob("*.avsc")), ids=lambda p: p.stem)
def test_every_schema_of_the_catalogue_compiles(path: Path) -> None:
    compile_encoder(parse(json.loads(path.read_text())))


@pytest.mark.parametrize(
    ("type_", "default", "read_back"),
    [
        ("bytes", "\u00ff\u0001", b"\xff\x01"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "\u0004\u00d2", None),
        (["null", "string"], None, None),
        (["string", "null"], "x", "x"),
        (["bytes", "null"], "\u00e9", b"\xe9"),
        ({"type": "array", "items": "bytes"}, ["a"], [b"a"]),
        ({"type": "map", "values": "long"}, {"a": 1}, {"a": 1}),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        ({"type": "long", "logicalType": "timestamp-millis"}, 0, None),
        (record({"name": "a", "type": "int", "default": 3}), {}, {"a": 3}),
    ],
)
def test_a_field_that_is_not_sent_gets_its_default(type_: Any, default: Any, read_back: Any) -> None:
    schema = {"type": "record", "name": "Top", "fields": [{"name": "x", "type": type_, "default": default}]}
    result = read(schema, encode(schema, {}))["x"]
    assert read_back is None or result == read_back


def test_a_default_of_decimal_is_its_bytes() -> None:
    type_ = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    schema = record({"name": "x", "type": type_, "default": "\u0004\u00d2"})
    assert str(read(schema, encode(schema, {}))["x"]) == "12.34"


def test_a_default_that_does_not_fit_is_named() -> None:
    uuid = {"type": "string", "logicalType": "uuid"}
    with pytest.raises(BadSchemaError, match="default of field 'a'"):
        compile_encoder(parse(record({"name": "a", "type": uuid, "default": "x"})))


def test_a_record_without_fields_takes_the_empty_object_only() -> None:
    empty = compile_encoder(parse(record()))
    assert empty({}) == b""
    others: list[Any] = [[], "", None, {"a": 1}]
    assert all(refuses(empty, value) for value in others)


@pytest.mark.parametrize("length", [0, 63, 64, 8191, 8192, 100_000])
def test_text_of_any_length(length: int) -> None:
    schema = record(
        {"name": "t", "type": "string"}, {"name": "a", "type": {"type": "array", "items": "null"}}
    )
    value = {"t": "é" * (length // 2), "a": [None] * length}
    assert read(schema, encode(schema, value)) == value


def chain(length: int) -> Any:
    value: Any = None
    for n in range(length):
        value = {"n": n, "next": value}
    return value


def test_a_record_that_contains_itself_may_be_nested_to_the_limit() -> None:
    encoder = compile_encoder(parse(CHAIN))
    assert read(CHAIN, encoder(chain(MAX_DEPTH))) == chain(MAX_DEPTH)
    assert refuses(encoder, chain(MAX_DEPTH + 1))
    assert [e.pointer for e in explain(parse(CHAIN), chain(MAX_DEPTH + 1))] == ["/next" * MAX_DEPTH]


def test_types_nested_deeper_than_python_nests_blocks() -> None:
    type_: Any = "int"
    value: Any = 1
    for kind in itertools.islice(itertools.cycle(["array", "map", "union"]), 40):
        if kind == "union":
            type_ = ["null", type_]
        else:
            type_ = {"type": kind, "items" if kind == "array" else "values": type_}
            value = [value] if kind == "array" else {"k": value}
    schema = record({"name": "x", "type": type_})
    assert read(schema, encode(schema, {"x": value})) == {"x": value}


def test_an_object_goes_to_the_record_whose_fields_fit() -> None:
    a = {"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}]}
    b = {"type": "record", "name": "B", "fields": [{"name": "b", "type": "string"}]}
    schema = record({"name": "x", "type": [a, b, "null"]})
    assert read(schema, encode(schema, {"x": {"b": "1"}})) == {"x": {"b": "1"}}
    assert [e.pointer for e in explain(parse(schema), {"x": {"b": 1}})] == ["/x/b"]


def test_a_number_goes_to_the_first_branch_that_holds_it() -> None:
    schema = record({"name": "x", "type": ["int", "long", "double", "string"]})
    values: list[Any] = [1, 2**40, 0.5, "text"]
    for value in values:
        assert read(schema, encode(schema, {"x": value})) == {"x": value}


def test_nothing_of_a_schema_can_run_as_code() -> None:
    hostile = {"type": "record", "name": "R", "fields": [{"name": "x'];import os;#", "type": "int"}]}
    with pytest.raises(BadSchemaError):
        parse(hostile)
    symbols = ["A", "B\n'''"]
    with pytest.raises(BadSchemaError):
        parse({"type": "enum", "name": "E", "symbols": symbols})
