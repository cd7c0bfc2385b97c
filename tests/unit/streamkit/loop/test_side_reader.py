from streamkit.loop.status import LoopStatus
from streamkit.loop.worker import TransformWorker
from streamkit.side import SideInput
from streamkit.testing import settings as tested
from streamkit.testing.clients import MemoryConsumer
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.workers import counting, make_topics


def test_a_loop_that_reads_its_side_inputs_for_long_is_alive(tmp_path):
    clock = ManualClock()
    status = LoopStatus(30, clock.monotonic)
    lives = []

    class Slow(MemoryConsumer):
        def consume(self, max_records, timeout_s):
            clock.sleep(20)
            lives.append(status.live())
            return super().consume(1, timeout_s)

    class SlowBroker(MemoryBroker):
        def consumer(self, member=None, gather_ms=0):
            return super().consumer(member, gather_ms) if member else Slow(self, None)

    broker = SlowBroker()
    make_topics(broker, "in", 1)
    broker.create_topic("names")
    for number in range(4):
        broker.producer().send("names", b"%d" % number, b"v")
    spec = counting("svc", "in", side_inputs=(SideInput("names", "names", lambda r: (r.key, r.value)),))
    worker = TransformWorker(spec, tested.TestedSettings(tmp_path, "0"), broker, clock, status)
    worker.open()
    assert lives == [None] * 4
    assert status.live() is None
    worker.close()
