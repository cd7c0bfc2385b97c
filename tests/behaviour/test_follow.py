"""Inputs and outputs that a side input names: taken up while the loop runs, without a restart."""

from concurrent.futures import Future

from streamkit.aside import at_once
from streamkit.headers import HEARTBEAT
from streamkit.side import SideInput
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.transform import Topics
from tests.support.workers import count_per_key, counting, worker


def topics_of(view):
    names = sorted(key for key, _ in view.table("families").items())
    return Topics(tuple(names), {name: f"{name}.refined" for name in names})


def by_topic(batch, side, state):
    for output in count_per_key(batch, side, state):
        output.name = batch[0].topic
        yield output


def following(follow, **changes):
    """A spec whose topics are those of the families; one without a value is withdrawn."""
    return counting(
        "refiner",
        "unused",
        inputs=(),
        outputs={},
        dead_letters="dead",
        follow=follow,
        side_inputs=(SideInput("families", "families", lambda r: (r.key.decode(), r.value)),),
        **changes,
    )


def test_a_new_family_is_served_without_a_restart(tmp_path):
    broker, clock = MemoryBroker(), ManualClock()
    for name in ("families", "dead", "a", "a.refined"):
        broker.create_topic(name)
    spec = following(topics_of, step=by_topic)
    producer = broker.producer()
    producer.send("families", b"a", b"")
    producer.send("a", b"k", b"1")
    one = worker(spec, broker, tmp_path, clock=clock)
    turns(one, clock)
    assert [r.value for r in broker.records("a.refined")] == [b"1=1"]
    # Declared before it is made: taken up once it is there.
    producer.send("families", b"b", b"")
    turns(one, clock)
    broker.create_topic("b")
    broker.create_topic("b.refined")
    producer.send("b", b"k", b"2")
    turns(one, clock)
    assert [r.value for r in broker.records("b.refined")] == [b"2=1"]
    assert "refiner.b.changelog" in broker.info(None)
    one.close()


class Slow(MemoryBroker):
    """Answers at once, until it is made to hold questions back."""

    def __init__(self):
        super().__init__()
        self.held = None

    @property
    def ask(self):
        return self._ask

    def hold(self):
        self.held = []

    def answer(self):
        held, self.held = self.held, None
        for question, future in held:
            future.set_result(question())

    def _ask(self, question):
        if self.held is None:
            return at_once(question)
        self.held.append((question, Future()))
        return self.held[-1][1]


def beating(view):
    topics = topics_of(view)
    return Topics(topics.inputs, topics.outputs, {name: lambda _time: b"" for name in topics.outputs})


def test_an_output_withdrawn_while_its_heartbeat_is_decided_gets_none(tmp_path):
    broker, clock = Slow(), ManualClock()
    for name in ("families", "dead", "a", "a.refined", "b", "b.refined"):
        broker.create_topic(name)
    spec = following(beating)
    producer = broker.producer()
    producer.send("families", b"a", b"")
    producer.send("families", b"b", b"")
    one = worker(spec, broker, tmp_path, clock=clock)
    turns(one, clock, 40)
    before = beats(broker)
    assert min(before.values()) > 0
    broker.hold()
    clock.sleep(20)
    one.turn()
    producer.send("families", b"b", None)
    turns(one, clock)
    broker.answer()
    one.turn()
    assert beats(broker) == {**before, "a.refined": before["a.refined"] + 1}
    one.close()


def beats(broker):
    return {
        topic: sum(record.header(HEARTBEAT) is not None for record in broker.records(topic))
        for topic in ("a.refined", "b.refined")
    }


def turns(one, clock, count=6):
    for _ in range(count):
        one.turn()
        clock.sleep(0.5)
