import time

import pytest

from dashboards.build import FOLDER
from dashboards.panels import load
from dashboards.queries import METRIC, request_of
from services.search_sink.documents import FAMILIES
from streamkit.headers import HEARTBEAT, HOPS
from tests.integration.search_sink.conftest import Crashed

DECISIONS, ALERTS, LETTERS = FAMILIES


def test_decisions_are_found_by_what_they_say_and_heartbeats_are_not(world, decision):
    world.send(DECISIONS, decision(1), decision(2, outcome="APPROVE"))
    world.send(DECISIONS, decision(3), headers=((HEARTBEAT, b"1"),))
    world.run()
    (found,) = world.documents("decisions", customer_id=decision.customer, outcome="DECLINE")
    assert (found["amount_minor"], found["reasons"][0]["code"]) == (101, "model")
    assert len(world.documents("decisions", customer_id=decision.customer)) == 2


@pytest.mark.parametrize(
    "point", ["sink.after_write", "sink.before_commit", "sink.after_commit", "sink.after_hint"]
)
def test_a_kill_at_any_point_leaves_each_document_once(world, decision, point):
    world.send(DECISIONS, *[decision(number) for number in range(20)])
    with pytest.raises(Crashed):
        world.run(crash_at=point)
    world.send(DECISIONS, *[decision(number) for number in range(20, 30)])
    world.run()
    found = world.documents("decisions", customer_id=decision.customer)
    assert sorted(document["amount_minor"] for document in found) == list(range(100, 130))


def test_what_the_node_refuses_or_nobody_can_read_is_a_dead_letter_and_the_rest_goes_on(world, decision):
    world.send(DECISIONS, decision(1), decision(2, merchant_name="x" * 40_000), b"\x00not avro", decision(3))
    world.run()
    found = world.documents("decisions", customer_id=decision.customer)
    assert sorted(document["amount_minor"] for document in found) == [101, 103]
    letters = list(read(world))
    reasons = {letter["reason"] for letter in letters}
    assert {"opensearch_illegal_argument_exception", "unknown_schema"} <= reasons
    assert all(letter["service"] == "search_sink" for letter in letters)


def read(world):
    from streamkit.read import read_to_end

    decode = world.codecs.decoder(LETTERS).decode
    for record in read_to_end(world.broker, f"{world.name}.{LETTERS}"):
        yield decode(record.value)


def test_dead_letters_are_searched_too(world, unique):
    letter = {
        "dead_letter_id": unique,
        "service": "enricher",
        "reason": "undecodable",
        "detail": "The bytes are no Transaction.",
        "field_path": None,
        "schema_id": None,
        "source_topic": "payments.transactions.v1",
        "source_topic_id": "id",
        "source_partition": 0,
        "source_offset": 3,
        "source_key": None,
        "source_value": b"\xff poison",
        "source_headers": [],
        "traceparent": None,
        "event_time": 1_700_000_000_000,
    }
    world.send(LETTERS, letter)
    world.run()
    (found,) = world.documents("dead-letters", dead_letter_id=unique)
    assert (found["reason"], found["source_preview"]) == ("undecodable", "\ufffd poison")


def test_each_panel_shows_what_is_there(world, decision):
    """Runs every panel's own query on the node, over documents whose answer is known."""
    hops = ((HOPS, b"gateway=1000,fraud_scorer=1040"),)
    now = {"timestamp_ms": int(time.time() * 1000), "headers": hops}
    alert = {
        name: value
        for name, value in decision(1).items()
        if name in {field["name"] for field in world.catalogue[ALERTS].schema.definition["fields"]}
    }
    world.send(DECISIONS, decision(1), decision(2), **now)
    world.send(ALERTS, alert, **now)
    world.send(DECISIONS, b"\x00poison", **now)
    world.run()
    for family in ("decisions", "alerts", "dead-letters"):
        world.client.indices.refresh(index=f"{world.name}-{family}-*")
    dashboard = load(FOLDER / "fraud_operations.yaml")
    for panel in dashboard.panels:
        pattern = f"{world.name}-{dashboard.indices[panel.index].pattern}"
        answer = world.client.search(index=pattern, body=request_of(panel, dashboard))
        assert not answer["timed_out"]
        assert answer["_shards"]["failed"] == 0, (panel.id, answer["_shards"])
        if panel.index != "dead-letters":
            assert buckets_or_hits(answer), panel.id
    latency = next(panel for panel in dashboard.panels if panel.id == "latency")
    (bucket,) = [
        bucket
        for bucket in world.client.search(
            index=f"{world.name}-decisions-*", body=request_of(latency, dashboard, "1d")
        )["aggregations"]["ingest_time"]["buckets"]
        if bucket["doc_count"]
    ][-1:]
    assert bucket[METRIC]["values"]["50.0"] == pytest.approx(40)


def buckets_or_hits(answer):
    if "aggregations" in answer:
        (outermost,) = answer["aggregations"].values()
        return outermost["buckets"]
    return answer["hits"]["hits"]
