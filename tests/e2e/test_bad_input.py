"""Input that nobody should send: each ends in a pointed error or a letter, and the pipeline goes on."""

import json
import time

import pytest

from tests.support.pipeline import (
    TRANSACTIONS,
    bronze,
    client,
    encode,
    kapstan,
    put,
    transaction,
)
from tests.support.waiting import until

CUSTOMERS = "cdc.bank.customers"
HOUR_MS = 3_600_000


def refused(stack, body, topic=TRANSACTIONS):
    """Send what the gateway has to refuse; returns the status, and the first error of the first record."""
    with client(stack) as http:
        answer = http.post(
            f"/v1/topics/{topic}/events", content=body, headers={"Content-Type": "application/json"}
        )
    first = answer.json().get("results", [{}])[0].get("errors", [{}])[0]
    return answer.status_code, first, answer.text


def test_the_gateway_says_where_the_fault_is(stack):
    late = transaction(10, event_time=time.time_ns() // 1_000_000 + 48 * HOUR_MS)
    wrong = transaction(11, entry_mode={"CHIP": 1})
    lacking = {name: value for name, value in transaction(12).items() if name != "customer_id"}
    for event, pointer in ((late, "/event_time"), (wrong, "/entry_mode"), (lacking, "/customer_id")):
        status, error, text = refused(stack, json.dumps(event))
        assert (status, error.get("pointer")) == (422, pointer), text
        assert error["expected"]
        assert error["got"]


@pytest.mark.parametrize(
    ("body", "topic", "status", "says"),
    [
        (b'{"transaction_id": ', TRANSACTIONS, 400, "JSON"),
        (b"{}", "payments.transaction.v1", 404, TRANSACTIONS),
        (b'"' + b"x" * 20_000_000 + b'"', TRANSACTIONS, 413, "bytes"),
    ],
    ids=["malformed", "unknown topic", "too large"],
)
def test_a_request_that_is_none_is_refused_in_words(stack, body, topic, status, says):
    got, _, text = refused(stack, body, topic)
    assert got == status, text
    assert says in text


def test_what_came_past_the_gateway_is_put_aside_and_the_rest_goes_on(stack, decisions):
    now = time.time_ns() // 1_000_000
    future = transaction(20, event_time=now + 48 * HOUR_MS)
    stray = transaction(21)
    nobody, *odd = (transaction(number) for number in (24, 25, 26))
    headers = [("kapstan-tenant", b"\xff\xfe"), ("kapstan-hops", b"junk"), ("nothing", None)]
    no_row = {"before": None, "after": None, "op": "u", "ts_ms": now}
    bad = {
        "no_magic": (TRANSACTIONS, b"c000022", b"poison"),
        "unknown_schema": (TRANSACTIONS, b"c000023", b"\x00\x7f\xff\xff\xff\x02\x02"),
        "future": (TRANSACTIONS, future["customer_id"].encode(), encode(stack, TRANSACTIONS, full(future))),
        "wrong_key": (TRANSACTIONS, b"somebody", encode(stack, TRANSACTIONS, full(stray))),
        "bad_header": (
            TRANSACTIONS,
            nobody["customer_id"].encode(),
            encode(stack, TRANSACTIONS, full(nobody)),
            headers,
        ),
        "no_row_key": (CUSTOMERS, None, encode(stack, CUSTOMERS, no_row)),
    }
    placed = {reason: (record[0], *put(stack, *record)) for reason, record in bad.items()}
    # Hop times that are none are no reason to put a transaction aside, and must not stop who reads them.
    for event, hops in zip(odd, (b"junk", None), strict=True):
        value = encode(stack, TRANSACTIONS, full(event))
        put(stack, TRANSACTIONS, event["customer_id"].encode(), value, [("kapstan-hops", hops)])

    def letters():
        return {each["reason"]: each for each in json.loads(kapstan(stack, "dlq", "list", "--json"))}

    until(lambda: bad.keys() <= letters().keys(), 60)
    for reason, (topic, partition, offset) in placed.items():
        letter = letters()[reason]
        assert letter["origin"].startswith(f"{topic}@")
        assert letter["origin"].endswith(f"/{partition}/{offset}")
        assert bytes.fromhex(letter["value"]) == bad[reason][2]
        assert letter["detail"] in kapstan(stack, "dlq", "show", letter["ref"])

    good = [transaction(number) for number in range(30, 38)]
    with client(stack) as http:
        assert http.post(f"/v1/topics/{TRANSACTIONS}/events", json=good).status_code == 200
    decisions.wait_for([event["transaction_id"] for event in (*good, *odd)])
    assert not {stray["transaction_id"], nobody["transaction_id"]} & decisions.of.keys()

    def errors():
        rows = bronze(stack, TRANSACTIONS, ("_partition", "_offset", "_error"))
        return {(row["_partition"], row["_offset"]): row["_error"] for row in rows}

    undecodable = [placed["no_magic"][1:], placed["unknown_schema"][1:]]
    until(lambda: set(undecodable) <= errors().keys(), 60)
    found = errors()
    assert all(found[place] for place in undecodable)
    assert found[placed["future"][1:]] is None


def full(event):
    """An event as the gateway would have completed it."""
    return {"tenant": "default", **event}
