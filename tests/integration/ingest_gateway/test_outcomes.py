"""One table of outcomes, asked of HTTP and gRPC alike, on a topic that was declared while the gateway ran."""

import json
import time

import pytest

from streamkit import headers
from streamkit.serde import schema_id_of
from tests.integration.ingest_gateway.doors import event

DOORS = ["http", "ndjson", "unary", "stream"]
REJECTS = "platform.gateway-rejects.v1"
LINE = {"sku": "s", "price": "9.99", "tags": {"a": 1, "b": None}}


@pytest.fixture(params=DOORS)
def send(request, shop):
    door = shop.doors[request.param]

    def sending(*events, topic=None, api_key=None, key=""):
        sent = [e if isinstance(e, bytes) else event(**e) for e in events]
        return door.send(topic or shop.topic, sent, shop.key if api_key is None else api_key, key)

    return sending


def test_records_land_where_the_answer_says(send, shop):
    before = int(time.time() * 1000)
    sent = [shop.event(n, id=f"{time.time_ns()}-{n}", lines=[LINE]) for n in range(5)]
    answer = send(*sent)
    assert answer.code == "results"
    assert sorted(answer.landed) == [0, 1, 2, 3, 4]
    found = {(r.partition, r.offset): (r, value) for r, value in shop.records()}
    for index, place in answer.landed.items():
        record, value = found[place]
        assert value["id"] == sent[index]["id"]
        assert value["tenant"] == "default"
        assert value["lines"][0]["price"] == (999).to_bytes(2, "big")
        assert record.key == sent[index]["user"].encode()
        assert before <= record.timestamp_ms <= int(time.time() * 1000)
        assert record.header(headers.EVENT_ID) == value["id"].encode()
        assert record.header(headers.INGEST_MS) == str(record.timestamp_ms).encode()
        assert headers.hop_times(record.headers) == {"gateway": record.timestamp_ms}
        assert schema_id_of(record.value) > 0


@pytest.mark.parametrize(
    ("name", "change", "pointers"),
    [
        (
            "wrong type deep in a record",
            {"lines": [LINE, {**LINE, "tags": {"a/b": "x"}}]},
            ["/lines/1/tags/a~1b"],
        ),
        ("decimal too fine", {"lines": [{**LINE, "price": "1.999"}]}, ["/lines/0/price"]),
        ("two faults", {"user": None, "lines": [{}]}, ["/user", "/lines/0/sku", "/lines/0/price"]),
        ("unknown field", {"usr": 1}, ["/usr"]),
        ("a timestamp far in the future", {"at": 32503680000000}, ["/at"]),
        ("seconds instead of milliseconds", {"at": int(time.time())}, ["/at"]),
        ("no key", {"user": ""}, ["/user"]),
        ("no event id", {"id": ""}, ["/id"]),
        ("another tenant", {"tenant": "acme"}, ["/tenant"]),
    ],
)
def test_a_bad_record_is_pointed_at_and_the_good_ones_land(send, shop, name, change, pointers):
    answer = send(shop.event(1), shop.event(2, **change), shop.event(3))
    assert sorted(answer.landed) == [0, 2]
    assert answer.faults == {1: pointers}
    assert answer.retry_after_s is None


def test_a_wrong_key_is_a_fault_of_the_record(send, shop):
    answer = send(shop.event(1), shop.event(2), key="u1")
    assert sorted(answer.landed) == [0]
    assert answer.faults == {1: ["/user"]}


def test_a_batch_without_a_good_record(send, shop):
    answer = send(b"{}", b"5")
    assert not answer.landed
    assert answer.faults == {0: ["/id", "/user", "/at"], 1: [""]}


def test_what_is_refused_is_kept_as_it_was_sent(send, shop):
    bad = b'{"id":  "kept-%d", "user" : 1}' % time.time_ns()
    answer = send(shop.event(1), bad)
    kept = {value["reject_id"]: (record, value) for record, value in shop.records(REJECTS)}
    record, value = kept[answer.rejects[1]]
    assert value["payload"] == bad
    assert (value["topic"], value["reason"]) == (shop.topic, "invalid_record")
    assert [error["pointer"] for error in value["errors"]] == answer.faults[1]
    assert record.header(headers.EVENT_ID) == value["reject_id"].encode()


@pytest.mark.parametrize(
    ("code", "events", "arguments"),
    [
        ("no_api_key", [b"{}"], {"api_key": ""}),
        ("wrong_api_key", [b"{}"], {"api_key": "not-a-key"}),
        ("unknown_topic", [b"{}"], {"topic": "no.such.topic"}),
        ("batch_too_large", [b"{}"] * 10_001, {}),
        ("body_too_large", [b'"%b"' % (b"x" * 5_300_000)], {}),
        ("empty_batch", [], {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_is_refused_as_a_whole(send, code, events, arguments):
    answer = send(*events, **arguments)
    assert answer.code == code
    assert not answer.landed


def test_a_record_above_kafkas_limit_is_a_fault_of_its_own(send, shop):
    answer = send(shop.event(1), shop.event(2, lines=[{"sku": "s" * 1_000_000, "price": "1.00"}]))
    assert sorted(answer.landed) == [0]
    assert answer.faults == {1: [""]}


def test_a_key_that_no_state_should_hold_is_a_fault_of_its_field(send, shop):
    answer = send(shop.event(1), shop.event(2, user="u" * 1_001))
    assert sorted(answer.landed) == [0]
    assert answer.faults == {1: ["/user"]}


@pytest.mark.parametrize("door", ["ndjson", "unary", "stream"])
def test_one_record_that_is_no_json_does_not_spoil_the_others(shop, door):
    answer = shop.doors[door].send(
        shop.topic, [event(**shop.event(1)), b'{"id"', event(**shop.event(2))], shop.key
    )
    assert sorted(answer.landed) == [0, 2]
    assert answer.faults == {1: [""]}


def test_a_body_that_is_no_json_is_refused_and_kept(shop):
    assert shop.doors["http"].send(shop.topic, [b'{"id"'], shop.key).code == "malformed_json"
    newest = shop.records(REJECTS)[-1][1]
    assert (newest["reason"], newest["payload"]) == ("malformed_json", b'[{"id"]')


def test_records_of_one_key_keep_their_order_on_a_stream(shop):
    from schemas.proto import ingest_pb2 as pb

    marker = time.time_ns()
    batches = [
        pb.PublishRequest(
            topic=shop.topic,
            sequence=b,
            events=[json.dumps(shop.event(1, id=f"{marker}-{b * 700 + i}")).encode() for i in range(700)],
        )
        for b in range(4)
    ]
    call = shop.doors["stream"].stub.PublishStream(
        iter(batches), metadata=(("x-api-key", shop.key),), timeout=30
    )
    assert [response.sequence for response in call] == [0, 1, 2, 3]
    ids = [v["id"] for r, v in shop.records() if r.key == b"u1" and v["id"].startswith(f"{marker}-")]
    assert ids == [f"{marker}-{n}" for n in range(2800)]
