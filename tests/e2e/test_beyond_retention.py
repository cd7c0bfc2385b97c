"""What Kafka has deleted is read from bronze instead, and a replay comes to the same."""

import json
import uuid

import pytest
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient

from cli.audit import lake_settings
from local import supervise
from replay.past import past_of
from services.lake_sink.catalog import open_catalog
from streamkit.headers import SOURCE, is_heartbeat
from streamkit.read import read_to_end, whole
from streamkit.records import TopicPartition
from tests.support.parts import parts as run_parts
from tests.support.pipeline import CORE, DECISIONS, TRANSACTIONS, Decisions
from tests.support.replays import CLICKS, PEOPLE, pay_while_the_world_changes, replays_after
from tests.support.waiting import until

# On a busy machine, replays start and end slowly.
pytestmark = pytest.mark.timeout(900)

PORT_BASE = 19300
ROUNDS = 16
ENRICHED, REFINED = "payments.enriched.v1", "web.clicks.refined.v1"
# The hop's input, what it wrote, and what must be gone of both.
HOPS = {
    "enricher": (TRANSACTIONS, ENRICHED),
    "fraud_scorer": (ENRICHED, DECISIONS),
    "refiner": (CLICKS, REFINED),
}
WINDOWS = ("fraud_rate", "click_sessions")


@pytest.fixture(scope="module")
def stack():
    """A stack of its own: the others' tests need the first records of their topics."""
    with run_parts(PORT_BASE) as running:
        yield running.need(*CORE, "flink", "flink_taskmanager")


@pytest.fixture(scope="module")
def replays(stack):
    with replays_after(stack, ROUNDS) as replays:
        yield replays


@pytest.fixture(scope="module")
def later(stack, replays):
    """Where bronze ends when the lake stops, and of two decisions, one from before and the last, the ids."""
    topics = {topic for hop in HOPS.values() for topic in hop}
    ends = {tp: end for topic in topics for tp, end in bronze_has_all(stack, replays, topic).items()}
    supervise.stop(stack, "lake_sink")
    decisions = Decisions(stack)
    ids = pay_while_the_world_changes(stack, 4)
    decisions.wait_for(ids)
    decisions.close()
    return ends, (decisions.seen[0]["transaction_id"], ids[-1])


@pytest.fixture(scope="module")
def explained(replays, later):
    """Decisions explained from Kafka alone, by id."""
    return {each: explanation(replays, each) for each in later[1]}


def explanation(replays, decision):
    """What `kapstan explain` says of a decision; it has to come to live's bytes."""
    code, said, errors = replays.run("explain", decision, "--json")
    assert code == 0, said + errors
    return json.loads(said)


@pytest.fixture(scope="module")
def shortened(stack, replays, later, explained):
    """Replays from Kafka alone; then Kafka loses its first records, of some partitions all bronze has."""
    names = (*HOPS, *WINDOWS)
    before = {name: replays.replay(name, namespace=f"whole-{uuid.uuid4().hex[:6]}") for name in names}
    kafka = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    ends, _ = later
    gone = {tp: end if tp.partition == 0 else (end + 1) // 2 for tp, end in ends.items()}
    for future in kafka.delete_records([Place(*tp, offset) for tp, offset in gone.items()]).values():
        future.result(20)
    starts = replays.platform.admin.start_offsets(sorted(gone))
    assert dict(starts) == gone
    return before


def bronze_has_all(stack, replays, topic):
    """Wait until bronze stands where the topic ends, and return where that is."""
    platform = replays.platform
    past = past_of(lake_settings(stack), platform.registry, platform.admin)
    topic_id = platform.admin.topics([topic])[topic].topic_id
    found = {}

    def all_there():
        _, ends = whole(platform.broker, topic)
        found.update(ends)
        reaches = past.reaches(topic, topic_id)
        return all(reaches.get(tp.partition, 0) >= end for tp, end in ends.items())

    until(all_there, 90)
    return {tp: end for tp, end in found.items() if end}


@pytest.mark.parametrize("service", sorted(HOPS))
def test_a_replay_equals_live_and_that_from_kafka_alone(stack, replays, shortened, service):
    replay = replays.replay(service)
    found = replays.compare(replay)
    assert all(each.agrees for each in found.values()), found
    output = HOPS[service][1]
    assert found[output].live >= (ROUNDS if service == "refiner" else PEOPLE * ROUNDS)
    here, there = (
        written(replays.platform.broker, f"{each.namespace}.{output}")
        for each in (replay, shortened[service])
    )
    # Live has gone on since then, with what other tests send.
    assert {source: here[source] for source in there} == there


def written(broker, topic):
    """Key and value of a topic's records by their source."""
    return {
        record.header(SOURCE): (record.key, record.value)
        for record in read_to_end(broker, topic)
        if not is_heartbeat(record.headers)
    }


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_equals_that_from_kafka_alone(stack, replays, shortened, window):
    ends = shortened[window].plan.ends
    replay = replays.replay(window, end=",".join(f"{tp.partition}:{end}" for tp, end in ends.items()))
    seam = replay.plan.seam
    assert any(0 < seam[tp] < end for tp, end in ends.items()), "both bronze and Kafka are read"
    here, there = (gold(stack, each) for each in (replay, shortened[window]))
    assert here == there
    assert here


def gold(stack, replay):
    """The rows of a replayed window, on time and late, in one order."""
    catalog = open_catalog(lake_settings(stack))
    database = f"{replay.namespace.replace('-', '_')}_gold"
    tables = [catalog.load_table(name) for name in catalog.list_tables(database)]
    return sorted(str(sorted(row.items())) for table in tables for row in table.scan().to_arrow().to_pylist())


def test_a_decision_is_explained_as_from_kafka_alone(replays, shortened, explained):
    assert {each: explanation(replays, each) for each in explained} == explained


def test_bronze_alone_gives_the_records_that_kafka_still_has(stack, replays, shortened):
    supervise.start(stack, "lake_sink")
    platform = replays.platform
    past = past_of(lake_settings(stack), platform.registry, platform.admin)
    for topic in (TRANSACTIONS, ENRICHED, DECISIONS):
        topic_id = platform.admin.topics([topic])[topic].topic_id
        kept = list(read_to_end(platform.broker, topic))
        bronze_has_all(stack, replays, topic)
        for partition in {record.partition for record in kept}:
            mine = [record for record in kept if record.partition == partition]
            start, end = mine[0].offset, mine[-1].offset + 1
            pieces = past.read(TopicPartition(topic, partition), topic_id, start, end)
            assert [record for piece in pieces for record in piece] == mine
