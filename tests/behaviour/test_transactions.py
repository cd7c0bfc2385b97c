"""Transactions: all of one becomes visible, or nothing; who is fenced, and what holds readers back."""

import pytest

from streamkit.broker import Member
from streamkit.errors import StreamkitError
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from tests.support.reading import Joined, drain, settle
from tests.support.waiting import until
from tests.support.workers import read_all


@pytest.fixture
def transactional(broker):
    made = []

    def make(name):
        made.append(broker.transactional_producer(name))
        made[-1].init()
        return made[-1]

    yield make
    for producer in made:
        producer.close()


def test_a_commit_shows_everything_and_an_abort_nothing(broker, topic, transactional):
    broker.admin().create_topic(topic, 2, {})
    producer = transactional(topic)
    for value, end in ((b"1", "commit"), (b"2", "abort"), (b"3", "commit")):
        producer.begin()
        producer.send(topic, b"k", value, partition=0)
        producer.send(topic, b"k", value, partition=1)
        getattr(producer, end)()
    assert [(r.partition, r.value) for r in read_all(broker, topic)] == [
        (p, v) for p in (0, 1) for v in (b"1", b"3")
    ]


def test_positions_pass_over_markers_and_aborted_records(broker, topic, transactional):
    broker.admin().create_topic(topic, 1, {})
    tp = TopicPartition(topic, 0)
    producer = transactional(topic)
    producer.begin()
    producer.send(topic, b"k", b"kept")
    producer.commit()
    producer.begin()
    producer.send(topic, b"k", b"dropped")
    producer.flush(10)  # else it is never sent
    producer.abort()
    consumer = broker.consumer()
    consumer.assign({tp: 0})
    got = drain(consumer, lambda got: got.ends.get(tp) == 4)
    assert [r.value for r in got.records] == [b"kept"]
    assert broker.admin().end_offsets([tp], committed_only=True)[tp] == 4
    consumer.close()


def test_an_open_transaction_holds_back_what_follows_it(broker, topic, transactional):
    broker.admin().create_topic(topic, 1, {})
    tp = TopicPartition(topic, 0)
    first, plain = transactional(topic), broker.producer()
    first.begin()
    told = []
    first.send(topic, b"k", b"open", on_delivered=lambda *place: told.append(place))
    first.flush(10)
    plain.send(topic, b"k", b"after")
    plain.flush(10)
    admin = broker.admin()
    assert admin.end_offsets([tp], committed_only=True)[tp] == 0
    assert admin.end_offsets([tp], committed_only=False)[tp] == 2
    assert read_all(broker, topic) == []
    first.commit()
    # Kafka acknowledges a commit before its markers are in the partitions.
    until(lambda: read_all(broker, topic), 10)
    assert [r.value for r in read_all(broker, topic)] == [b"open", b"after"]


def test_a_new_holder_of_the_id_fences_the_old_and_ends_its_transaction(broker, topic, transactional):
    broker.admin().create_topic(topic, 1, {})
    old = transactional(topic)
    old.begin()
    old.send(topic, b"k", b"old")
    old.flush(10)
    new = transactional(topic)
    new.begin()
    new.send(topic, b"k", b"new")
    new.commit()
    with pytest.raises(StreamkitError):
        old.commit()
    assert [r.value for r in read_all(broker, topic)] == [b"new"]


def test_offsets_are_committed_with_the_transaction_or_not(broker, topic, transactional):
    broker.admin().create_topic(topic, 1, {})
    tp = TopicPartition(topic, 0)
    producer = transactional(topic)
    member = Joined(broker.consumer(Member(topic)), topic)
    settle(member, own=1)
    producer.begin()
    producer.send_offsets({tp: 3}, member.consumer.group_metadata())
    producer.abort()
    assert member.consumer.committed([tp]) == Positions()
    producer.begin()
    producer.send_offsets({tp: 7}, member.consumer.group_metadata())
    producer.commit()
    assert member.consumer.committed([tp]) == Positions({tp: 7})
    assert broker.admin().group_offsets(topic, [tp]) == Positions({tp: 7})
    member.consumer.close()


def test_a_member_whose_slot_was_taken_cannot_commit_offsets(broker, topic, transactional):
    broker.admin().create_topic(topic, 1, {})
    tp = TopicPartition(topic, 0)
    producer = transactional(topic)
    old = Joined(broker.consumer(Member(topic, "slot")), topic)
    settle(old, own=1)
    metadata = old.consumer.group_metadata()
    new = Joined(broker.consumer(Member(topic, "slot")), topic)
    settle(new, own=1)
    producer.begin()
    with pytest.raises(StreamkitError):
        producer.send_offsets({tp: 3}, metadata)
    assert new.consumer.committed([tp]) == Positions()
    new.consumer.close()
