import pytest

from streamkit.errors import RetryableError
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from traffic.snapshot import wait_for_rows

TOPIC = "cdc.bank.cards"


class Waiting(MemoryBroker):
    """A broker whose reads take time, and into which Debezium writes one row at each."""

    def __init__(self, clock, rows):
        super().__init__()
        self.clock = clock
        self.rows = list(rows)

    def consumer(self, member=None, gather_ms=0):
        consumer = super().consumer(member, gather_ms)
        read = consumer.consume

        def consume(max_records, timeout_s):
            self.clock.sleep(timeout_s)
            if self.rows:
                self.append(TopicPartition(TOPIC, 0), self.rows.pop(0), b"row", (), 0)
            return read(max_records, timeout_s)

        consumer.consume = consume
        return consumer


def test_waits_until_every_key_is_there_however_often_it_is_repeated():
    broker = Waiting(ManualClock(), [b"k1", b"k1", b"k2", b"k3"])
    broker.create_topic(TOPIC)
    seen = []
    wait_for_rows(broker, {TOPIC: 3}, broker.clock, 60, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (1, 3), (2, 3), (3, 3)]


def test_says_which_topic_lacks_rows():
    broker = Waiting(ManualClock(), [b"k1"])
    broker.create_topic(TOPIC)
    with pytest.raises(RetryableError, match=r"cdc\.bank\.cards lacks 2"):
        wait_for_rows(broker, {TOPIC: 3}, broker.clock, 5)


def test_says_which_topic_does_not_come():
    broker = Waiting(ManualClock(), [])
    with pytest.raises(RetryableError, match=r"no topic cdc\.bank\.cards"):
        wait_for_rows(broker, {TOPIC: 1}, broker.clock, 5)
