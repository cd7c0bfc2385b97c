import pytest

from replay.errors import ReplayRefusedError
from replay.seam import check_kept, seam_of
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.replay.plan import ReplayPlan

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
ENDS = Positions({A: 10, B: 20}, {"t": "id"})


class Kafka:
    """What Kafka says of where the topic begins."""

    def __init__(self, starts):
        self._starts = starts

    def start_offsets(self, partitions):
        return Positions({tp: self._starts.get(tp, 0) for tp in partitions})


class Bronze:
    """A past that has come so far."""

    def __init__(self, reaches):
        self._reaches = reaches

    def reaches(self, topic, topic_id):
        return self._reaches if (topic, topic_id) == ("t", "id") else {}


def seam(starts, reaches):
    return seam_of(ENDS, Kafka(starts), Bronze(reaches))


def test_kafka_alone_is_read_while_it_has_all():
    assert seam({}, {0: 9, 1: 9}) == Positions()


def test_bronze_is_read_as_far_as_it_goes_and_no_further_than_the_end():
    assert seam({A: 3}, {0: 8, 1: 99}) == Positions({A: 8, B: 20})


def test_what_bronze_does_not_hold_is_kafkas():
    assert seam({A: 3}, {0: 8}) == Positions({A: 8, B: 0})


@pytest.mark.parametrize(
    ("starts", "seam"), [({}, {}), ({A: 8}, {A: 8, B: 0}), ({A: 8, B: 25}, {A: 8, B: 20}), ({A: 2}, {A: 8})]
)
def test_what_lies_before_the_seam_kafka_may_delete(starts, seam):
    check_kept(ReplayPlan("w", Positions(), ENDS, seam=Positions(seam)), Kafka(starts))


@pytest.mark.parametrize(("starts", "seam"), [({A: 1}, {}), ({A: 9}, {A: 8, B: 20}), ({B: 1}, {A: 8})])
def test_what_lies_behind_it_has_to_be_there(starts, seam):
    with pytest.raises(ReplayRefusedError, match="Kafka has deleted records of t that the replay reads"):
        check_kept(ReplayPlan("w", Positions(), ENDS, seam=Positions(seam)), Kafka(starts))
