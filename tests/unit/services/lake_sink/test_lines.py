import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.lake_sink.lines import Change, Line, Lines, Standing, gaps, promotion, rolling_back, standing
from streamkit.errors import StopError
from streamkit.positions import Positions
from streamkit.records import TopicPartition

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)


def at(*offsets, topic_id="id"):
    return Positions.of({("t", p): offset for p, offset in enumerate(offsets)}, {"t": topic_id})


def lines(main=None, replay=None, before=None, later=()):
    named = [Line(n, each) if each is not None else None for n, each in enumerate((main, replay, before), 1)]
    return Lines(*named, later=later)


def nothing(_gaps):
    return False


def something(_gaps):
    return True


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (lines(at(5), at(5)), Standing.NOT_PROMOTED),
        (lines(at(5), None, at(3)), Standing.PROMOTED),
        (lines(at(5)), Standing.GONE),
        (lines(), Standing.GONE),
    ],
)
def test_names_tell_how_a_replay_stands(held, expected):
    assert standing(held) is expected
    if expected is not Standing.PROMOTED:
        assert rolling_back("r", held) is expected
    if expected is not Standing.NOT_PROMOTED:
        assert promotion("r", held, nothing) is expected


def test_a_promotion_asserts_all_three_names_and_keeps_what_main_was():
    change = promotion("r", lines(at(5, 5), at(5, 6)), something)
    assert change == Change(
        asserts={"main": 1, "replay-r": 2, "before-r": None},
        parent=2,
        positions=at(5, 6),
        keeps="before-r",
        tagged=True,
        drops="replay-r",
    )


def test_a_rollback_stands_where_main_stood_and_makes_the_promoted_line_the_replays():
    change = rolling_back("r", lines(at(9), None, at(5)))
    assert change == Change(
        asserts={"main": 1, "replay-r": None, "before-r": 3},
        parent=3,
        positions=at(5),
        keeps="replay-r",
        tagged=False,
        drops="before-r",
    )


def test_a_rollback_waits_for_that_of_a_later_promotion():
    assert rolling_back("r", lines(at(9), None, at(5), later=("before-s",))) is Standing.LATER


def test_main_without_rows_is_not_replaced():
    assert promotion("r", lines(None, at(5)), nothing) is Standing.EMPTY


def test_markers_behind_the_last_record_are_no_reason_to_wait():
    held, asked = lines(at(7, 4), at(6, 5)), []
    change = promotion("r", held, lambda gaps: asked.append(gaps) is not None)
    assert asked == [{P0: (6, 7)}]
    assert change.positions == at(7, 5)
    assert promotion("r", held, something) is Standing.BEHIND


def test_lines_of_two_topics_of_one_name_are_not_compared():
    with pytest.raises(StopError, match="deleted and created again"):
        promotion("r", lines(at(5), at(9, topic_id="other")), nothing)


VECTORS = st.dictionaries(st.tuples(st.just("t"), st.integers(0, 3)), st.integers(0, 5), max_size=4).map(
    Positions.of
)


@given(VECTORS, VECTORS)
def test_a_line_without_gaps_covers_the_other_and_closing_them_makes_it_so(reached, wanted):
    missing = gaps(reached, wanted)
    assert (not missing) is reached.covers(wanted)
    for tp, (start, end) in missing.items():
        assert reached.get(tp, 0) == start < end == wanted[tp]
        reached = reached.moved(tp, end)
    assert reached.covers(wanted)


@given(VECTORS, VECTORS, st.booleans())
def test_main_never_moves_back_by_a_promotion(main, replay, records):
    change = promotion("r", lines(main, replay), lambda _: records)
    if isinstance(change, Change):
        assert change.positions.covers(main)
        assert change.positions.covers(replay)
        assert not records or replay.covers(main)
    else:
        assert change is Standing.BEHIND
        assert records
        assert not replay.covers(main)
