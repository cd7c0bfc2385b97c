from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.ingest_gateway.explain import MAX_ERRORS, describe, explain, got
from services.ingest_gateway.schema import MISSING, parse
from tests.unit.services.ingest_gateway.avro_cases import Case, cases
from tests.unit.services.ingest_gateway.avro_mutations import json_pointer, mutations

ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "order_id", "type": "string"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "SHUT"]}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "Line", "fields": [{"name": "n", "type": "int"}]},
            },
        },
        {"name": "tags", "type": {"type": "map", "values": "long"}},
    ],
}
GOOD = {
    "order_id": "1",
    "price": "1.50",
    "at": 0,
    "state": "OPEN",
    "lines": [{"n": 1}, {"n": 2}],
    "tags": {"a/b": 1},
}

ISO = "long (ISO timestamp with a zone or epoch milliseconds)"


def errors(value: Any, schema: Any = ORDER) -> list[tuple[str, str, str]]:
    return [(e.pointer, e.expected, e.got) for e in explain(parse(schema), value)]


@given(cases())
@settings(max_examples=120, deadline=None)
def test_each_single_fault_is_found_where_it_is(case: Case) -> None:
    node = parse(case.schema)
    assert explain(node, case.sent) == []
    for mutation in mutations(case.schema, case.sent):
        broken = mutation.apply(case.sent)
        found = [e.pointer for e in explain(node, broken)]
        assert found == [json_pointer(mutation.pointer)], (mutation, broken)


@given(cases(), st.data())
@settings(max_examples=50, deadline=None)
def test_two_faults_in_different_places_are_both_found(case: Case, data: st.DataObject) -> None:
    # Leaves out faults of whole fields: taking two fields away may make another branch of a union fit better.
    found = [m for m in mutations(case.schema, case.sent) if len(m.path) == 1]
    assume(len({m.path for m in found}) >= 2)
    first, second = data.draw(
        st.lists(st.sampled_from(found), min_size=2, max_size=2, unique_by=lambda m: m.path)
    )
    pointers = {e.pointer for e in explain(parse(case.schema), second.apply(first.apply(case.sent)))}
    assert pointers == {json_pointer(first.pointer), json_pointer(second.pointer)}


def test_a_good_record_has_no_errors() -> None:
    assert errors(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"order_id": 7}, ("/order_id", "string", "number 7")),
        ({"price": "1.505"}, ("/price", "decimal(6,2): at most 2 digits after the point", 'string "1.505"')),
        ({"price": 12345}, ("/price", "decimal(6,2): at most 6 digits", "number 12345")),
        ({"state": "open"}, ("/state", "one of OPEN, SHUT", 'string "open"')),
        ({"note": 1}, ("/note", "null or string", "number 1")),
        (
            {"lines": [{"n": 1}, {"n": 2**31}]},
            ("/lines/1/n", "int: between -2^31 and 2^31-1", "number 2147483648"),
        ),
        ({"lines": {}}, ("/lines", "array of object (Line)", "object of 0 fields")),
        ({"tags": {"a/b": None}}, ("/tags/a~1b", "long", "null")),
        ({"nota": "x"}, ("/nota", "no such field, did you mean note?", 'string "x"')),
        (
            {"at": "2026-11-21T10:00:00"},
            ("/at", f"{ISO}: a zone is missing, such as Z or +01:00", 'string "2026-11-21T10:00:00"'),
        ),
    ],
)
def test_an_error_says_where_what_was_expected_and_what_came(
    change: Any, expected: tuple[str, str, str]
) -> None:
    assert errors({**GOOD, **change}) == [expected]


def test_a_missing_field_is_named() -> None:
    assert errors({k: v for k, v in GOOD.items() if k != "at"}) == [("/at", ISO, "nothing")]


def test_all_faults_are_reported_in_order() -> None:
    bad = {**GOOD, "order_id": None, "state": 1, "lines": [{"n": "1"}, {}], "extra": True}
    assert [e[0] for e in errors(bad)] == ["/order_id", "/state", "/lines/0/n", "/lines/1/n", "/extra"]


def test_the_number_of_errors_is_bounded() -> None:
    assert len(errors({**GOOD, "lines": [1] * 10_000})) == MAX_ERRORS
    assert len(errors({**GOOD, **{f"f{n}": n for n in range(10_000)}})) == MAX_ERRORS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (MISSING, "nothing"),
        (True, "boolean true"),
        (1.5, "number 1.5"),
        ([1], "array of 1 item"),
        ({}, "object of 0 fields"),
        (b"", "bytes"),
    ],
)
def test_got_names_the_kind(value: Any, text: str) -> None:
    assert got(value) == text


def test_got_cuts_long_and_repairs_broken_text() -> None:
    assert got("x" * 1000) == f'string "{"x" * 60}…"'
    assert got("\ud800") == 'string "\\ud800"'


def test_a_type_is_described_for_people() -> None:
    schema = ["null", {"type": "map", "values": "bytes"}, {"type": "fixed", "name": "F", "size": 3}]
    assert describe(parse(schema)) == "null or object with values of base64 text or base64 text of 3 bytes"
