"""A worker that outlives an absence of the broker: nothing lost or doubled, whatever became of the commit."""

import gc

import pytest

from streamkit.broker import AwayError
from streamkit.errors import FencedError, RetryableError
from streamkit.loop.bounds import Bounded, present_ends
from streamkit.loop.lasting import last
from streamkit.loop.status import LoopStatus
from streamkit.testing import settings
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.transform import run_transform
from tests.support.workers import assert_counted_once, count_per_key, counting, make_topics

SENT = [(b"k%d" % (n % 3), b"v%d" % n) for n in range(30)]


class Faulty(MemoryBroker):
    """Its producers fail at the commits of these numbers, before or after the broker has committed."""

    def __init__(self, failing, error, *, committed):
        super().__init__()
        self.failing, self.error, self.committed = failing, error, committed
        self.commits = self.producers = 0

    def transactional_producer(self, transactional_id):
        producer = super().transactional_producer(transactional_id)
        self.producers += 1
        commit = producer.commit

        def failing():
            self.commits += 1
            if self.commits not in self.failing:
                commit()
                return
            if self.committed:
                commit()
            raise self.error

        producer.commit = failing
        return producer


@pytest.fixture(autouse=True)
def _collector():
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def run(broker, folder, *, bounded=False):
    """Let a transform count what is sent, record by record, and stop it after the last one."""
    make_topics(broker, "in", 2)
    producer = broker.producer()
    for key, value in SENT:
        producer.send("in", key, value)
    status = LoopStatus()

    def step(batch, side, state):
        if len(broker.records("in-counts")) >= len(SENT) - len(batch):
            status.stop()
        yield from count_per_key(batch, side, state)

    run_transform(
        counting("svc", "in", step=step),
        settings.TestedSettings(folder, "0", max_batch=1),
        status=status,
        bounded=Bounded(present_ends(broker, ("in",))) if bounded else None,
        broker=broker,
        clock=ManualClock(),
    )
    return status


@pytest.mark.parametrize("committed", [False, True])
def test_a_commit_whose_outcome_is_unknown_is_settled_by_a_new_worker(tmp_path, committed):
    broker = Faulty({2, 3, 11}, AwayError("Kafka is away"), committed=committed)
    status = run(broker, tmp_path)
    assert_counted_once(SENT, broker.records("in-counts"))
    assert broker.producers == 4
    assert status.phase == "stopped"


def test_who_was_fenced_does_not_begin_anew(tmp_path):
    broker = Faulty({2}, FencedError("another process has taken over this slot"), committed=False)
    with pytest.raises(FencedError):
        run(broker, tmp_path)
    assert broker.producers == 1


def test_a_bounded_run_ends_when_the_broker_goes_away(tmp_path):
    broker = Faulty({2}, AwayError("Kafka is away"), committed=False)
    with pytest.raises(AwayError):
        run(broker, tmp_path, bounded=True)
    assert broker.producers == 1


class Clinging(MemoryBroker):
    """Its consumers cannot leave their group."""

    def consumer(self, member=None, gather_ms=0):
        consumer = super().consumer(member, gather_ms)
        if member is not None:

            def failing():
                raise RetryableError("the group's coordinator is away")

            consumer.close = failing
        return consumer


def test_a_worker_that_cannot_take_its_leave_has_done_its_work(tmp_path, caplog):
    broker = Clinging()
    run(broker, tmp_path)
    assert_counted_once(SENT, broker.records("in-counts"))
    assert "the group's coordinator is away" in caplog.text


class Waiting:
    """A worker whose broker stays away; it is asked to stop at its third opening."""

    made = closed = 0

    def __init__(self, status):
        self.status = status
        Waiting.made += 1

    def open(self):
        assert self.made == 1 or self.status.ready() == "the loop is waiting: Kafka is away."
        if self.made == 3:
            self.status.stop()
        raise AwayError("Kafka is away")

    def close(self):
        Waiting.closed += 1


def test_a_stop_while_the_broker_is_away_is_heeded():
    status, clock = LoopStatus(), ManualClock()
    last(lambda: Waiting(status), lambda: None, status, clock, anew=True)
    assert Waiting.made == Waiting.closed == 3
    assert clock.monotonic() > 0, "it did not try without a pause"
