import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest_gateway.errors import MisfitError
from services.ingest_gateway.prepare import (
    MAX_IDENTITY,
    Context,
    NotJson,
    Prepared,
    Trace,
    faults,
    prepare,
    text_of,
)
from services.ingest_gateway.route import route_of
from streamkit import headers
from streamkit.kafka.async_producer import Message
from streamkit.logs import parse_traceparent
from tests.unit.services.ingest_gateway.world import GOOD, NOW, ORDER_SCHEMA, orders

RANDOM = bytes(range(16))
PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
ROUTE = route_of(orders(), 7, "")


def context(**changes: Any) -> Context:
    fixed = {
        "tenant": "default", "ingest_ms": NOW, "earliest_ms": NOW - 1000, "latest_ms": NOW + 1000,
        "max_bytes": 1000, "trace": Trace.of(None, RANDOM),
    }  # fmt: skip
    return Context(**{**fixed, **changes})


def prepared(*values: Any, **changes: Any) -> Prepared:
    return prepare(ROUTE, [dict(v) if isinstance(v, dict) else v for v in values], context(**changes))


def decoded(value: bytes | None) -> Any:
    return fastavro.schemaless_reader(io.BytesIO((value or b"")[5:]), ORDER_SCHEMA, None)


def size_in_kafka(message: Message) -> int:
    """Return what librdkafka holds against message.max.bytes: two lengths of 5 bytes for each header."""
    key, value, sent = message
    return len(key or b"") + len(value or b"") + sum(10 + len(name) + len(text) for name, text in sent)


def pointers(value: Any, **changes: Any) -> list[str]:
    result = prepared(value, **changes)
    assert not result.messages
    return [error.pointer for error in result.rejected[0]]


def test_a_record_gets_its_key_its_bytes_and_its_headers() -> None:
    [(key, value, sent)] = prepared(GOOD).messages
    assert key == b"b1"
    assert decoded(value)["order_id"] == "o1"
    assert dict(sent).keys() == {
        headers.EVENT_ID, headers.INGEST_MS, headers.TENANT, headers.TRACEPARENT, headers.HOPS
    }  # fmt: skip
    assert headers.find(sent, headers.EVENT_ID) == b"o1"
    assert headers.find(sent, headers.INGEST_MS) == str(NOW).encode()
    assert headers.find(sent, headers.TENANT) == b"default"
    assert headers.hop_times(sent) == {"gateway": NOW}


def test_good_and_bad_records_are_told_apart_by_index() -> None:
    result = prepare(ROUTE, [dict(GOOD), {}, dict(GOOD), NotJson("broken")], context(), first=10)
    assert result.indexes == [10, 12]
    assert set(result.rejected) == {11, 13}
    assert result.rejected[13][0].got == "broken"


@pytest.mark.parametrize(
    ("change", "pointer", "expected"),
    [
        ({"buyer": ""}, "/buyer", "the key: text that is not empty"),
        ({"order_id": ""}, "/order_id", "the event id: text that is not empty"),
        ({"at": NOW + 1001}, "/at", "an event time up to 2026-09-21T14:13:21Z"),
        ({"at": NOW - 1001}, "/at", "an event time from 2026-09-21T14:13:19Z on"),
        ({"at": NOW // 1000}, "/at", "an event time from 2026-09-21T14:13:19Z on"),
        ({"at": "9999-12-31T00:00:00Z"}, "/at", "an event time up to 2026-09-21T14:13:21Z"),
        ({"tenant": "acme"}, "/tenant", '"default", the tenant of the API key'),
    ],
)
def test_what_cannot_be_routed_is_pointed_at(change: Any, pointer: str, expected: str) -> None:
    [error] = prepared({**GOOD, **change}).rejected[0]
    assert (error.pointer, error.expected) == (pointer, expected)


def test_the_limits_of_the_event_time_themselves_are_taken() -> None:
    assert len(prepared({**GOOD, "at": NOW + 1000}, {**GOOD, "at": NOW - 1000}).messages) == 2


def test_a_key_that_differs_from_the_one_sent_is_a_pointed_error() -> None:
    assert prepared(GOOD, key="b1").messages
    [error] = prepared(GOOD, key="b2").rejected[0]
    assert (error.pointer, error.expected, error.got) == (
        "/buyer",
        '"b2", the key sent with the record',
        'string "b1"',
    )


def test_faults_of_schema_and_routing_are_reported_together_and_once_each() -> None:
    bad = {**GOOD, "buyer": 7, "amount": "x", "at": NOW * 10, "tenant": "acme"}
    assert sorted(pointers(bad)) == ["/amount", "/at", "/buyer", "/tenant"]
    assert pointers({**GOOD, "buyer": None, "order_id": None}, key="b1") == ["/order_id", "/buyer"]


def test_the_tenant_of_the_key_is_put_into_records_without_one() -> None:
    [(_, value, sent)] = prepared(GOOD, tenant="acme").messages
    assert headers.find(sent, headers.TENANT) == b"acme"
    assert decoded(value)["tenant"] == "acme"


def test_a_record_above_the_limit_says_how_large_it_is() -> None:
    record = {**GOOD, "order_id": "x" * 300, "buyer": "é" * 200}
    [message] = prepared(record, max_bytes=10_000).messages
    size = size_in_kafka(message)
    assert prepared(record, max_bytes=size).messages
    [error] = prepared(record, max_bytes=size - 1).rejected[0]
    assert (error.pointer, error.got) == ("", f"{size} bytes")
    assert error.expected == f"a record of at most {size - 1} bytes as Avro, with its key and headers"


@pytest.mark.parametrize(("field", "role"), [("buyer", "key"), ("order_id", "event id")])
def test_a_key_or_an_event_id_that_is_too_long_is_pointed_at(field: str, role: str) -> None:
    assert prepared({**GOOD, field: "é" * (MAX_IDENTITY // 2)}, max_bytes=900_000).messages
    [error] = prepared({**GOOD, field: "é" * (MAX_IDENTITY // 2) + "x"}, max_bytes=900_000).rejected[0]
    assert (error.pointer, error.got) == (f"/{field}", f"{MAX_IDENTITY + 1} bytes")
    assert error.expected == f"the {role}: text of at most {MAX_IDENTITY} bytes as UTF-8"


def test_a_huge_key_sent_with_records_is_not_repeated_for_each() -> None:
    rejected = prepared(*[GOOD] * 3, key="k" * 1_000_000).rejected
    assert all(len(error.expected) < 200 for errors in rejected.values() for error in errors)


@pytest.mark.parametrize("value", [None, 5, "text", [], [{}], True])
def test_a_record_that_is_no_object_is_one_fault_at_its_top(value: Any) -> None:
    assert pointers(value) == [""]


@given(
    st.dictionaries(st.sampled_from([*GOOD, "tenant", "x"]), st.none() | st.integers() | st.text(max_size=3))
)
def test_a_record_is_either_written_or_explained(value: Any) -> None:
    result = prepared({**GOOD, **value})
    assert (len(result.messages) == 1) != bool(result.rejected.get(0))


def test_a_refusal_without_a_reason_is_a_bug_that_is_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="nothing is wrong"):
        faults(ROUTE, dict(GOOD), context())


def test_a_key_is_text_or_a_whole_number() -> None:
    assert (text_of("a"), text_of(7)) == ("a", "7")
    others: list[Any] = ["", None, True, 1.5, []]
    for value in others:
        with pytest.raises(MisfitError):
            text_of(value)


def test_each_record_begins_a_trace_of_its_own() -> None:
    trace = Trace.of(None, RANDOM)
    ids = [parse_traceparent(trace.header(index)) for index in (0, 1, 9999)]
    assert None not in ids
    assert len({i.trace_id for i in ids if i}) == 3
    assert trace.header(0).endswith(b"-01")


def test_a_trace_that_was_sent_is_continued_with_new_spans() -> None:
    trace = Trace.of(PARENT, RANDOM)
    ids = [parse_traceparent(trace.header(index)) for index in (0, 1)]
    assert {i.trace_id for i in ids if i} == {"0af7651916cd43dd8448eb211c80319c"}
    assert len({i.span_id for i in ids if i} | {"b7ad6b7169203331"}) == 3
    assert trace.header(0).endswith(b"-00")


@pytest.mark.parametrize("sent", [b"", b"junk", b"ff-" + PARENT[3:], PARENT.upper()])
def test_a_trace_that_is_none_is_begun_anew(sent: bytes) -> None:
    assert Trace.of(sent, RANDOM) == Trace.of(None, RANDOM)


def test_random_zeros_make_no_invalid_ids() -> None:
    assert parse_traceparent(Trace.of(None, bytes(16)).header(0)) is not None
