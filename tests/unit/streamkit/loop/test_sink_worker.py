from streamkit.errors import RetryableError
from streamkit.loop.sink_worker import SinkWorker
from streamkit.loop.status import LoopStatus
from streamkit.sink import SinkSpec
from streamkit.testing import settings as tested
from streamkit.testing.clients import MemoryConsumer
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.sinks import ListDestination


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
    sink = SinkWorker(spec, tested.TestedSettings(tmp_path, "0"), broker, clock, LoopStatus())
    sink.open()
    inputs.append("two")
    for _ in range(20):
        sink.turn()
        clock.sleep(0.5)
    sink.close()
    assert sorted({record.value for record in kept.committed}) == [b"one", b"two"]
