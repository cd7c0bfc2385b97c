from concurrent.futures import Future

import pytest

from streamkit.errors import RetryableError, StopError
from streamkit.loop.sink_worker import SinkWorker
from streamkit.loop.status import LoopStatus
from streamkit.positions import Positions
from streamkit.sink import SinkSpec
from streamkit.testing import settings as tested
from streamkit.testing.clients import MemoryConsumer
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.sinks import ListDestination, sink


class Refusing(MemoryConsumer):
    """Fails when it is asked to subscribe to two topics, the first time."""

    failures = 1

    def subscribe(self, topics, on_assigned, on_revoked):
        if len(topics) == 2 and self.failures:
            self.failures -= 1
            raise RetryableError("Kafka is away")
        super().subscribe(topics, on_assigned, on_revoked)


class RefusingBroker(MemoryBroker):
    def consumer(self, member=None, gather_ms=0):
        del gather_ms
        return Refusing(self, member)


def test_a_new_input_that_could_not_be_subscribed_is_tried_again(tmp_path):
    broker, clock, kept, inputs = RefusingBroker(), ManualClock(), ListDestination(), ["one"]
    for topic in ("one", "two"):
        broker.create_topic(topic)
        broker.producer().send(topic, b"k", topic.encode())
    spec = SinkSpec("svc", lambda: tuple(inputs), kept, flush_age_ms=50)
    one = SinkWorker(spec, tested.TestedSettings(tmp_path, "0"), broker, clock, LoopStatus())
    one.open()
    inputs.append("two")
    for _ in range(20):
        one.turn()
        clock.sleep(0.5)
    one.close()
    assert sorted({record.value for record in kept.committed}) == [b"one", b"two"]


class Forgetful(ListDestination):
    """Keeps no positions, as a store in which every write can be repeated."""

    def open(self, partitions):
        super().open(partitions)
        return Positions()


def running(broker, clock, kept, tmp_path):
    """A sink that has committed the one record of topic `in`."""
    broker.create_topic("in")
    broker.producer().send("in", b"k", b"1")
    one = sink("in", kept, broker, tmp_path, clock=clock)
    for _ in range(3):
        one.turn()
        clock.sleep(0.5)
    assert [record.value for record in kept.committed] == [b"1"]
    return one


@pytest.mark.parametrize("destination", [ListDestination, Forgetful])
def test_a_topic_recreated_while_the_sink_runs_stops_it_within_seconds(destination, tmp_path):
    broker, clock, kept = MemoryBroker(), ManualClock(), destination()
    one = running(broker, clock, kept, tmp_path)
    broker._topics["in"].topic_id = "another"  # no rebalance tells of it, as with Kafka
    broker.producer().send("in", b"k", b"2")
    clock.sleep(5)
    with pytest.raises(StopError, match="deleted and created again"):
        one.turn()
    one.abandon()
    one.close()
    assert [record.value for record in kept.committed] == [b"1"]


def test_a_topic_recreated_before_a_rebalance_is_not_the_one_that_was_assigned(tmp_path):
    broker, clock, kept = MemoryBroker(), ManualClock(), Forgetful()
    one = running(broker, clock, kept, tmp_path)
    broker.delete_topic("in")
    broker.create_topic("in")
    one.turn()  # in which the rebalance comes
    with pytest.raises(StopError, match="deleted and created again"):
        one.turn()


class SilentBroker(MemoryBroker):
    """Does not answer what is asked aside."""

    asked = 0

    @property
    def ask(self):
        def refuse(_question, /):
            self.asked += 1
            future = Future()
            future.set_exception(RetryableError("Kafka is away"))
            return future

        return refuse


def test_a_sink_goes_on_while_nothing_is_known_of_its_topics(tmp_path):
    broker, clock, kept = SilentBroker(), ManualClock(), ListDestination()
    one = running(broker, clock, kept, tmp_path)
    clock.sleep(5)
    broker.producer().send("in", b"k", b"2")
    for _ in range(3):
        one.turn()
        clock.sleep(0.5)
    one.close()
    assert broker.asked == 2
    assert [record.value for record in kept.committed] == [b"1", b"2"]
