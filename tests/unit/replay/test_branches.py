"""What a replay that may be promoted has in live's tables, and that dropping takes no more than that."""

import pytest

from replay.branches import Branches, branch_rows
from replay.errors import ReplayRefusedError
from replay.holdings import drop, holdings
from replay.kept import Kept, Replay
from replay.targets import Target
from services.lake_sink.lines import Standing
from services.lake_sink.tables import Tables
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from tests.unit.services.lake_sink.conftest import Lake, record

PLAN = ReplayPlan("lake_sink", Positions(), Positions())
T0 = TopicPartition("t", 0)


def made(*topics):
    return Replay("one", Target("lake_sink", "lake", topics), PLAN, made_ms=1, promotable=True)


@pytest.fixture
def catalog(tmp_path):
    lake = Lake(tmp_path)
    live = lake.writer()
    live.open([T0])
    live.write([record(0)])
    live.commit(Positions({T0: 1}))
    return lake.catalog


def test_a_branch_is_made_of_each_table_that_has_rows(catalog):
    branches = Branches(made("t"), catalog, ManualClock())
    assert branches.standings() == {"t": Standing.GONE}
    branches.begin()
    assert branches.standings() == {"t": Standing.NOT_PROMOTED}
    assert branch_rows(made("t", "u"), catalog) == {"bronze.t@replay-one": 0}
    other = Branches(made("u"), catalog, ManualClock())
    for prepare in (lambda: None, lambda: Tables(catalog, "bronze").make("u")):
        prepare()
        with pytest.raises(ReplayRefusedError, match="no rows of u"):
            other.begin()


def test_dropping_leaves_live_and_other_replays_alone(catalog, tmp_path):
    kept, admin, replay = Kept(tmp_path / "kept"), MemoryBroker().admin(), made("t", "u")
    kept.keep(replay)
    Branches(made("t"), catalog, ManualClock()).begin()
    assert holdings(replay, kept, admin, catalog).tables == {"bronze.t@replay-one": 0}
    drop(replay, kept, admin, catalog, ManualClock())
    assert catalog.load_table(("bronze", "t")).metadata.refs.keys() == {"main"}
    assert "one" not in kept
