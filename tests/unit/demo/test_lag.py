from demo.lag import behind
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.testing.clients import MemoryAdmin
from streamkit.testing.memory import MemoryBroker

TPS = [TopicPartition("t", partition) for partition in range(3)]


class Admin(MemoryAdmin):
    """Of a topic whose partitions begin at 10: what lay before was deleted by age."""

    def start_offsets(self, partitions):
        return Positions(dict.fromkeys(partitions, 10))


def test_a_group_that_has_committed_nothing_has_all_before_it():
    broker = MemoryBroker()
    broker.create_topic("t", 3)
    admin, ends = Admin(broker), dict(zip(TPS, (100, 30, 10), strict=True))
    assert behind(admin, "g", TPS, ends) == 90 + 20 + 0
    broker.group("g").offsets[TPS[0]] = 95
    assert behind(admin, "g", TPS, ends) == 5 + 20 + 0
    broker.group("g").offsets.update({TPS[1]: 30, TPS[2]: 12})
    assert behind(admin, "g", TPS, ends) == 5


def test_without_partitions_there_is_nothing_to_be_behind_of():
    assert behind(Admin(MemoryBroker()), "g", [], {}) == 0
