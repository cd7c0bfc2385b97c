import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.offsets import EMPTY, OffsetSet, repeated

OFFSETS = st.lists(st.integers(0, 60) | st.integers(2**40, 2**40 + 20), max_size=60)


@given(OFFSETS)
def test_a_set_holds_what_it_was_made_of(offsets):
    made = OffsetSet.of(offsets)
    assert list(made) == sorted(set(offsets))
    assert len(made) == len(set(offsets))
    assert bool(made) is bool(offsets)


@given(OFFSETS, OFFSETS)
def test_operations_are_those_of_sets(one, two):
    mine, its = OffsetSet.of(one), OffsetSet.of(two)
    assert list(mine | its) == sorted(set(one) | set(two))
    assert list(mine & its) == sorted(set(one) & set(two))
    assert list(mine - its) == sorted(set(one) - set(two))


@given(OFFSETS, OFFSETS)
def test_equal_sets_have_the_same_ranges_however_they_were_made(one, two):
    union = OffsetSet.of(one) | OffsetSet.of(two)
    assert union == OffsetSet.of(one + two)
    assert hash(union) == hash(OffsetSet.of(one + two))


@given(OFFSETS, st.integers(0, 70))
def test_membership(offsets, asked):
    assert (asked in OffsetSet.of(offsets)) is (asked in offsets)


@given(OFFSETS)
def test_what_occurs_more_than_once_is_found(offsets):
    assert list(repeated(np.array(offsets, np.int64))) == sorted({o for o in offsets if offsets.count(o) > 1})


def test_ten_million_offsets_in_a_row_are_one_range():
    assert OffsetSet.of(np.arange(10_000_000)).ranges == 1


def test_a_span_without_length_is_empty():
    assert OffsetSet.span(5, 5) == EMPTY
    assert list(OffsetSet.span(5, 7)) == [5, 6]


def test_the_ends_of_a_set():
    made = OffsetSet.of([3, 9, 4])
    assert made.first(2) == [3, 4]
    assert made.last == 9
    with pytest.raises(IndexError):
        _ = EMPTY.last


def test_a_set_shows_its_ranges():
    assert repr(OffsetSet.of([1, 2, 7])) == "OffsetSet(1..2, 7..7)"
