from streamkit.errors import RetryableError
from streamkit.loop.side_reader import LiveSide
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


def test_side_inputs_stand_still_while_the_registry_is_away_and_then_go_on():
    broker, clock, away = MemoryBroker(), ManualClock(), set()
    broker.create_topic("names")

    def decode(record):
        if record.value in away:
            raise RetryableError("the registry is away")
        return record.key, record.value

    def put(*values):
        for value in values:
            broker.producer().send("names", value, value)

    side = LiveSide((SideInput("names", "names", decode),), broker, clock)
    side.start()
    away.add(b"b")
    put(b"a", b"b", b"c")
    side.advance()
    names = side.view.table("names")
    assert [names.get(key) is not None for key in (b"a", b"b", b"c")] == [True, False, False]
    assert side.view.vector == {"names-0": 1}

    away.clear()
    side.advance()
    assert names.get(b"b") is None, "it is not tried at each batch"
    clock.sleep(1.0)
    put(b"d")
    side.advance()
    assert [row.value for row in names.values()] == [b"a", b"b", b"c"]
    side.advance()
    assert side.view.vector == {"names-0": 4}
    side.close()
