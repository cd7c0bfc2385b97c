"""A sink's replay ends at its bounds, or goes on beyond them until it is stopped."""

from types import SimpleNamespace

import pytest

from streamkit.loop.status import LoopStatus
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan
from streamkit.replay.run import replay_sink
from streamkit.sink import SinkSpec
from streamkit.testing.memory import MemoryBroker
from tests.support.sinks import ListDestination

T0 = TopicPartition("t", 0)
ALL, END = 5, 2


class Stopping(ListDestination):
    """Asks its loop to stop once it holds all records."""

    def __init__(self, status):
        super().__init__()
        self._status = status

    def commit(self, positions):
        super().commit(positions)
        if len(self.committed) == ALL:
            self._status.stop()


@pytest.mark.parametrize(("tails", "kept"), [(False, END), (True, ALL)])
def test_only_a_plan_that_tails_goes_beyond_its_ends(tmp_path, tails, kept):
    broker, status = MemoryBroker(), LoopStatus()
    broker.create_topic("t", 1)
    for _ in range(ALL):
        broker.producer().send("t", b"k", b"v", partition=0)
    topic_id = broker.admin().topics(["t"])["t"].topic_id
    plan = ReplayPlan("s", Positions({T0: 0}), Positions({T0: END}, {"t": topic_id}), tails=tails)
    file = tmp_path / "plan.json"
    file.write_text(plan.to_json())
    settings = SimpleNamespace(
        replay_plan=file, namespace="n", slot="0", state_dir=tmp_path, mode="replay", bootstrap_servers=""
    )
    lake = Stopping(status)
    spec = SinkSpec("s", (), lake, flush_age_ms=10)
    replay_sink(spec, settings, status=status, broker=broker)
    assert [record.offset for record in lake.committed] == list(range(kept))
