"""A process that ends at any of the named points, at any pass, loses nothing and doubles nothing.

In memory: each crash is an exception that nothing survives, after which a new worker takes the slot.
"""

import pytest

from streamkit.crashpoints import SINK_POINTS, TRANSFORM_POINTS
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.sinks import ListDestination, sink
from tests.support.workers import Crashed, assert_counted_once, counting, make_topics, vanish, worker

TOPIC = "in"
RECORDS = 120
TURNS = 25


@pytest.fixture
def broker():
    made = MemoryBroker()
    make_topics(made, TOPIC, 3)
    return made


def send(broker, numbers):
    sent = [(b"k%d" % (n % 7), b"v%d" % n) for n in numbers]
    for key, value in sent:
        broker.producer().send(TOPIC, key, value)
    return sent


class Crew:
    """Workers that are started again after a crash, each in its slot; `fresh` gives them a new disk then."""

    def __init__(self, broker, folder, slots, *, fresh):
        self.broker, self.folder, self.fresh = broker, folder, fresh
        self.clock = ManualClock()
        self.crashes = 0
        self.workers = {slot: self.start(slot) for slot in slots}

    def start(self, slot):
        folder = self.folder / f"disk{self.crashes}" if self.fresh else self.folder
        return worker(counting("svc", TOPIC), self.broker, folder, slot, clock=self.clock, max_batch=10)

    def turn(self):
        for slot in self.workers:
            try:
                self.workers[slot].turn()
            except Crashed:
                vanish(self.workers[slot])
                self.crashes += 1
                self.workers[slot] = self.start(slot)
            self.clock.sleep(0.5)


@pytest.mark.parametrize("fresh", [False, True], ids=["same-disk", "new-disk"])
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", TRANSFORM_POINTS)
def test_a_transform_survives_a_crash_at(point, nth, fresh, arm, broker, tmp_path):
    sent = send(broker, range(20))
    before = worker(counting("svc", TOPIC), broker, tmp_path / "before", clock=ManualClock())
    for _ in range(5):
        before.turn()
    vanish(before)
    sent += send(broker, range(20, RECORDS // 2))
    arm(f"{point}:{nth}")
    crew = Crew(broker, tmp_path, ["0"], fresh=fresh)
    for _ in range(TURNS):
        crew.turn()
    sent += send(broker, range(RECORDS // 2, RECORDS))
    for _ in range(TURNS):
        crew.turn()
    arm(None)
    assert_counted_once(sent, broker.records(f"{TOPIC}-counts"))
    assert_state_is_rebuilt_right(broker, sent, tmp_path)
    # A start passes some points only once.
    assert crew.crashes == 1 or (nth > 1 and point.startswith(("assign", "restore")))


def test_a_crash_in_a_group_of_two_hands_partitions_over(arm, broker, tmp_path):
    sent = send(broker, range(RECORDS))
    crew = Crew(broker, tmp_path, ["0", "1"], fresh=False)
    arm("transaction.after_commit:3")
    for _ in range(10):
        crew.turn()
    assert crew.crashes == 1
    # The slot stays away: its session ends and the other worker takes over.
    gone = crew.workers.pop("1")
    vanish(gone)
    broker.expire("svc", "svc-1")
    broker.take_over("svc-1")
    sent += send(broker, range(RECORDS, 2 * RECORDS))
    for _ in range(TURNS):
        crew.turn()
    assert_counted_once(sent, broker.records(f"{TOPIC}-counts"))


def test_repeated_crashes_at_every_point_in_turn(arm, broker, tmp_path):
    crew = Crew(broker, tmp_path, ["0", "1"], fresh=False)
    sent = []
    for number, point in enumerate(TRANSFORM_POINTS):
        sent += send(broker, range(number * 20, number * 20 + 20))
        arm(point)
        for _ in range(8):
            crew.turn()
    arm(None)
    for _ in range(TURNS):
        crew.turn()
    assert crew.crashes >= 8
    assert_counted_once(sent, broker.records(f"{TOPIC}-counts"))


@pytest.mark.parametrize(
    ("point", "nth"),
    [(point, 1) for point in SINK_POINTS] + [(p, 2) for p in SINK_POINTS if not p.endswith("open")],
)
def test_a_sink_survives_a_crash_at(point, nth, arm, broker, tmp_path):
    send(broker, range(RECORDS))
    kept = ListDestination()
    clock = ManualClock()
    arm(f"{point}:{nth}")
    crashes = 0
    one = sink(TOPIC, kept.view(), broker, tmp_path, clock=clock, flush_records=30)
    for number in range(30):
        try:
            one.turn()
        except Crashed:
            crashes += 1
            one = sink(TOPIC, kept.view(), broker, tmp_path, clock=clock, flush_records=30)
        clock.sleep(0.1)
        if number % 5 == 0:
            send(broker, range(RECORDS + number, RECORDS + number + 5))
    assert crashes == 1
    assert len({(*r.tp, r.offset) for r in kept.committed}) == len(kept.committed) == RECORDS + 30
    assert kept.positions.covers(Positions({TopicPartition(TOPIC, p): end(broker, p) for p in range(3)}))


def end(broker, partition):
    return broker.log(TopicPartition(TOPIC, partition)).end


def assert_state_is_rebuilt_right(broker, sent, folder):
    """A worker in another slot, with an empty disk, counts on from the right numbers."""
    more = send(broker, range(10_000, 10_007))
    broker.expire("svc", "svc-0")
    last = worker(counting("svc", TOPIC), broker, folder / "cold", "9", clock=ManualClock())
    for _ in range(10):
        last.turn()
    assert_counted_once(sent + more, broker.records(f"{TOPIC}-counts"))
    last.close()
