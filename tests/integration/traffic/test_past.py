"""The world's past on real PostgreSQL and Kafka."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from local.poll import until
from local.postgres import connect
from payments.simulator import WorldParameters
from payments.simulator import history as simulated
from payments.simulator.world import DAY_MS, World
from streamkit.catalogue import Catalogue
from streamkit.clock import SystemClock
from streamkit.headers import EVENT_ID, find
from streamkit.kafka.broker import KafkaBroker
from streamkit.records import TopicPartition
from traffic import bank, history
from traffic.envelope import Envelope

ROOT = Path(__file__).parents[3]
CATALOGUE = Catalogue.load(ROOT / "schemas")
END_MS = 20_000 * DAY_MS
WORLD = World.create(7, 20_000 - 64, WorldParameters(customers=40, terminals=400))


@pytest.fixture
def schema(parts, unique, monkeypatch):
    """A schema with the bank's tables that CDC does not follow."""
    stack = parts.need("postgres")
    monkeypatch.setattr(bank, "SCHEMA", unique)
    with connect(stack) as connection:
        connection.execute(f"CREATE SCHEMA {unique}")
        for table in bank.TABLES:
            connection.execute(f"CREATE TABLE {unique}.{table} (LIKE bank.{table} INCLUDING ALL)")
        connection.commit()
        yield connection
        connection.rollback()
        connection.execute(f"DROP SCHEMA {unique} CASCADE")


def test_the_bank_is_filled_once(schema, unique):
    counts = {"customers": 40, "cards": 40, "terminals": 400}
    assert bank.fill(schema, WORLD) == counts
    schema.execute(f"SET search_path TO {unique}")
    schema.execute("UPDATE cards SET status = 'stolen' WHERE card_id = 'k000001'")
    assert bank.fill(schema, WORLD) == counts
    statuses = schema.execute("SELECT status FROM cards WHERE card_id = 'k000001'").fetchall()
    assert statuses == [("stolen",)]


@pytest.fixture
def broker(parts, unique, monkeypatch):
    """Kafka with the history's topics under names of this test."""
    broker = KafkaBroker(parts.need("kafka").bootstrap_servers)
    monkeypatch.setattr(history, "GROUP", f"{unique}.history")
    monkeypatch.setattr(history, "TOPICS", tuple(f"{unique}.{topic}" for topic in history.TOPICS))
    for topic in history.TOPICS:
        partitions = CATALOGUE[topic.removeprefix(f"{unique}.")].spec.partitions
        broker.admin().create_topic(topic, partitions, {"retention.ms": "-1"})
    yield broker
    broker.close()


def load(broker, unique, progress):
    envelopes = {topic: Envelope(CATALOGUE[topic.removeprefix(f"{unique}.")], 1) for topic in history.TOPICS}
    past = (replace(each, topic=f"{unique}.{each.topic}") for each in simulated(WORLD, END_MS, 20))
    return history.load(broker, envelopes, past, SystemClock(), progress)


def test_a_load_that_dies_in_a_transaction_is_finished_exactly(broker, unique, monkeypatch):
    monkeypatch.setattr(history, "BATCH", 300)

    def die(events, _event_ms):
        if events >= 900:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(broker, unique, die)
    left_open = broker.transactional_producer(history.GROUP)
    left_open.init()
    left_open.begin()
    left_open.send(history.TOPICS[0], b"c000000", b"never committed", [(EVENT_ID, b"ghost")])
    left_open.flush(10)
    left_open.close()

    load(broker, unique, lambda _events, _event_ms: None)
    assert load(broker, unique, lambda _events, _event_ms: None) == 0
    expected = Counter(each.topic for each in simulated(WORLD, END_MS, 20))
    found = read(broker)
    assert {topic.removeprefix(f"{unique}."): len(ids) for topic, ids in found.items()} == dict(expected)
    assert all(len(ids) == len(set(ids)) for ids in found.values())
    assert b"ghost" not in found[history.TOPICS[0]]


def read(broker):
    """Event ids of all committed records, by topic."""
    partitions = [
        TopicPartition(topic, partition)
        for topic, info in broker.admin().topics(history.TOPICS).items()
        for partition in range(info.partitions)
    ]
    ends = broker.admin().end_offsets(partitions, committed_only=True)
    consumer = broker.consumer()
    consumer.assign(dict.fromkeys(partitions, 0))
    reached, ids = {}, {topic: [] for topic in history.TOPICS}

    def complete():
        polled = consumer.consume(5000, 1)
        for record in polled.records:
            ids[record.topic].append(find(record.headers, EVENT_ID))
        reached.update(polled.ends)
        return all(reached.get(tp, 0) >= end for tp, end in ends.items() if end)

    assert until(complete, 60, every=0)
    consumer.close()
    return ids
