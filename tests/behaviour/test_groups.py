"""Groups: each partition has one owner, static members come back to theirs, patterns find new topics."""

import pytest

from streamkit.broker import AbortableError, Member
from streamkit.errors import FencedError
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.reading import Joined, drain, settle


def joined(broker, topic, instance=None, *topics):
    return Joined(broker.consumer(Member(topic, instance)), *(topics or (topic,)))


def test_new_partitions_are_paused_and_start_where_the_callback_says(broker, topic):
    broker.admin().create_topic(topic, 1, {})
    tp = TopicPartition(topic, 0)
    producer = broker.producer()
    for n in range(3):
        producer.send(topic, None, str(n).encode(), partition=0)
    producer.flush(10)
    consumer = broker.consumer(Member(topic))
    given = []
    consumer.subscribe([topic], lambda tps: given.extend(tps) or {tp: 1}, lambda _tps, _lost: None)
    got = drain(consumer, lambda _: bool(given))
    assert got.records == consumer.consume(10, 0.3).records == []
    consumer.resume([tp])
    got = drain(consumer, lambda got: len(got.records) == 2)
    assert [r.offset for r in got.records] == [1, 2]
    consumer.close()


def test_partitions_are_shared_as_members_come_and_go(broker, topic):
    broker.admin().create_topic(topic, 4, {})
    first = joined(broker, topic)
    settle(first, own=4)
    second = joined(broker, topic)
    settle(first, second, own=4)
    assert len(first.owned) == len(second.owned) == 2
    # All was taken away before any of it was given to another.
    assert sum(len(tps) for tps in first.taken) == 4
    second.consumer.close()
    settle(first, own=4)
    first.consumer.close()


def test_a_place_of_before_a_rebalance_proves_nothing_after_it(broker, topic):
    broker.admin().create_topic(topic, 2, {})
    first = joined(broker, topic)
    settle(first, own=2)
    before = first.consumer.group_metadata()
    second = joined(broker, topic)
    settle(first, second, own=2)
    (mine,) = first.owned
    producer = broker.transactional_producer(topic)
    producer.init()
    producer.begin()
    with pytest.raises(AbortableError):
        producer.send_offsets({mine: 3}, before)
    producer.abort()
    assert first.consumer.committed([mine]) == Positions()
    producer.begin()
    producer.send_offsets({mine: 5}, first.consumer.group_metadata())
    producer.commit()
    assert first.consumer.committed([mine]) == Positions({mine: 5})
    producer.close()
    first.consumer.close()
    second.consumer.close()


def test_a_static_member_comes_back_to_its_partitions_and_fences_its_past(broker, topic):
    broker.admin().create_topic(topic, 4, {})
    first, other = joined(broker, topic, "a"), joined(broker, topic, "b")
    settle(first, other, own=4)
    before = set(first.owned)
    again = joined(broker, topic, "a")
    settle(again, other, own=4)
    assert again.owned == before
    with pytest.raises(FencedError):
        drain(first.consumer, lambda _: False)
    again.consumer.close()
    other.consumer.close()


def test_a_pattern_finds_topics_made_later(broker, topic):
    broker.admin().create_topic(f"{topic}.v1", 1, {})
    member = joined(broker, topic, None, f"^{topic}\\.v[0-9]+$")
    settle(member, own=1)
    broker.admin().create_topic(f"{topic}.v2", 1, {})
    broker.admin().create_topic(f"{topic}.other", 1, {})
    settle(member, own=2)
    assert {tp.topic for tp in member.owned} == {f"{topic}.v1", f"{topic}.v2"}
    member.consumer.close()


def test_subscribing_again_adds_and_drops_topics(broker, topic):
    for name in ("x", "y"):
        broker.admin().create_topic(f"{topic}{name}", 1, {})
    member = joined(broker, topic, None, f"{topic}x")
    settle(member, own=1)
    member.consumer.subscribe([f"{topic}x", f"{topic}y"], member._assigned, member._revoked)
    settle(member, own=2)
    member.consumer.subscribe([f"{topic}y"], member._assigned, member._revoked)
    settle(member, own=1)
    assert member.owned == {TopicPartition(f"{topic}y", 0)}
    member.consumer.close()
