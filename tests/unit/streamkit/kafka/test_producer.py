"""What a producer makes of its client's errors; the client is a stand-in."""

import confluent_kafka as ck
import pytest
from confluent_kafka import KafkaError, KafkaException

from streamkit.broker import TooLargeError
from streamkit.kafka.faults import Refusals
from streamkit.kafka.producer import KafkaProducer


class Client:
    """Fails with `error`, once its queue has been full so many times."""

    def __init__(self, _settings):
        self.error = None
        self.full = self.purged = self.polled = 0
        self.produced = []

    def produce(self, _topic, value, *_others):
        if self.full:
            self.full -= 1
            raise BufferError
        if self.error is not None:
            raise KafkaException(self.error)
        self.produced.append(value)

    def poll(self, _timeout):
        self.polled += 1

    def purge(self):
        self.purged += 1

    def flush(self, _timeout):
        return 0


@pytest.fixture
def producer(monkeypatch):
    monkeypatch.setattr(ck, "Producer", Client)
    return KafkaProducer({}, Refusals(lambda _message: None))


def test_a_full_queue_is_waited_for(producer):
    client = producer._producer
    client.full = 2
    producer.send("t", b"k", b"v")
    assert (client.produced, client.polled) == ([b"v"], 2)


def test_what_can_never_be_sent_is_told_to_whoever_sends_it(producer):
    producer._producer.error = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    with pytest.raises(TooLargeError, match="writing to t"):
        producer.send("t", b"k", b"v")


def test_a_client_is_closed_once_and_released(producer):
    client = producer._producer
    producer.close()
    producer.close()
    assert client.purged == 1
    assert producer._producer is None, "the client would live on with its threads"
