"""Mark, bounds, flushes and status: small enough to share a file."""

from hypothesis import given
from hypothesis import strategies as st

from streamkit.loop.bounds import Bounded
from streamkit.loop.flushes import Flushes
from streamkit.loop.mark import Mark
from streamkit.loop.status import LoopStatus
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.testing.clock import ManualClock

A, B = TopicPartition("a", 0), TopicPartition("b-1", 3)


@given(
    st.integers(0, 2**60), st.dictionaries(st.sampled_from([A, B]), st.integers(0, 2**60)), st.integers(0, 9)
)
def test_a_mark_comes_back(offset, side, rejected):
    mark = Mark("id", offset, Positions(side), rejected)
    assert Mark.decode(mark.encode()) == mark


def record(tp, offset, size=0):
    return Record(tp.topic, tp.partition, offset, 0, None, b"x" * size)


def test_bounds_keep_what_lies_before_them():
    bounded = Bounded(Positions({A: 2}))
    assert bounded.within([record(A, 1), record(A, 2), record(B, 0)]) == [record(A, 1)]
    assert bounded.clipped({A: 9, B: 3}) == {A: 2, B: 0}
    assert not bounded.reached({A: 1})
    assert not bounded.reached({A: None})
    assert bounded.reached({A: 2, B: None})


def test_a_flush_is_due_by_records_bytes_or_age():
    clock = ManualClock()
    by_records, by_bytes, by_age = (
        Flushes(clock, 3, 10**9, 10**9),
        Flushes(clock, 10**9, 1_000, 10**9),
        Flushes(clock, 10**9, 10**9, 500),
    )
    for each in (by_records, by_bytes, by_age):
        assert not each.due()
        assert each.wait_s() is None
        each.add([record(A, 0, 300), record(A, 1, 300)])
    assert [each.due() for each in (by_records, by_bytes, by_age)] == [False, False, False]
    for each in (by_records, by_bytes):
        each.add([record(A, 2, 300)])
        assert each.due()
    clock.sleep(0.4)
    by_age.add([record(A, 3)])
    assert abs(by_age.wait_s() - 0.1) < 1e-6
    clock.sleep(0.1)
    assert by_age.due()
    by_age.reset()
    assert (by_age.due(), by_age.records) == (False, 0)


def test_status_is_ready_when_all_partitions_are_and_alive_while_it_turns():
    clock = ManualClock()
    status = LoopStatus(30, clock.monotonic)
    assert status.ready() == "the loop is starting"
    status.phase, status.assigned, status.restoring = "running", 4, 1
    assert status.ready() == "1 of 4 partitions are restoring their state"
    status.restoring = 0
    assert status.ready() is status.live() is None
    clock.sleep(31)
    assert status.live() == "the loop has not turned for 31 s"
    status.turned()
    assert status.live() is None
    assert not status.stopping
    status.stop()
    assert status.stopping
