"""Where going on would falsify something, the loop refuses and names the remedy."""

import shutil

import pytest

from streamkit.errors import FencedError, RetryableError, StopError
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.support.workers import assert_counted_once, counting, make_topics, vanish, worker

TP = TopicPartition("in", 0)


@pytest.fixture
def broker():
    made = MemoryBroker()
    make_topics(made, "in", 1)
    return made


@pytest.fixture
def start(broker, tmp_path):
    """Start a worker and turn it a few times."""

    def run(folder="disk", turns=6, spec=None, clock=None, **settings):
        clock = clock or ManualClock()
        one = worker(spec or counting("svc", "in"), broker, tmp_path / folder, clock=clock, **settings)
        try:
            for _ in range(turns):
                one.turn()
                clock.sleep(0.5)
        finally:
            vanish(one)
        return one

    return run


def send(broker, *values):
    for value in values:
        broker.producer().send("in", b"k", value)


def test_a_recreated_topic_is_refused_on_the_same_disk_and_on_a_new_one(broker, start):
    send(broker, b"1", b"2")
    start()
    broker.delete_topic("in")
    broker.create_topic("in", 1)
    broker.group("svc").offsets.clear()
    send(broker, b"3", b"4", b"5")
    for folder in ("disk", "new"):
        with pytest.raises(StopError, match="kapstan replay"):
            start(folder)
    assert len(broker.records("in-counts")) == 2


def test_a_topic_recreated_while_the_loop_runs_stops_it(broker, tmp_path):
    clock = ManualClock()
    send(broker, b"1")
    one = worker(counting("svc", "in"), broker, tmp_path, clock=clock)
    for _ in range(3):
        one.turn()
    broker.delete_topic("in")
    broker.create_topic("in", 1)
    send(broker, b"2", b"3", b"4")
    clock.sleep(6)
    with pytest.raises(StopError, match="deleted and created again"):
        one.turn()
    vanish(one)
    assert [r.value for r in broker.records("in-counts")] == [b"1=1"]


def test_a_store_of_another_namespace_is_refused(broker, start, tmp_path):
    send(broker, b"1")
    start()
    for name in ("in-counts", "in-dead"):
        broker.create_topic(f"replay.{name}")
    shutil.move(tmp_path / "disk" / "0" / "svc", tmp_path / "disk" / "0" / "replay.svc")
    with pytest.raises(StopError, match="belongs to namespace '', not to 'replay'"):
        start(namespace="replay")


def test_moved_group_offsets_are_refused(broker, start):
    send(broker, b"1", b"2", b"3")
    start()
    broker.group("svc").offsets[TP] = 1
    with pytest.raises(StopError, match="moved the group's offsets"):
        start()


def test_deleted_group_offsets_are_made_good_from_the_state(broker, start):
    send(broker, b"1", b"2")
    start()
    broker.group("svc").offsets.clear()
    send(broker, b"3")
    start()
    broker.group("svc").offsets.clear()
    start("new")
    assert [r.value for r in broker.records("in-counts")] == [b"1=1", b"2=2", b"3=3"]


def test_a_changelog_that_is_gone_is_refused_without_a_disk(broker, start):
    send(broker, b"1")
    start()
    broker.delete_topic("svc.in.changelog")
    with pytest.raises(StopError, match="the changelog holds no state"):
        start("new")


def test_a_changelog_that_was_made_anew_is_refused_with_a_disk(broker, start):
    send(broker, b"1")
    start()
    broker.delete_topic("svc.in.changelog")
    with pytest.raises(StopError, match="changelog id"):
        start()


def test_a_changelog_of_other_partition_count_is_refused(broker, start):
    broker.create_topic("svc.in.changelog", 3)
    with pytest.raises(StopError, match="Partition counts never change"):
        start()


def test_missing_inputs_are_worth_a_restart(broker, start):
    with pytest.raises(RetryableError, match="kapstan topics apply"):
        start(spec=counting("svc", "nowhere"))


def test_an_unknown_output_stops(broker, start):
    send(broker, b"1")
    with pytest.raises(StopError, match="output 'counts'"):
        start(spec=counting("svc", "in", outputs={"other": "in-counts"}))


def test_values_of_a_newer_form_are_refused_and_of_an_older_one_migrated(broker, start):
    send(broker, b"1", b"2")
    start()
    send(broker, b"3")
    with pytest.raises(StopError, match="version 1, this code writes version 2"):
        start(spec=counting("svc", "in", state_version=2))

    def migrate(version, key, value):
        assert (version, key) == (1, b"count/k")
        return b"%d" % (int(value) + 100)

    start(spec=counting("svc", "in", state_version=2, migrate=migrate))
    assert [r.value for r in broker.records("in-counts")] == [b"1=1", b"2=2", b"3=103"]
    send(broker, b"4")
    with pytest.raises(StopError, match="version 2, this code writes version 1"):
        start()


def test_a_zombie_can_commit_nothing(broker, tmp_path):
    clock = ManualClock()
    zombie = worker(counting("svc", "in"), broker, tmp_path / "a", clock=clock)
    for _ in range(3):
        zombie.turn()
    send(broker, b"1")
    successor = worker(counting("svc", "in"), broker, tmp_path / "b", clock=clock)
    with pytest.raises(FencedError):
        zombie.turn()
    for _ in range(4):
        successor.turn()
    assert [r.value for r in broker.records("in-counts")] == [b"1=1"]
    successor.close()


def test_what_is_away_for_a_while_is_waited_for(broker, start):
    send(broker, b"1")
    calls = []

    def step(batch, side, state):
        calls.append(len(batch))
        if len(calls) < 4:
            state.put(b"count/k", b"77")
            raise RetryableError("the registry is away")
        yield from counting("svc", "in").step(batch, side, state)

    one = start(spec=counting("svc", "in", step=step))
    assert calls == [1, 1, 1, 1]
    assert_counted_once([(b"k", b"1")], broker.records("in-counts"))
    assert one._status.phase == "running"
