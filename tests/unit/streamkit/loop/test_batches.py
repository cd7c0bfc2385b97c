from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamkit.broker import Polled
from streamkit.headers import HEARTBEAT, SOURCE
from streamkit.loop.batches import CATCH_UP_S, Arrivals, Pace, prepared, runs
from streamkit.records import Record, TopicPartition
from streamkit.testing.clock import ManualClock


def record(partition=0, offset=0, headers=(), topic="t"):
    return Record(topic, partition, offset, 0, None, None, headers)


class Polls:
    """A consumer that returns prepared polls and notes what it was asked."""

    def __init__(self, *polls):
        self.polls, self.asked = list(polls), []

    def consume(self, limit, wait_s):
        self.asked.append((limit, wait_s))
        return self.polls.pop(0) if self.polls else Polled([], {})


@given(st.lists(st.integers(0, 3), max_size=40))
def test_runs_hold_each_partition_together_in_offset_order(partitions):
    records = [record(p, n) for n, p in enumerate(partitions)]
    found = list(runs(records, keep_order=False))
    assert len({tp for tp, _ in found}) == len(found)
    assert sorted((r.offset for _, run in found for r in run)) == list(range(len(partitions)))
    for tp, run in found:
        assert {r.tp for r in run} == {tp}
        assert [r.offset for r in run] == sorted(r.offset for r in run)


@given(st.lists(st.integers(0, 3), max_size=40))
def test_kept_order_only_cuts(partitions):
    records = [record(p, n) for n, p in enumerate(partitions)]
    found = list(runs(records, keep_order=True))
    assert [r for _, run in found for r in run] == records
    assert all(one[0] != two[0] for one, two in pairwise(found))


def test_prepared_drops_heartbeats_and_adds_the_source_where_it_is_missing():
    run = [
        record(1, 5, (("x", b"1"),)),
        record(1, 6, ((HEARTBEAT, b"9"),)),
        record(1, 7, ((SOURCE, b"first@id/0/1"), ("x", b"2"))),
    ]
    found = prepared(run, "t@id/1/")
    assert [r.offset for r in found] == [5, 7]
    assert found[0].headers == ((SOURCE, b"t@id/1/5"), ("x", b"1"))
    assert found[1].header(SOURCE) == b"first@id/0/1"


def test_live_traffic_waits_only_for_the_interval_since_the_last_commit():
    clock = ManualClock()
    pace = Pace(clock, 20, 5000)
    assert pace.wait_s() == 0
    pace.committed(3, 0.002, 0.004)
    assert abs(pace.wait_s() - 0.020) < 1e-6
    clock.sleep(0.015)
    assert abs(pace.wait_s() - 0.005) < 1e-6
    clock.sleep(1)
    assert pace.wait_s() == 0


def test_a_dear_commit_is_followed_by_a_pause_of_its_length():
    pace = Pace(ManualClock(), 10, 5000)
    pace.committed(3, 0.002, 0.030)
    assert abs(pace.wait_s() - 0.030) < 1e-6
    pace.committed(3, 0.002, 3.0)
    assert abs(pace.wait_s() - 0.050) < 1e-6


def test_a_backlog_is_taken_in_commits_of_200_ms():
    clock = ManualClock()
    pace = Pace(clock, 5, 5000)
    for _ in range(20):
        pace.committed(pace.limit, pace.limit * 100e-6, pace.limit * 120e-6)
    assert pace.limit == 2000
    assert pace.wait_s() == CATCH_UP_S
    for _ in range(20):
        pace.committed(pace.limit, pace.limit * 1e-6, pace.limit * 1e-6)
    assert pace.limit == 5000
    pace.committed(5000, 5.0, 5.1)
    assert pace.limit == 200
    pace.committed(pace.limit, 600.0, 600.1)
    assert pace.limit == 1


def test_a_slow_commit_does_not_make_batches_ever_smaller():
    pace = Pace(ManualClock(), 5, 5000)
    for _ in range(30):
        pace.committed(pace.limit, pace.limit * 100e-6, pace.limit * 100e-6 + 0.5)
    assert pace.limit == 2000


def test_a_commit_that_takes_seconds_for_a_large_batch_gets_a_smaller_one():
    pace = Pace(ManualClock(), 5, 5000)
    for _ in range(30):
        pace.committed(pace.limit, pace.limit * 1e-6, pace.limit * 2e-3)
    assert pace.limit == 1000
    pace.committed(pace.limit, 0.001, 60.0)
    assert pace.limit == 250


def test_a_bounded_run_may_take_longer_over_a_batch():
    pace = Pace(ManualClock(), 5, 50_000, 1.0)
    for _ in range(30):
        pace.committed(pace.limit, pace.limit * 100e-6, pace.limit * 110e-6)
    assert pace.limit == 10_000


def test_arrivals_wait_for_a_first_record_then_for_more():
    polls = Polls(Polled([record(0, 0)], {}), Polled([record(1, 0)], {TopicPartition("t", 1): 3}))
    pace = Pace(ManualClock(), 20, 5000)
    pace.committed(1, 0.001, 0.001)
    arrivals = Arrivals(pace)
    assert len(arrivals.collect(polls, [])) == 2
    assert polls.asked[0] == (1, 0.1)
    assert polls.asked[1][0] == pace.limit - 1
    assert arrivals.take_ends() == {TopicPartition("t", 1): 3}
    assert arrivals.take_ends() == {}
    assert arrivals.collect(polls, []) == []
    assert len(polls.asked) == 3


def test_what_is_forgotten_does_not_come_back():
    tp = TopicPartition("t", 0)
    arrivals = Arrivals(Pace(ManualClock(), 5, 10))
    arrivals._ends = {tp: 4, TopicPartition("t", 1): 2}
    arrivals.forget({tp})
    assert arrivals.take_ends() == {TopicPartition("t", 1): 2}
