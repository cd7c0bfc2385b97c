"""Records at the limit of size, over either broker: they are read, written, or put aside, never retried."""

from contextlib import closing

import pytest

from streamkit.broker import TooLargeError
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.deadletters import DeadLetterLimit
from streamkit.errors import StopError
from streamkit.kafka.broker import KafkaBroker
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.records import MAX_RECORD_BYTES, TopicPartition
from streamkit.registry import subject_of
from streamkit.testing.registry import MemoryRegistry
from tests.support.catalogues import SCHEMAS
from tests.support.workers import counting, make_topics, read_all, turn_until, vanish, worker

# Around a key of one byte and a value: librdkafka counts 36 bytes of framing.
LARGEST = b"x" * (MAX_RECORD_BYTES - 36 - 1)
# What the gateway lets in, and more than librdkafka's own limit once a hop has added to it.
ACCEPTED = b"y" * 999_900


@pytest.fixture(scope="module")
def codecs():
    catalogue, client = Catalogue.load(SCHEMAS), MemoryRegistry().client()
    client.register(subject_of(DEAD_LETTERS), catalogue[DEAD_LETTERS].schema)
    return Codecs(catalogue, client)


def send(broker, topic, *values):
    producer = broker.producer()
    for value in values:
        producer.send(topic, b"k", value)
    producer.flush(10)


def test_an_output_that_is_too_large_is_put_aside_and_the_rest_goes_on(broker, topic, tmp_path, codecs):
    make_topics(broker, topic, 1)
    send(broker, topic, b"a", LARGEST, ACCEPTED, b"b")
    spec = counting(topic, topic, encode_dead_letter=codecs.dead_letters())
    one = worker(spec, broker, tmp_path)
    turn_until([one], lambda: len(read_all(broker, f"{topic}-counts")) == 3)
    one.close()
    found = [r.value for r in read_all(broker, f"{topic}-counts")]
    assert found == [b"a=1", ACCEPTED + b"=3", b"b=4"]
    (letter,) = read_all(broker, f"{topic}-dead")
    said = codecs.decoder(DEAD_LETTERS).decode(letter.value)
    assert (said["reason"], said["source_offset"]) == ("too_large", 1)
    kept = said["source_value"]
    assert LARGEST.startswith(kept)
    assert len(LARGEST) - 70_000 < len(kept) < len(LARGEST)
    assert f"first {len(kept)} of {len(LARGEST)} bytes" in said["detail"]
    place = TopicPartition(topic, 0)
    assert broker.admin().group_offsets(topic, [place])[place] >= 4


def test_a_merged_run_puts_it_aside_from_among_the_others(broker, topic, tmp_path):
    make_topics(broker, topic, 2)
    producer = broker.producer()
    for number, value in enumerate((b"a", LARGEST, b"b", b"c")):
        producer.send(topic, b"%d" % number, value, timestamp_ms=1_000 + number, partition=number % 2)
    producer.flush(10)
    ends = present_ends(broker, (topic,))
    bounded = Bounded(ends, event_time=lambda record: record.timestamp_ms)
    one = worker(counting(topic, topic), broker, tmp_path, bounded=bounded)
    turn_until([one], one.finished)
    one.close()
    found = sorted((r.timestamp_ms, r.value) for r in read_all(broker, f"{topic}-counts"))
    assert found == [(1_000, b"a=1"), (1_002, b"b=1"), (1_003, b"c=1")]
    assert [r.value for r in read_all(broker, f"{topic}-dead")] == [b"0:too_large"]


def test_too_many_in_a_row_stop_as_other_rejections_do(broker, topic, tmp_path):
    make_topics(broker, topic, 1)
    send(broker, topic, *[LARGEST] * 3)
    limit = DeadLetterLimit(max_consecutive=2)
    one = worker(counting(topic, topic, dead_letter_limit=limit), broker, tmp_path)
    with pytest.raises(StopError, match="3 records in a row"):
        turn_until([one], lambda: False)
    vanish(one)


@pytest.mark.integration
def test_a_topic_that_takes_less_than_our_limit_stops_with_the_setting_to_change(
    bootstrap_servers, topic, tmp_path
):
    with closing(KafkaBroker(bootstrap_servers)) as broker:
        make_topics(broker, topic, 1)
        broker.admin().set_topic_config(f"{topic}-counts", {"max.message.bytes": "100000"})
        send(broker, topic, b"z" * 200_000)
        one = worker(counting(topic, topic), broker, tmp_path)
        with pytest.raises(StopError, match=r"max\.message\.bytes must be above"):
            turn_until([one], lambda: False)
        vanish(one)


def test_state_that_is_too_large_for_the_changelog_stops_and_commits_nothing(broker, topic, tmp_path):
    make_topics(broker, topic, 1)
    send(broker, topic, b"a")

    def step(batch, side, state):
        yield from counting(topic, topic).step(batch, side, state)
        state.put(b"all", LARGEST)

    one = worker(counting(topic, topic, step=step), broker, tmp_path)
    with pytest.raises(StopError, match=r"under the key b'all', more than the changelog takes"):
        turn_until([one], lambda: False)
    vanish(one)
    assert read_all(broker, f"{topic}-counts") == []


def test_what_is_too_large_is_refused_at_once_and_the_transaction_goes_on(broker, topic):
    broker.admin().create_topic(topic, 1, {})
    producer = broker.transactional_producer(topic)
    producer.init()
    producer.begin()
    producer.send(topic, b"k", LARGEST)
    with pytest.raises(TooLargeError):
        producer.send(topic, b"k", LARGEST + b"x")
    with pytest.raises(TooLargeError):
        producer.send(topic, b"k", LARGEST, (("h", b""),))
    with pytest.raises(TooLargeError):
        producer.send_many(topic, 0, [(b"k", LARGEST + b"x")])
    producer.send_many(topic, 0, [(b"k", b"after")])
    producer.commit()
    assert [r.value for r in read_all(broker, topic)] == [LARGEST, b"after"]
    producer.close()
