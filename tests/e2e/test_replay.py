"""What the pipeline did, done again from the log: equal as recorded, and every difference is found."""

import time

import pytest

from streamkit.headers import is_heartbeat
from streamkit.kafka.broker import KafkaBroker
from streamkit.read import read_to_end
from tests.support.pipeline import DECISIONS, Decisions
from tests.support.replays import Replays, pay_while_the_world_changes

CORE = ("ingest_gateway", "refiner", "enricher", "fraud_scorer", "lake_sink")
ROUNDS = 24
ENRICHED = "payments.enriched.v1"


@pytest.fixture(scope="module")
def stack(parts):
    return parts.need(*CORE)


@pytest.fixture(scope="module")
def replays(stack):
    """The pipeline has run while its side inputs changed; what it had done before lies in the same log."""
    decisions = Decisions(stack)
    ids = pay_while_the_world_changes(stack, ROUNDS)
    decisions.wait_for(ids)
    decisions.close()
    mine = [each for each in decisions.seen if each["transaction_id"] in set(ids)]
    assert len(mine) == len(ids)
    assert len({each["rule_set_version"] for each in mine}) > ROUNDS / 8
    assert len({str(each["side_positions"]) for each in mine}) > ROUNDS / 2
    assert len({each["outcome"] for each in mine}) > 1
    return Replays(stack)


@pytest.mark.parametrize("service", ["enricher", "fraud_scorer", "refiner"])
def test_a_replay_as_recorded_equals_live(stack, replays, service, record_property):
    began = time.monotonic()
    namespace = replays.replay(service)["namespace"]
    record_property("replay_s", round(time.monotonic() - began, 1))
    code, answer = replays.compare(namespace)
    record_property("compare_s", round(time.monotonic() - began, 1))
    assert (code, answer["equal"]) == (0, True), answer
    if service != "refiner":
        assert answer["compared"][0]["equal"] >= 4 * ROUNDS

    if service == "fraud_scorer":
        # A record too many in the replay: the comparison sees it.
        topic = f"{namespace}.{DECISIONS}"
        broker = KafkaBroker(stack.bootstrap_servers)
        record = next(r for r in read_to_end(broker, topic) if not is_heartbeat(r.headers))
        producer = broker.producer()
        producer.send(topic, record.key, record.value, record.headers, record.timestamp_ms)
        producer.flush(10)
        code, answer = replays.compare(namespace)
        assert code == 1
        assert [each["extra"] for each in answer["compared"]] == [1, 0, 0]


def test_a_replay_with_side_inputs_of_today_is_found_to_differ(replays):
    namespace = replays.replay("enricher", "--sides", "latest")["namespace"]
    code, answer = replays.compare(namespace)
    assert (code, answer["equal"]) == (1, False)
    enriched = answer["compared"][0]
    assert enriched["name"] == ENRICHED
    assert enriched["differing"] > ROUNDS
    assert (enriched["missing"], enriched["extra"]) == (0, 0)
    pointers = {field["pointer"] for example in enriched["examples"] for field in example["fields"]}
    assert any(pointer.startswith("/value/side_positions/") for pointer in pointers), pointers
    _, shown, _ = replays.run("compare", namespace)
    assert "differs: payments.transactions.v1@" in shown
    assert f"The replay {namespace} DIFFERS from live." in shown


def test_a_part_of_a_topic_equals_that_part_of_live(replays):
    answer = replays.replay("enricher", "--from", "20", "--to", "40")
    assert sum(stop - start for start, stop in answer["spans"].values()) <= 4 * 20
    code, found = replays.compare(answer["namespace"])
    assert (code, found["equal"]) == (0, True), found
    assert 0 < found["compared"][0]["live"] <= 4 * 20


def test_the_lake_of_a_replay_equals_bronze(replays):
    answer = replays.replay("lake_sink", "--topic", DECISIONS)
    code, found = replays.compare(answer["namespace"])
    assert (code, found["equal"]) == (0, True), found
    assert found["compared"][0]["live"] >= 4 * ROUNDS


def test_what_makes_no_sense_is_refused_with_the_remedy(replays):
    for arguments, says in (
        (("search_sink",), "`kapstan audit` compares the index with Kafka"),
        (("enrich",), "there is no service or window enrich"),
        (("enricher", "--to", "0:99999999"), "beyond what live has done"),
        (("fraud_rate", "--from", "17"), "Give --from a time"),
    ):
        code, _, errors = replays.run("replay", *arguments)
        assert (code, says in errors) == (1, True), errors
