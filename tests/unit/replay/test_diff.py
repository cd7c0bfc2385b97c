from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from replay.diff import diff
from replay.entries import Among, Gathering, Place, canonical, hashed

RECORDS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 2)), max_size=25
)  # (id, content, partition)


def entries(records):
    gathering = Gathering()
    half = len(records) // 2
    placed = [(i * 2**60 + i, c, Place(p, at)) for at, (i, c, p) in enumerate(records)]
    gathering.take(placed[:half])
    gathering.take(placed[half:])
    return gathering.entries()


def by_id(records):
    """Contents by id, each id's in the order of partition and offset."""
    found = defaultdict(list)
    for _, _, identity, content in sorted((p, at, i, c) for at, (i, c, p) in enumerate(records)):
        found[identity].append(content)
    return found


@given(RECORDS, RECORDS)
def test_it_is_what_a_list_for_each_id_comes_to(live, replayed):
    found = diff(entries(live), entries(replayed))
    one, other = by_id(live), by_id(replayed)
    pairs = [pair for i in one for pair in zip(one[i], other[i], strict=False)]
    assert found.equal == sum(a == b for a, b in pairs)
    assert found.differing[0].size == found.differing[1].size == sum(a != b for a, b in pairs)
    assert found.missing.size == sum(max(0, len(one[i]) - len(other[i])) for i in one)
    assert found.extra.size == sum(max(0, len(other[i]) - len(one[i])) for i in other)
    for row, other_row in zip(*(rows.tolist() for rows in found.differing), strict=True):
        assert live[row][0] == replayed[other_row][0]
        assert live[row][1] != replayed[other_row][1]
    ids = Counter(live[row][0] for row in found.missing.tolist())
    assert ids == {i: len(one[i]) - len(other[i]) for i in one if len(one[i]) > len(other[i])}


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.integers(0, 2**64 - 1))
def test_among_is_a_set(hashes, other):
    among = Among(hashes)
    assert all(each in among for each in hashes)
    assert (other in among) == (other in hashes)
    assert len(among) == len(set(hashes))


def test_hashes_keep_parts_apart_and_fields_in_any_order_are_the_same():
    assert hashed(b"ab", b"c") != hashed(b"a", b"bc")
    assert canonical({"a": 1, "b": b"\x01"}) == canonical({"b": b"\x01", "a": 1})
    assert canonical({"a": 1.0}) != canonical({"a": 1.5})
