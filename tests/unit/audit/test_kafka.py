import pytest

from audit.effects import event_hash
from audit.kafka import Scanner
from audit.stores import Place
from streamkit.clock import SystemClock
from streamkit.headers import EVENT_ID, HEARTBEAT
from streamkit.records import TopicPartition
from streamkit.testing.clients import MemoryConsumer
from streamkit.testing.memory import MemoryBroker


@pytest.fixture
def broker():
    made = MemoryBroker()
    made.create_topic("t", 2)
    return made


def send(broker, *values, partition=0, headers=()):
    producer = broker.producer()
    for value in values:
        producer.send("t", None, value, headers, partition=partition)


def aborted(broker, *values):
    producer = broker.transactional_producer("tx")
    producer.init()
    producer.begin()
    for value in values:
        producer.send("t", None, value, partition=0)
    producer.abort()


def scan(broker, **options):
    return Scanner(broker, SystemClock()).scan("t", **options)


def offsets(holdings):
    return {place.partition: list(held.offsets) for place, held in holdings.items()}


def test_a_topic_that_is_not_there_has_no_scan(broker):
    assert Scanner(broker, SystemClock()).scan("other") is None


def test_a_partition_that_is_read_is_asked_for_no_more(broker, monkeypatch):
    send(broker, b"a")
    send(broker, *[b"v"] * 20_000, partition=1)
    paused = []
    monkeypatch.setattr(MemoryConsumer, "pause", lambda _self, partitions: paused.extend(partitions))
    assert len(offsets(scan(broker).every)[1]) == 20_000
    assert paused == [TopicPartition("t", 0)]


def test_an_empty_topic_is_read_at_once(broker):
    assert offsets(scan(broker).every) == {0: [], 1: []}
    assert len(scan(broker).last()) == 0


def test_only_what_is_committed_is_seen(broker):
    send(broker, b"a", b"b")
    aborted(broker, b"x", b"y")
    send(broker, b"c")
    found = scan(broker)
    assert offsets(found.every) == {0: [0, 1, 5], 1: []}
    assert found.last()[TopicPartition("t", 0)] == 6


def test_markers_at_the_end_are_waited_over(broker):
    send(broker, b"a")
    aborted(broker, b"x")
    assert offsets(scan(broker).within) == {0: [0], 1: []}


def test_heartbeats_are_records_but_no_events(broker):
    send(broker, b"a")
    send(broker, b"beat", headers=((HEARTBEAT, b"1"),))
    send(broker, b"b", partition=1)
    found = scan(broker, event=lambda record: record.offset + 100)
    assert offsets(found.every) == {0: [0, 1], 1: [0]}
    assert offsets(found.data) == {0: [0], 1: [0]}
    assert found.events.hashes.tolist() == [100, 100]


def test_who_watches_sees_every_record_but_heartbeats(broker):
    send(broker, b"a", headers=((EVENT_ID, b"1"),))
    send(broker, b"beat", headers=((HEARTBEAT, b"1"),))
    seen = []
    scan(broker, watch=seen.extend)
    assert [record.value for record in seen] == [b"a"]


def test_a_place_bears_the_topics_id(broker):
    send(broker, b"a")
    before = scan(broker).every.keys()
    broker.delete_topic("t")
    broker.create_topic("t", 2)
    send(broker, b"a")
    assert before.isdisjoint(scan(broker).every)
    assert {place.topic for place in before} == {"t"}
    assert all(isinstance(place, Place) for place in before)


def test_a_hash_of_64_bits_fits(broker):
    send(broker, b"a")
    found = scan(broker, event=lambda _: 2**64 - 1)
    assert found.events.hashes.tolist() == [2**64 - 1]
    assert event_hash(b"default", b"x") < 2**64
