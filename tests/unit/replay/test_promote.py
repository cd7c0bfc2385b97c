"""Whether the log has a record between where a replay stands and where live does."""

import pytest

from replay.promote import log_holds
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker
from streamkit.topics_apply import Platform

T0 = TopicPartition("t", 0)


@pytest.fixture
def broker():
    """A topic with a record at offset 0, its marker at 1, an aborted record at 2 and that marker at 3."""
    made = MemoryBroker()
    made.create_topic("t", 1)
    producer = made.transactional_producer("p")
    producer.init()
    for end in (producer.commit, producer.abort):
        producer.begin()
        producer.send("t", b"k", b"v", partition=0)
        end()
    return made


@pytest.mark.parametrize(
    ("gap", "holds"), [((0, 1), True), ((0, 4), True), ((1, 2), False), ((1, 4), False)], ids=str
)
def test_markers_and_aborted_records_are_none(broker, gap, holds):
    platform = Platform(broker, broker.admin(), None, ManualClock())
    assert log_holds(platform, {T0: gap}) is holds


def test_what_was_deleted_may_have_been_one(broker):
    broker.delete_before(T0, 3)
    assert log_holds(Platform(broker, broker.admin(), None, ManualClock()), {T0: (1, 4)})
