"""What a replay holds, and that dropping it takes all of that and nothing else."""

import pytest

from replay.errors import ReplayRefusedError
from replay.holdings import drop, holdings
from replay.kept import Kept, Replay
from replay.targets import Target
from streamkit.broker import Member
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker

A = TopicPartition("in", 0)


class Catalog:
    """What is asked of the lake's catalog."""

    def __init__(self, tables):
        self.tables = {name: {"t"} for name in tables}

    def list_tables(self, database):
        return [(database, table) for table in sorted(self.tables.get(database, ()))]

    def load_table(self, name):
        return self

    def current_snapshot(self):
        return None

    def purge_table(self, name):
        self.tables[name[0]].remove(name[1])

    def namespace_exists(self, database):
        return database in self.tables

    def drop_namespace(self, database):
        assert not self.tables.pop(database)


@pytest.fixture
def stage(tmp_path):
    class Stage:
        broker, clock = MemoryBroker(), ManualClock()
        kept = Kept(tmp_path / "replay")

    plan = ReplayPlan("enricher", Positions(), Positions({A: 3}, {"in": "id"}), ("out",))
    for name in ("one", "one-more"):
        Stage.kept.keep(Replay(name, Target("enricher", "transform", ("in",), ("out",)), plan, made_ms=1))
        (Stage.kept.folder(name) / "state").mkdir()
    for topic in ("out", "one.out", "one.enricher.in.changelog", "one-more.out", "onex"):
        Stage.broker.create_topic(topic, 2)
        Stage.broker.producer().send(topic, b"k", b"v", partition=1)
    for group in ("enricher", "one.enricher", "one-more.enricher"):
        Stage.broker.group(group).offsets[A] = 2
    return Stage


def test_it_is_told_from_its_neighbours(stage):
    held = holdings(stage.kept.find("one"), stage.kept, stage.broker.admin(), None)
    assert held.topics == {"one.enricher.in.changelog": 1, "one.out": 1}
    assert (held.groups, held.tables, held.local_bytes > 100) == (["one.enricher"], None, True)


def test_dropping_takes_all_of_it_and_nothing_else(stage):
    admin, lake = stage.broker.admin(), Catalog(["bronze", "one_bronze", "one_more_gold"])
    drop(stage.kept.find("one"), stage.kept, admin, lake, stage.clock)
    assert sorted(admin.topics()) == ["one-more.out", "onex", "out"]
    assert admin.groups() == ["enricher", "one-more.enricher"]
    assert sorted(lake.tables) == ["bronze", "one_more_gold"]
    assert [each.namespace for each in stage.kept] == ["one-more"]
    assert not stage.kept.folder("one").exists()


def test_one_that_still_runs_is_left_alone(stage):
    replay, admin = stage.kept.find("one"), stage.broker.admin()
    with stage.kept.running("one"):
        assert stage.kept.runs("one")
        with pytest.raises(ReplayRefusedError, match="another command works on the replay one"):
            drop(replay, stage.kept, admin, None, stage.clock)
    assert not stage.kept.runs("one")
    # Its process lives on without the command that started it.
    consumer = stage.broker.consumer(Member("one.enricher", "slot"))
    with pytest.raises(ReplayRefusedError, match=r"one\.enricher has members"):
        drop(replay, stage.kept, admin, None, stage.clock)
    assert "one.out" in admin.topics()
    consumer.close()
    stage.broker.expire("one.enricher", "slot")
    drop(replay, stage.kept, admin, None, stage.clock)
    assert "one" not in stage.kept


def test_what_no_replay_made_is_refused(stage):
    with pytest.raises(ReplayRefusedError, match="there is no replay onex"):
        stage.kept.find("onex")
