import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.errors import StopError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

places = st.builds(TopicPartition, st.sampled_from(["a", "b", "c.v1"]), st.integers(0, 3))
vectors = st.builds(
    Positions,
    st.dictionaries(places, st.integers(0, 50)),
    st.just({"a": "id-a", "b": "id-b", "c.v1": "id-c"}),
)


def record(topic, partition, offset):
    return Record(topic, partition, offset, 0, None, None)


@given(vectors)
def test_json_brings_back_the_same(positions):
    assert Positions.from_json(positions.to_json()) == positions


@given(vectors, vectors)
def test_a_merge_covers_both_and_nothing_smaller_does(one, other):
    merged = one.merge(other)
    assert merged == other.merge(one)
    assert merged.covers(one)
    assert merged.covers(other)
    for tp, offset in merged.items():
        assert offset in (one.get(tp), other.get(tp))


@given(vectors, vectors, vectors)
def test_merging_is_associative_and_idempotent(one, two, three):
    assert one.merge(two).merge(three) == one.merge(two.merge(three))
    assert one.merge(one) == one


@given(vectors, vectors)
def test_covering_is_an_order(one, other):
    assert one.covers(one)
    if one.covers(other) and other.covers(one):
        same = {tp: offset for tp, offset in one.items() if offset}
        assert same == {tp: offset for tp, offset in other.items() if offset}


@given(vectors, st.lists(st.tuples(places, st.integers(0, 100)), max_size=20))
def test_advancing_never_goes_back_and_stands_behind_the_farthest_record(start, reads):
    positions = start
    for (topic, partition), offset in reads:
        after = positions.advance(record(topic, partition, offset))
        assert after.covers(positions)
        positions = after
    for tp, offset in positions.items():
        assert offset == max([start.get(tp, 0), *(o + 1 for place, o in reads if place == tp)])


def test_a_next_offset_may_lie_beyond_the_last_record():
    tp = TopicPartition("t", 0)
    assert Positions().advance(record("t", 0, 4)).moved(tp, 6)[tp] == 6


def test_an_absent_partition_stands_at_zero():
    assert Positions().covers(Positions.of({("t", 0): 0}))
    assert not Positions().covers(Positions.of({("t", 0): 1}))


@pytest.mark.parametrize("ask", ["merge", "covers"])
def test_a_recreated_topic_is_refused(ask):
    old, new = Positions.of({("t", 0): 5}, {"t": "old"}), Positions.of({("t", 0): 1}, {"t": "new"})
    with pytest.raises(StopError, match="kapstan replay"):
        getattr(old, ask)(new)


def test_only_keeps_the_ids_of_what_it_keeps():
    both = Positions.of({("a", 0): 1, ("b", 0): 2}, {"a": "x", "b": "y"})
    assert both.only([TopicPartition("a", 0), TopicPartition("c", 0)]) == Positions.of(
        {("a", 0): 1}, {"a": "x"}
    )


@pytest.mark.parametrize("text", ["", "[]", '{"t": 5}', '{"t": {"id": "x"}}', '{"t": {"next": {"a": 1}}}'])
def test_other_text_is_not_positions(text):
    with pytest.raises(ValueError, match="not positions"):
        Positions.from_json(text)


def test_the_text_is_stable():
    one = Positions.of({("b", 1): 2, ("a", 10): 1, ("a", 9): 3}, {"a": "x"})
    assert one.to_json() == '{"a":{"id":"x","next":{"9":3,"10":1}},"b":{"id":null,"next":{"1":2}}}'
