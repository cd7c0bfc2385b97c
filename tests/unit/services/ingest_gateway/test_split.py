import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest_gateway.errors import BATCH_TOO_LARGE, EMPTY_BATCH, MALFORMED, MEDIA_TYPE, RefusedError
from services.ingest_gateway.prepare import NotJson
from services.ingest_gateway.split import MAX_VALUES, records_of, records_of_messages

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def refusal(body: bytes, content_type: str = "application/json", limit: int = 10) -> Any:
    with pytest.raises(RefusedError) as refused:
        records_of(body, content_type, limit)
    return refused.value


@pytest.mark.parametrize("content_type", ["", "application/json", "Application/JSON; charset=utf-8"])
def test_an_object_is_one_record(content_type: str) -> None:
    records = records_of(b' {"a": 1} ', content_type, 10)
    assert records.values == [{"a": 1}]
    assert records.originals == [b' {"a": 1} ']


@given(st.lists(JSON, min_size=1, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_the_original_bytes_of_each_item_are_found(
    values: list[Any], indent: int | None, ascii_: bool
) -> None:
    items = [json.dumps(value, indent=indent, ensure_ascii=ascii_).encode() for value in values]
    records = records_of(b" [" + b" ,\n".join(items) + b"] ", "application/json", 10)
    assert records.values == values
    assert list(records.originals) == items


@pytest.mark.parametrize("depth", [900, 1_000, 1_020])
def test_the_original_bytes_are_found_beside_an_item_of_any_depth(depth: int) -> None:
    items = [b'{"a": "],\\""}', b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"2"]
    records = records_of(b" [" + b" ,\n".join(items) + b"] ", "application/json", 10)
    assert list(records.originals) == items


def test_lines_are_records_and_blank_ones_are_none() -> None:
    records = records_of(b'{"a":1}\n\n  \r\nnot json\n{"a":2}', "application/x-ndjson", 10)
    assert records.values[0] == {"a": 1}
    assert isinstance(records.values[1], NotJson)
    assert records.values[2] == {"a": 2}
    assert records.originals == [b'{"a":1}', b"not json", b'{"a":2}']


@pytest.mark.parametrize("charset", ["utf-16", "latin1", '"ISO-8859-1"', ""])
def test_a_body_that_says_it_is_not_utf_8_is_refused(charset: str) -> None:
    refused = refusal(b'{"a": 1}', f"application/json; charset={charset}")
    assert refused.kind is MEDIA_TYPE
    assert refused.hint == "Send UTF-8."


def test_a_message_that_is_blank_keeps_its_index() -> None:
    records = records_of_messages([b"{}", b"", b"{}"], 10)
    assert isinstance(records.values[1], NotJson)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1,]",
        b"nul",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 5000,
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b"1 2",
    ],
)
def test_what_is_no_json_is_refused_with_its_place(body: bytes) -> None:
    refused = refusal(body)
    assert refused.kind is MALFORMED
    assert refused.errors[0].pointer == ""


def test_limits_and_types() -> None:
    assert refusal(b"[]").kind is EMPTY_BATCH
    assert refusal(b"\n", "application/x-ndjson").kind is EMPTY_BATCH
    assert refusal(b"[1,2,3]", limit=2).kind is BATCH_TOO_LARGE
    assert refusal(b"1\n2\n3", "application/jsonl", limit=2).kind is BATCH_TOO_LARGE
    assert refusal(b"{}", "text/plain").kind is MEDIA_TYPE
    assert records_of(b"[1,2]", "application/json", 2).values == [1, 2]


def test_a_body_of_very_many_values_is_refused_before_it_is_parsed() -> None:
    assert refusal(b"[" + b"[]," * MAX_VALUES + b"[]]", limit=10**9).kind is BATCH_TOO_LARGE
