"""The brokers that one suite runs over: in memory always, Kafka as an integration test."""

import os
import uuid

import pytest

from streamkit.crashpoints import crash
from streamkit.kafka.broker import KafkaBroker
from streamkit.testing.memory import MemoryBroker
from tests.support.parts import parts
from tests.support.workers import Crashed

PORT_BASE = 19500


@pytest.fixture(scope="session")
def bootstrap_servers():
    """A Kafka of the suite's own, or one that is running already (KAPSTAN_TEST_KAFKA, while developing)."""
    if running := os.environ.get("KAPSTAN_TEST_KAFKA"):
        yield running
        return
    with parts(PORT_BASE) as stack:
        yield stack.need("kafka").bootstrap_servers


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.integration)])
def broker(request):
    if request.param == "memory":
        yield MemoryBroker()
        return
    broker = KafkaBroker(request.getfixturevalue("bootstrap_servers"))
    yield broker
    broker.close()


@pytest.fixture
def topic():
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def arm(monkeypatch):
    """Arm a crash point; it raises instead of killing the test's own process."""

    def die(name):
        raise Crashed(name)

    monkeypatch.setattr(crash, "die", die)
    yield crash.arm
    crash.arm(None)
