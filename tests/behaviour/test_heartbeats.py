"""Heartbeats: silent partitions move on in event time, but never past what is still to be processed."""

import pytest

from streamkit.headers import HEARTBEAT
from streamkit.heartbeat import HeartbeatRule, UpstreamGroup
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.workers import counting, make_topics, worker

OUT_OF_ORDER_MS = 5_000


@pytest.fixture
def broker():
    made = MemoryBroker()
    make_topics(made, "in", 2)
    return made


def beating(**changes):
    return counting("svc", "in", heartbeat_outputs={"counts": lambda time: b"beat@%d" % time}, **changes)


def run(workers, clock, seconds):
    for _ in range(int(seconds * 2)):
        for each in workers:
            each.turn()
        clock.sleep(0.5)


def beats(broker, topic="in-counts"):
    return [(r.partition, int(r.header(HEARTBEAT))) for r in broker.records(topic) if r.header(HEARTBEAT)]


def test_each_silent_partition_gets_one_every_ten_seconds(broker, tmp_path):
    clock = ManualClock()
    start = clock.now_ms()
    one = worker(beating(), broker, tmp_path, clock=clock)
    run([one], clock, 9)
    assert beats(broker) == []
    run([one], clock, 36)
    one.close()
    for partition in (0, 1):
        times = [time for p, time in beats(broker) if p == partition]
        assert 3 <= len(times) <= 4
        assert times == sorted(times)
        assert all(start - OUT_OF_ORDER_MS <= time <= clock.now_ms() - OUT_OF_ORDER_MS for time in times)
    values = {r.value for r in broker.records("in-counts")}
    assert values == {b"beat@%d" % time for _, time in beats(broker)}


def test_a_partition_with_traffic_gets_none(broker, tmp_path):
    clock = ManualClock()
    one = worker(beating(), broker, tmp_path, clock=clock)
    for _ in range(30):
        broker.producer().send("in", b"k", b"v")
        run([one], clock, 1)
    one.close()
    busy = broker.partition_for("in-counts", b"k")
    assert {partition for partition, _ in beats(broker)} == {1 - busy}


def test_a_lagging_group_writes_none_that_its_backlog_would_be_late_for(broker, tmp_path):
    clock = ManualClock()
    one = worker(beating(), broker, tmp_path, clock=clock)
    run([one], clock, 1)
    before_outage = clock.now_ms()
    # A second worker takes a partition and then stands still with a record in it.
    two = worker(beating(), broker, tmp_path, "1", clock=clock)
    run([one, two], clock, 2)
    stuck = next(iter(two._assignment.tasks))
    broker.producer().send("in", b"k", b"v", partition=stuck.partition)
    run([one], clock, 60)
    assert all(time <= before_outage + 3_000 - OUT_OF_ORDER_MS for _, time in beats(broker))
    run([one, two], clock, 30)
    assert max(time for _, time in beats(broker)) > before_outage + 60_000
    one.close()
    two.close()


def test_a_later_hop_waits_for_the_hop_before_it(broker, tmp_path):
    clock = ManualClock()
    make_topics(broker, "in-counts", 2)
    rule = HeartbeatRule(upstream=(UpstreamGroup("svc", ("in",)),))
    second = counting(
        "second", "in-counts", heartbeat_outputs={"counts": lambda time: b""}, heartbeat_rule=rule
    )
    first, last = worker(beating(), broker, tmp_path, clock=clock), None
    run([first], clock, 2)
    last = worker(second, broker, tmp_path / "2", clock=clock)
    run([first, last], clock, 3)
    stopped = clock.now_ms()
    broker.producer().send("in", b"k", b"v")
    run([last], clock, 40)
    assert all(time <= stopped - OUT_OF_ORDER_MS for _, time in beats(broker, "in-counts-counts"))
    run([first, last], clock, 30)
    assert max(time for _, time in beats(broker, "in-counts-counts")) > stopped
    first.close()
    last.close()


def test_readers_pass_over_them(broker, tmp_path):
    clock = ManualClock()
    make_topics(broker, "in-counts", 2)
    first = worker(beating(), broker, tmp_path, clock=clock)
    second = worker(counting("second", "in-counts"), broker, tmp_path / "2", clock=clock)
    run([first, second], clock, 15)
    assert beats(broker)
    assert broker.records("in-counts-counts") == []
    first.close()
    second.close()


@pytest.mark.parametrize("settings", [{"mode": "replay"}])
def test_a_replay_writes_none(settings, broker, tmp_path):
    clock = ManualClock()
    one = worker(beating(), broker, tmp_path, clock=clock, **settings)
    run([one], clock, 30)
    one.close()
    assert broker.records("in-counts") == []
