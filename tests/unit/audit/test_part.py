import pytest

from audit.part import WHOLE, Part, part_of
from replay.bounds import Bound
from replay.errors import ReplayRefusedError
from streamkit.positions import Positions
from streamkit.records import TopicPartition

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
STARTS, ENDS = Positions({A: 10, B: 0}), Positions({A: 50, B: 40})


def span(part):
    found = part.span(STARTS, ENDS, lambda time_ms: Positions({A: time_ms, B: time_ms + 1}))
    return [(found.starts[tp], found.ends[tp]) for tp in (A, B)]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (WHOLE, [(10, 50), (0, 40)]),
        (Part(begin=Bound(offset=20)), [(20, 50), (20, 40)]),
        (Part(begin=Bound(offset=5), end=Bound(offset=45)), [(10, 45), (5, 40)]),
        (Part(begin=Bound(offsets=((1, 7),)), end=Bound(offsets=((0, 12),))), [(10, 12), (7, 40)]),
        (Part(begin=Bound(time_ms=15), end=Bound(time_ms=30)), [(15, 30), (16, 31)]),
        (Part(begin=Bound(time_ms=90)), [(50, 50), (40, 40)]),
        (Part(begin=Bound(offset=5), after={A: 48}), [(48, 50), (5, 40)]),
        (Part(after={A: 3, B: 40}), [(10, 50), (40, 40)]),
    ],
    ids=["whole", "from", "both", "by partition", "times", "later", "one known", "deleted meanwhile"],
)
def test_a_part_lies_inside_what_there_is(part, expected):
    assert span(part) == expected


def test_a_part_is_told_from_the_whole():
    assert WHOLE.whole
    assert not Part(after={A: 1}).whole
    assert not Part(end=Bound(offset=1)).whole


def test_offsets_of_one_topic_are_times_in_the_others():
    part = part_of("0:5", "2026-01-31", "t")
    assert part.by_offset
    assert part.elsewhere(100, 200) == Part(begin=Bound(time_ms=100), end=part.end)
    assert part_of(None, "9", "t").elsewhere(100, 200) == Part(end=Bound(time_ms=201))


def test_an_offset_needs_its_topic():
    with pytest.raises(ReplayRefusedError, match="--topic"):
        part_of("5", None, None)
    assert not part_of("2026-01-31T12:00", None, None).by_offset
    assert part_of(None, None, None) == WHOLE
