import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audit.digests import BLOCK, Block, Digests
from audit.stores import Place

PLACE = Place("t", "id", 0)
RECORDS = st.dictionaries(st.integers(0, 4 * BLOCK), st.integers(0, 2**64 - 1), max_size=30)


def digests(records, order=None, at_once=7):
    made, given = Digests(), list(records.items())
    if order is not None:
        order.shuffle(given)
    for start in range(0, len(given), at_once):
        offsets, contents = zip(*given[start : start + at_once], strict=True)
        made.add(PLACE, np.array(offsets, np.int64), np.array(contents, np.uint64))
    return made


@given(RECORDS, st.randoms(use_true_random=False))
def test_records_say_the_same_in_any_order(records, order):
    assert list(digests(records).differing(digests(records, order, 5))) == []


@given(RECORDS.filter(bool), st.data())
def test_the_block_of_a_record_that_says_something_else_differs(records, data):
    offset = data.draw(st.sampled_from(sorted(records)))
    changed = {**records, offset: records[offset] ^ 1}
    block = Block(PLACE, offset // BLOCK * BLOCK)
    assert list(digests(records).differing(digests(changed))) == [block]
    del changed[offset]
    assert list(digests(records).differing(digests(changed))) == [block]


def test_two_records_whose_contents_are_exchanged_differ():
    one, other = digests({1: 10, 2: 20}), digests({1: 20, 2: 10})
    assert list(one.differing(other)) == [Block(PLACE, 0)]


def test_partitions_are_told_apart():
    one, other = Digests(), Digests()
    offsets, contents = np.array([1]), np.array([5], np.uint64)
    one.add(PLACE, offsets, contents)
    other.add(Place("t", "id", 1), offsets, contents)
    assert [block.place.partition for block in one.differing(other)] == [0, 1]


def test_a_digest_is_small():
    made = Digests()
    made.add(PLACE, np.arange(100 * BLOCK), np.zeros(100 * BLOCK, np.uint64))
    assert len(made) == 100
