from typing import Any

import pytest

from streamkit.broker import Polled, TopicInfo
from streamkit.errors import RetryableError
from streamkit.positions import Positions
from streamkit.read import SILENT_S, read_to_end
from streamkit.records import Record, TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker


class Silent:
    """A broker whose topic exists and never brings anything."""

    partitions = 1

    def __init__(self, clock):
        self._clock = clock
        self.closed = False
        self.paused = set()

    def admin(self):
        return self

    def topics(self, names):
        return {names[0]: TopicInfo("id", self.partitions)}

    def start_offsets(self, partitions):
        return Positions(dict.fromkeys(partitions, 0))

    def end_offsets(self, partitions, *, committed_only):
        return Positions(dict.fromkeys(partitions, 1))

    def consumer(self):
        return self

    def assign(self, positions):
        pass

    def consume(self, most, timeout_s):
        self._clock.sleep(1)
        return Polled([], {})

    def close(self):
        self.closed = True

    def pause(self, partitions):
        self.paused |= set(partitions)


class HalfSilent(Silent):
    """One of its partitions goes on and on, the other never brings anything."""

    partitions = 2
    offset = -1

    def consume(self, most, timeout_s):
        assert self.offset < 100, "it goes on for ever"
        self._clock.sleep(1)
        self.offset += 1
        return Polled([Record("a", 0, self.offset, 1, None, b"v")], {})


def values(broker, topic="a"):
    return [record.value for record in read_to_end(broker, topic, ManualClock())]


def test_every_partition_is_read_to_its_end():
    broker = MemoryBroker()
    broker.create_topic("a", 3)
    for number in range(30):
        broker.producer().send("a", b"k", b"%d" % number, partition=number % 2)
    assert sorted(values(broker), key=int) == [b"%d" % number for number in range(30)]


def test_a_topic_that_does_not_exist_is_empty():
    assert values(MemoryBroker()) == []


def test_what_was_aborted_is_not_read():
    broker = MemoryBroker()
    broker.create_topic("a", 1)
    producer = broker.transactional_producer("p")
    producer.init()
    for value, finish in ((b"no", producer.abort), (b"yes", producer.commit)):
        producer.begin()
        producer.send("a", None, value, partition=0)
        finish()
    assert values(broker) == [b"yes"]


def test_silence_before_the_end_is_an_error_and_closes_the_consumer():
    clock = ManualClock()
    silent: Any = Silent(clock)
    begun = clock.monotonic()
    with pytest.raises(RetryableError, match="Kafka brought nothing for 20 s, of a/0"):
        list(read_to_end(silent, "a", clock))
    assert clock.monotonic() - begun == pytest.approx(SILENT_S + 1)
    assert silent.closed


def test_a_partition_that_is_finished_does_not_hide_that_another_is_silent():
    clock = ManualClock()
    broker: Any = HalfSilent(clock)
    begun = clock.monotonic()
    read = read_to_end(broker, "a", clock)
    assert next(read).offset == 0
    with pytest.raises(RetryableError, match="Kafka brought nothing for 20 s, of a/1"):
        list(read)
    assert clock.monotonic() - begun == pytest.approx(SILENT_S + 2)
    assert broker.paused == {TopicPartition("a", 0)}
