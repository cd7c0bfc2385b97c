"""Inputs and outputs that a side input names: taken up while the loop runs, without a restart."""

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


def test_a_new_family_is_served_without_a_restart(tmp_path):
    broker, clock = MemoryBroker(), ManualClock()
    for name in ("families", "dead", "a", "a.refined"):
        broker.create_topic(name)
    spec = counting(
        "refiner",
        "unused",
        inputs=(),
        outputs={},
        step=by_topic,
        dead_letters="dead",
        follow=topics_of,
        side_inputs=(SideInput("families", "families", lambda r: (r.key.decode(), True)),),
    )
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


def turns(one, clock):
    for _ in range(6):
        one.turn()
        clock.sleep(0.5)
