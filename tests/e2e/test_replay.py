"""What the pipeline did, done again from the log: equal as recorded, and every difference is found."""

import json
import time

import pytest

from replay.errors import ReplayRefusedError
from streamkit.headers import is_heartbeat
from streamkit.kafka.broker import KafkaBroker
from streamkit.read import read_to_end
from tests.support.pipeline import DECISIONS, Decisions
from tests.support.replays import PEOPLE, Replays, pay_while_the_world_changes
from tests.support.waiting import until

ROUNDS = 24
ENRICHED, REFINED = "payments.enriched.v1", "web.clicks.refined.v1"


@pytest.fixture(scope="module")
def replays(stack):
    """The pipeline has run while its side inputs changed; what it had done before lies in the same log."""
    decisions = Decisions(stack)
    ids = pay_while_the_world_changes(stack, ROUNDS)
    decisions.wait_for(ids)
    decisions.close()
    broker = KafkaBroker(stack.bootstrap_servers)
    until(lambda: sum(not is_heartbeat(r.headers) for r in read_to_end(broker, REFINED)) >= ROUNDS, 60)
    mine = [each for each in decisions.seen if each["transaction_id"] in set(ids)]
    assert len(mine) == len(ids)
    assert len({each["rule_set_version"] for each in mine}) > ROUNDS / 8
    assert len({str(each["side_positions"]) for each in mine}) > ROUNDS / 2
    assert len({each["outcome"] for each in mine}) > 1
    replays = Replays(stack)
    yield replays
    replays.close()


@pytest.mark.parametrize(
    ("service", "output"),
    [("enricher", ENRICHED), ("fraud_scorer", DECISIONS), ("refiner", REFINED)],
)
def test_a_replay_as_recorded_equals_live(replays, service, output, record_property):
    began = time.monotonic()
    replay = replays.replay(service)
    record_property("replay_s", round(time.monotonic() - began, 1))
    found = replays.compare(replay)
    assert all(each.agrees for each in found.values()), found
    assert found[output].equal >= (ROUNDS if service == "refiner" else PEOPLE * ROUNDS)

    # A record too many in the replay: the comparison sees it.
    topic, broker = f"{replay.namespace}.{output}", replays.platform.broker
    record = next(r for r in read_to_end(broker, topic) if not is_heartbeat(r.headers))
    producer = broker.producer()
    producer.send(topic, record.key, record.value, record.headers, record.timestamp_ms)
    producer.flush(10)
    assert (replays.compare(replay)[output].extra, found[output].extra) == (1, 0)


def test_a_replay_with_side_inputs_of_today_is_found_to_differ(replays):
    code, answer, errors = replays.run("replay", "enricher", "--sides", "latest", "--json")
    assert code == 0, errors
    namespace = json.loads(answer)["namespace"]
    code, shown, errors = replays.run("compare", namespace)
    assert code == 1, errors
    assert "differs: payments.transactions.v1@" in shown
    assert "/value/joins/" in shown
    assert f"The replay {namespace} DIFFERS from live." in shown
    numbers = next(line.split() for line in shown.splitlines() if line.startswith(ENRICHED))
    differing, missing, extra = (int(number.replace(",", "")) for number in numbers[-3:])
    assert differing > ROUNDS
    assert (missing, extra) == (0, 0)


def test_a_part_of_a_topic_equals_that_part_of_live(replays):
    replay = replays.replay("enricher", begin="20", end="40")
    found = replays.compare(replay)
    assert all(each.agrees for each in found.values()), found
    assert 0 < found[ENRICHED].live <= 4 * 20


def test_the_lake_of_a_replay_equals_bronze(replays):
    found = replays.compare(replays.replay("lake_sink", topics=(DECISIONS,)))
    assert found[DECISIONS].agrees, found
    assert found[DECISIONS].live >= PEOPLE * ROUNDS


def test_what_makes_no_sense_is_refused_with_the_remedy(replays):
    code, _, errors = replays.run("replay", "search_sink")
    assert (code, "`kapstan audit` compares the index with Kafka" in errors) == (1, True), errors
    with pytest.raises(ReplayRefusedError, match="beyond what live has done"):
        replays.replay("enricher", end="0:99999999")
