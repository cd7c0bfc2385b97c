"""The Transform loop over either broker: each record takes effect once, in order, whoever works and dies."""

from contextlib import suppress

import pytest

from streamkit.errors import StopError
from streamkit.headers import SOURCE, hop_times, parse_source
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.records import TopicPartition
from tests.support.workers import (
    KEPT,
    assert_counted_once,
    count_per_key,
    counting,
    make_topics,
    read_all,
    session_ended,
    turn_until,
    vanish,
    worker,
)


def send(broker, topic, values, keys=7):
    """Send values under a few keys; returns (key, value) in the order sent."""
    producer = broker.producer()
    sent = [(b"k%d" % (n % keys), b"v%d" % n) for n in values]
    for key, value in sent:
        producer.send(topic, key, value, (("kapstan-hops", b"gateway=1"),), 1_700_000_000_000)
    producer.flush(10)
    return sent


def counts(broker, topic):
    return read_all(broker, f"{topic}-counts")


def processed(broker, topic, service):
    """A condition: the group's offsets cover what is in the topic now."""
    ends = present_ends(broker, (topic,))
    admin = broker.admin()
    return lambda: admin.group_offsets(service, list(ends)).covers(ends.only(tp for tp in ends if ends[tp]))


def test_each_record_is_counted_once_with_its_provenance(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    sent = send(broker, topic, range(50))
    one = worker(counting(topic, topic), broker, tmp_path)
    turn_until([one], processed(broker, topic, topic))
    one.close()
    found = counts(broker, topic)
    assert_counted_once(sent, found)
    sources = [parse_source(r.header(SOURCE)) for r in found]
    topic_id = broker.admin().topics([topic])[topic].topic_id
    assert {(s.topic, s.topic_id) for s in sources} == {(topic, topic_id)}
    assert len({(s.partition, s.offset) for s in sources}) == 50
    assert all(list(hop_times(r.headers)) == ["gateway", topic] for r in found)
    assert {r.timestamp_ms for r in found} == {1_700_000_000_000}


def test_a_second_hop_carries_the_first_ones_source(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    make_topics(broker, f"{topic}-counts", 2)
    send(broker, topic, range(20))
    first = worker(counting(topic, topic), broker, tmp_path / "1")
    second = worker(counting(f"{topic}2", f"{topic}-counts"), broker, tmp_path / "2")
    turn_until([first, second], lambda: len(read_all(broker, f"{topic}-counts-counts")) == 20)
    first.close()
    second.close()
    found = read_all(broker, f"{topic}-counts-counts")
    assert {parse_source(r.header(SOURCE)).topic for r in found} == {topic}
    assert all(list(hop_times(r.headers)) == ["gateway", topic, f"{topic}2"] for r in found)


def test_a_restart_goes_on_from_the_same_disk_and_from_none(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    sent = []
    for round_number, folder in enumerate(("a", "a", "b")):
        sent += send(broker, topic, range(round_number * 30, round_number * 30 + 30))
        one = worker(counting(topic, topic), broker, tmp_path / folder)
        turn_until([one], processed(broker, topic, topic))
        one.close()
    assert_counted_once(sent, counts(broker, topic))


def test_state_follows_partitions_from_one_worker_to_three_to_two(broker, topic, tmp_path):
    make_topics(broker, topic, 4)
    spec = counting(topic, topic)
    sent = send(broker, topic, range(100), keys=20)
    crew = [worker(spec, broker, tmp_path, "0")]
    turn_until(crew, processed(broker, topic, topic))
    crew += [worker(spec, broker, tmp_path, "1"), worker(spec, broker, tmp_path, "2")]
    sent += send(broker, topic, range(100, 200), keys=20)
    turn_until(crew, lambda: all(each._assignment.tasks for each in crew))
    turn_until(crew, processed(broker, topic, topic))
    crew.pop().close()
    session_ended(broker, topic, "2")
    sent += send(broker, topic, range(200, 300), keys=20)
    turn_until(crew, processed(broker, topic, topic))
    for each in crew:
        each.close()
    assert_counted_once(sent, counts(broker, topic))


def test_a_killed_worker_comes_back_to_its_slot(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    spec = counting(topic, topic)
    sent = send(broker, topic, range(40))
    killed = worker(spec, broker, tmp_path)
    turn_until([killed], processed(broker, topic, topic))
    vanish(killed)
    sent += send(broker, topic, range(40, 80))
    again = worker(spec, broker, tmp_path)
    turn_until([again], processed(broker, topic, topic))
    again.close()
    assert_counted_once(sent, counts(broker, topic))


def test_what_cannot_be_processed_is_put_aside_and_the_rest_goes_on(broker, topic, tmp_path):
    make_topics(broker, topic, 1)
    producer = broker.producer()
    for value in (b"a", b"bad", b"b"):
        producer.send(topic, b"k", value)
    producer.flush(10)
    one = worker(counting(topic, topic), broker, tmp_path)
    turn_until([one], processed(broker, topic, topic))
    one.close()
    assert [r.value for r in counts(broker, topic)] == [b"a=1", b"b=2"]
    (letter,) = read_all(broker, f"{topic}-dead")
    assert letter.value == b"1:bad"
    assert parse_source(letter.header(SOURCE)).offset == 1


def test_a_bounded_run_ends_at_its_bounds_and_a_later_one_goes_on(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    sent = send(broker, topic, range(40))
    bounds = present_ends(broker, (topic,))
    more = send(broker, topic, range(40, 60))
    for expected, ends in ((sent, bounds), (sent + more, present_ends(broker, (topic,)))):
        one = worker(counting(topic, topic), broker, tmp_path, bounded=Bounded(ends))
        turn_until([one], one.finished)
        one.close()
        assert_counted_once(expected, counts(broker, topic))


def test_a_merged_run_takes_partitions_by_event_time(broker, topic, tmp_path):
    broker.admin().create_topic(f"{topic}-counts", 1, KEPT)
    broker.admin().create_topic(f"{topic}-dead", 1, KEPT)
    broker.admin().create_topic(topic, 3, KEPT)
    producer = broker.producer()
    for time in range(90):
        partition = time // 7 % 3
        producer.send(topic, b"p%d" % partition, b"%d" % time, (), time, partition)
    producer.flush(10)
    ends = present_ends(broker, (topic,))
    bounded = Bounded(ends, event_time=lambda record: int(record.value))
    one = worker(counting(topic, topic), broker, tmp_path, bounded=bounded, max_batch=10)
    turn_until([one], one.finished)
    one.close()
    assert [int(r.value.partition(b"=")[0]) for r in counts(broker, topic)] == list(range(90))


def test_a_merged_run_hands_a_batch_to_the_step_once_per_partition_and_writes_in_order(
    broker, topic, tmp_path
):
    for name, partitions in ((topic, 4), (f"{topic}-counts", 1), (f"{topic}-dead", 1)):
        broker.admin().create_topic(name, partitions, KEPT)
    producer = broker.producer()
    for time in range(200):
        value = b"bad" if time % 50 == 49 else b"%d" % time
        producer.send(topic, b"p%d" % (time % 4), value, (), 1_700_000_000_000 + time, time % 4)
    producer.flush(10)
    calls = []

    def step(batch, side, state):
        calls.append([r.offset for r in batch])
        yield from count_per_key(batch, side, state)

    bounded = Bounded(present_ends(broker, (topic,)), event_time=lambda record: record.timestamp_ms)
    one = worker(counting(topic, topic, step=step), broker, tmp_path, bounded=bounded, max_batch=40)
    turn_until([one], one.finished)
    one.close()
    expected = [time for time in range(200) if time % 50 != 49]
    assert [int(r.value.partition(b"=")[0]) for r in counts(broker, topic)] == expected
    letters = [int(r.value.partition(b":")[0]) for r in read_all(broker, f"{topic}-dead")]
    assert letters == [time // 4 for time in (49, 99, 149, 199)]
    # A call for each change of partition would be a call for each record.
    assert len(calls) < 100


def test_a_namespace_reads_live_input_and_keeps_apart_what_it_writes(broker, topic, tmp_path):
    make_topics(broker, topic, 1)
    for name in (f"{topic}-counts", f"{topic}-dead"):
        broker.admin().create_topic(f"replay.{name}", 1, KEPT)
    sent = send(broker, topic, range(10))
    live = worker(counting(topic, topic), broker, tmp_path)
    turn_until([live], processed(broker, topic, topic))
    again = worker(counting(topic, topic), broker, tmp_path, namespace="replay")
    turn_until([live, again], processed(broker, topic, f"replay.{topic}"))
    live.close()
    again.close()
    assert_counted_once(sent, read_all(broker, f"replay.{topic}-counts"))
    assert_counted_once(sent, counts(broker, topic))
    assert f"replay.{topic}.{topic}.changelog" in broker.admin().topics()


def test_too_many_refusals_stop_the_service_and_a_new_start_goes_on_behind_them(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    producer = broker.producer()
    for value in [b"a"] + [b"bad"] * 150 + [b"b"]:
        producer.send(topic, b"k", value, partition=0)
    producer.send(topic, b"k", b"c", partition=1)
    producer.flush(10)
    one = worker(counting(topic, topic), broker, tmp_path)
    with pytest.raises(StopError, match=r"101 records in a row cannot be processed.*offset 101"):
        turn_until([one], lambda: False)
    one.close()
    tp = TopicPartition(topic, 0)
    assert broker.admin().group_offsets(topic, [tp])[tp] == 101
    assert len(read_all(broker, f"{topic}-dead")) == 100
    again = worker(counting(topic, topic), broker, tmp_path)
    turn_until([again], lambda: len(read_all(broker, f"{topic}-counts")) == 3)
    again.close()
    assert sorted(r.value for r in read_all(broker, f"{topic}-counts")) == [b"a=1", b"b=2", b"c=1"]
    assert len(read_all(broker, f"{topic}-dead")) == 150


def test_too_large_a_part_of_refusals_does_so_too(broker, topic, tmp_path):
    make_topics(broker, topic, 1)
    producer = broker.producer()
    for number in range(900):
        producer.send(topic, b"k", b"%d" % number if number % 3 else b"bad", partition=0)
        producer.send(topic, b"k", b"bad", partition=0)
    producer.send(topic, b"k", b"last", partition=0)
    producer.flush(10)
    for _ in range(2):
        one = worker(counting(topic, topic), broker, tmp_path)
        with suppress(StopError):
            turn_until([one], lambda: len(read_all(broker, f"{topic}-counts")) == 601)
        one.close()
    assert len(read_all(broker, f"{topic}-counts")) == 601
    assert len(read_all(broker, f"{topic}-dead")) == 1_200
