import pytest

from replay.bounds import Bound, parse_bound, positions_of
from replay.errors import ReplayRefusedError
from streamkit.positions import Positions
from streamkit.records import TopicPartition

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
NOON_MS = 1_769_860_800_000


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("500", Bound(offset=500)),
        ("1:480,0:500", Bound(offsets=((0, 500), (1, 480)))),
        ("2026-01-31T12:00", Bound(time_ms=NOON_MS)),
        ("2026-01-31T13:00+01:00", Bound(time_ms=NOON_MS)),
        ("2026-01-31", Bound(time_ms=NOON_MS - 12 * 3_600_000)),
    ],
)
def test_a_bound_is_an_offset_offsets_or_a_time(text, bound):
    assert parse_bound(text) == bound


@pytest.mark.parametrize("text", ["", "-1", "0:-5", "a:b", "yesterday", "0:1:2"])
def test_anything_else_is_refused_with_what_there_could_be(text):
    with pytest.raises(ReplayRefusedError, match="Give an offset"):
        parse_bound(text)


def test_a_bound_becomes_positions():
    otherwise = Positions({A: 7, B: 8})

    def at(time_ms):
        return Positions({A: time_ms, B: 2, TopicPartition("other", 0): 9})

    assert positions_of(Bound(offset=5), [A, B], at, otherwise) == Positions({A: 5, B: 5})
    assert positions_of(Bound(offsets=((1, 3),)), [A, B], at, otherwise) == Positions({A: 7, B: 3})
    assert positions_of(Bound(time_ms=4), [A, B], at, otherwise) == Positions({A: 4, B: 2})
    with pytest.raises(ReplayRefusedError, match="no topic here has partition 2"):
        positions_of(Bound(offsets=((2, 3),)), [A, B], at, otherwise)
