"""Records at the limit of size, over either broker: they are read, written, or put aside, never retried."""

import pytest

from streamkit.broker import TooLargeError
from streamkit.catalogue import Catalogue
from streamkit.codecs import DEAD_LETTERS, Codecs
from streamkit.errors import StopError
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
