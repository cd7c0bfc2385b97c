"""What any broker does with records: keeps them in order, tells ends, puts a key where Java would."""

import pytest

from streamkit.broker import BEGINNING
from streamkit.errors import StreamkitError
from streamkit.records import TopicPartition
from tests.support.reading import drain
from tests.support.workers import KEPT, read_all


def test_records_come_back_as_they_were_sent_in_order(broker, topic):
    broker.admin().create_topic(topic, 1, KEPT)
    producer = broker.producer()
    producer.send(topic, b"k", b"1", (("h", b"x"), ("h", b"y")), 1_700_000_000_123, 0)
    producer.send(topic, None, None, (), 1_700_000_000_456, 0)
    producer.flush(10)
    first, second = read_all(broker, topic)
    assert (first.key, first.value, first.timestamp_ms) == (b"k", b"1", 1_700_000_000_123)
    assert first.headers == (("h", b"x"), ("h", b"y"))
    assert (second.key, second.value, second.headers, second.offset) == (None, None, (), 1)


def test_many_records_of_a_partition_and_deletions_are_sent_together(broker, topic):
    broker.admin().create_topic(topic, 2, {})
    producer = broker.transactional_producer(topic)
    producer.init()
    producer.begin()
    producer.send_many(topic, 1, [(b"a", b"1"), (b"b", None)])
    producer.commit()
    assert [(r.partition, r.key, r.value) for r in read_all(broker, topic)] == [
        (1, b"a", b"1"),
        (1, b"b", None),
    ]


def test_a_key_lies_where_javas_murmur2_puts_it(broker, topic):
    broker.admin().create_topic(topic, 4, {})
    producer = broker.producer()
    # Partitions of four as org.apache.kafka.common.utils.Utils.murmur2 gives them.
    placed = {b"21": 0, b"foobar": 2, b"a-little-bit-long-string": 0, b"abc": 3}
    for key in placed:
        producer.send(topic, key, b"")
    producer.flush(10)
    assert {r.key: r.partition for r in read_all(broker, topic)} == placed


def test_delivery_tells_partition_and_offset(broker, topic):
    broker.admin().create_topic(topic, 1, {})
    producer = broker.producer()
    told = []
    for _ in range(3):
        producer.send(
            topic, b"k", b"v", on_delivered=lambda partition, offset: told.append((partition, offset))
        )
    producer.flush(10)
    assert told == [(0, 0), (0, 1), (0, 2)]


def test_the_end_is_told_once_reached_and_again_when_it_moved(broker, topic):
    broker.admin().create_topic(topic, 1, {})
    tp = TopicPartition(topic, 0)
    producer, consumer = broker.producer(), broker.consumer()
    consumer.assign({tp: 0})
    assert drain(consumer, lambda got: tp in got.ends).ends == {tp: 0}
    producer.send(topic, b"k", b"v")
    producer.flush(10)
    assert drain(consumer, lambda got: tp in got.ends).ends == {tp: 1}
    consumer.close()


def test_seek_pause_and_resume(broker, topic):
    broker.admin().create_topic(topic, 2, {})
    one, two = TopicPartition(topic, 0), TopicPartition(topic, 1)
    producer, consumer = broker.producer(), broker.consumer()
    for n in range(5):
        producer.send(topic, None, str(n).encode(), partition=0)
        producer.send(topic, None, str(n).encode(), partition=1)
    producer.flush(10)
    consumer.assign({one: 0, two: 3})
    got = drain(consumer, lambda got: len(got.records) == 7)
    assert sorted((r.partition, r.offset) for r in got.records) == [(0, n) for n in range(5)] + [
        (1, 3),
        (1, 4),
    ]
    consumer.pause([one])
    consumer.seek(one, 4)
    consumer.seek(two, BEGINNING)
    got = drain(consumer, lambda got: len(got.records) == 5)
    assert {(r.partition, r.offset) for r in got.records} == {(1, n) for n in range(5)}
    consumer.resume([one])
    got = drain(consumer, lambda got: len(got.records) == 1)
    assert [(r.partition, r.offset) for r in got.records] == [(0, 4)]
    consumer.close()


def test_a_position_beyond_the_end_is_refused_not_reset(broker, topic):
    broker.admin().create_topic(topic, 1, {})
    consumer = broker.consumer()
    consumer.assign({TopicPartition(topic, 0): 100})
    with pytest.raises(StreamkitError):
        drain(consumer, lambda got: False)
    consumer.close()


def test_topics_have_ids_and_partition_counts_and_are_made_once(broker, topic):
    admin = broker.admin()
    assert admin.topics([topic]) == {}
    admin.create_topic(topic, 3, {})
    info = admin.topics([topic])[topic]
    admin.create_topic(topic, 3, {})
    assert info.partitions == 3
    assert info.topic_id
    assert admin.topics([topic])[topic] == info
    assert topic in admin.topics()


def test_a_time_names_the_first_record_that_is_not_older(broker, topic):
    broker.admin().create_topic(topic, 1, {"retention.ms": "-1"})
    producer = broker.producer()
    for at in (1_000, 2_000, 2_000, 3_000):
        producer.send(topic, b"k", b"v", timestamp_ms=at)
    producer.flush(10)
    tp = TopicPartition(topic, 0)
    found = [broker.admin().offsets_at([tp], at)[tp] for at in (0, 1_000, 1_001, 3_000, 3_001)]
    assert found == [0, 0, 1, 3, 4]
