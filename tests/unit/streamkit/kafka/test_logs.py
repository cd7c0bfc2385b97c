import logging

import confluent_kafka as ck
import pytest

from streamkit.broker import Member
from streamkit.kafka.broker import KafkaBroker
from streamkit.kafka.logs import EVERY_S, Calm
from streamkit.testing.clock import ManualClock

REFUSED = "Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after {}ms in state CONNECT{})"


@pytest.fixture
def said():
    return []


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def calm(said, clock):
    return Calm(lambda level, message: said.append((level, message)), clock.monotonic)


def test_the_same_message_is_logged_once_and_then_with_a_count(calm, said, clock):
    for number in range(40):
        suppressed = ", 3 identical error(s) suppressed" if number % 7 == 3 else ""
        calm.log(
            logging.ERROR, "%s [%s] %s", "FAIL", f"c#producer-{number}", REFUSED.format(number, suppressed)
        )
        clock.sleep(0.1)
    assert said == [(logging.ERROR, f"Kafka client: FAIL: {REFUSED.format(0, '')}")]
    clock.sleep(EVERY_S)
    calm.log(logging.ERROR, "%s [%s] %s", "FAIL", "c#consumer-1", REFUSED.format(5, ""))
    assert said[1:] == [
        (logging.ERROR, f"Kafka client: FAIL: {REFUSED.format(5, '')} (39 more like it in 14 s)")
    ]


def test_another_message_is_not_held_back(calm, said):
    calm.say(logging.WARNING, "1/1 brokers are down")
    calm.say(logging.WARNING, "the disk is full")
    assert len(said) == 2


def test_it_does_not_grow_without_bound(calm, said):
    for number in range(2_000):
        calm.say(logging.INFO, "".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(said) == 2_000
    assert len(calm._kinds) <= 500


@pytest.mark.parametrize("kind", ["consumer", "producer", "admin"])
def test_each_client_logs_through_it(kind, monkeypatch):
    given = {}

    class Made:
        def __init__(self, settings):
            given.update(settings)

    for module, name in ((ck, "Consumer"), (ck, "Producer"), (ck.admin, "AdminClient")):
        monkeypatch.setattr(module, name, Made)
    broker = KafkaBroker("127.0.0.1:1")
    {"consumer": lambda: broker.consumer(Member("g")), "producer": broker.producer, "admin": broker.admin}[
        kind
    ]()
    assert isinstance(given["logger"], Calm)
