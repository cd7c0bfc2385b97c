"""The producer for asyncio against a real broker: outcomes, order, partitions, and what silence does."""

import time

import pytest

from streamkit.kafka.async_producer import Undelivered
from streamkit.kafka.broker import KafkaBroker
from streamkit.read import read_to_end
from tests.support.frozen import frozen

TIMEOUT_S = 2.0


@pytest.fixture
def stack(parts):
    return parts.need("kafka")


@pytest.fixture
def broker(stack):
    broker = KafkaBroker(stack.bootstrap_servers)
    yield broker
    broker.close()


@pytest.fixture
async def producer(broker):
    producer = broker.async_producer(TIMEOUT_S, linger_ms=1)
    yield producer
    await producer.close(5)


@pytest.fixture
def topic(broker, unique):
    broker.admin().create_topic(unique, 4, {})
    return unique


def messages(count, size=10):
    return [(b"k%d" % (n % 7), b"%0*d" % (size, n), [("n", b"%d" % n)]) for n in range(count)]


async def test_each_record_has_its_place_and_keys_keep_their_order(broker, producer, topic):
    batches = [producer.send(topic, messages(300), 1000 + n) for n in range(4)]
    outcomes = [await future for future in batches]
    found = {(r.partition, r.offset): r for r in read_to_end(broker, topic)}
    assert len(found) == 1200
    for number, batch in enumerate(outcomes):
        for index, place in enumerate(batch):
            record = found[place]
            assert record.value == b"%010d" % index
            assert record.header("n") == b"%d" % index
            assert record.timestamp_ms == 1000 + number
    by_key = {}
    for batch in outcomes:
        for index, (partition, offset) in enumerate(batch):
            by_key.setdefault(index % 7, []).append((partition, offset))
    for places in by_key.values():
        assert len({partition for partition, _ in places}) == 1
        assert places == sorted(places)


async def test_a_key_goes_where_javas_producer_puts_it(producer, topic):
    # Utils.toPositive(Utils.murmur2(key)) % 4 of org.apache.kafka.
    [(first, _), (second, _)] = await producer.send(topic, [(b"21", b"", []), (b"foobar", b"", [])], 0)
    assert (first, second) == ((-973932308 & 0x7FFFFFFF) % 4, (-790332482 & 0x7FFFFFFF) % 4)


async def test_a_record_that_is_too_large_does_not_spoil_its_batch(producer, topic):
    small, large, last = await producer.send(
        topic, [(b"a", b"x", []), (b"a", b"x" * 2_000_000, []), (b"a", b"y", [])], 0
    )
    assert isinstance(large, Undelivered)
    assert (large.code, large.retryable) == ("msg_size_too_large", False)
    assert last == (small[0], small[1] + 1)


async def test_a_batch_of_nothing_is_done(producer, topic):
    assert await producer.send(topic, [], 0) == []


async def test_a_topic_that_is_not_there_is_an_outcome_too(producer, unique):
    [outcome] = await producer.send(f"{unique}-absent", [(b"a", b"x", [])], 0)
    assert isinstance(outcome, Undelivered)


async def test_silence_ends_in_an_outcome_and_the_next_batch_lands(stack, producer, topic):
    await producer.send(topic, messages(1), 0)
    with frozen(stack, "kafka"):
        started = time.monotonic()
        outcomes = await producer.send(topic, messages(50), 0)
        waited = time.monotonic() - started
        assert producer.stalled_for_s == 0
    assert waited < TIMEOUT_S + 1
    deadline = time.monotonic() + 15
    while isinstance((await producer.send(topic, messages(1), 0))[0], Undelivered):
        assert time.monotonic() < deadline, "no record lands after the broker went on"
    # Not before: what was reported since is no part of an answer that was given.
    assert {(o.code, o.retryable) for o in outcomes if isinstance(o, Undelivered)} == {("timed_out", True)}
    assert all(isinstance(outcome, Undelivered) for outcome in outcomes)


async def test_closing_waits_for_what_was_sent(broker, topic):
    producer = broker.async_producer(TIMEOUT_S, linger_ms=50)
    future = producer.send(topic, messages(500), 0)
    await producer.close(5)
    assert all(not isinstance(outcome, Undelivered) for outcome in future.result())
