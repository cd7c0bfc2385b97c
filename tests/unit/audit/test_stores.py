import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import audit.stores
from audit.offsets import OffsetSet
from audit.stores import Holding, Offsets, Place, compare

PLACE = Place("t", "id", 0)
SOME = st.lists(st.integers(0, 30), max_size=30)


def holding(*offsets):
    return Holding.of(np.array(offsets, np.int64))


def differ(expected, held, within=range(100), **options):
    (found,) = compare(
        "kafka",
        {PLACE: holding(*expected)},
        "bronze",
        {PLACE: holding(*held)},
        {PLACE: Holding(OffsetSet.of(within))},
        **options,
    )
    return found


@given(SOME, SOME)
def test_stores_differ_as_sets_do(expected, held):
    found = differ(expected, held)
    assert found.lost == len(set(expected) - set(held))
    assert found.unexpected == len(set(held) - set(expected))
    assert found.doubled == sum(held.count(offset) > 1 for offset in set(held))
    assert found.agrees is (sorted(held) == sorted(set(expected)))


def test_the_first_differing_records_are_named():
    found = differ([1, 2, 3], [2, 2, 9])
    assert found.examples == ["lost t/0/1", "lost t/0/3", "unexpected t/0/9", "doubled t/0/2"]


def test_no_more_than_a_few_are_named():
    assert differ(range(50), []).examples == [f"lost t/0/{offset}" for offset in range(5)]


def test_only_what_lies_within_is_compared():
    found = differ([1, 5, 9], [5, 20], within=range(4, 8))
    assert found.agrees
    assert (found.expected, found.found) == (1, 1)


def test_a_store_may_hold_more_than_one_knows_of():
    assert differ([1], [1, 2], more_is_fine=True).agrees
    assert not differ([1, 3], [1, 2], more_is_fine=True).agrees


def test_offsets_of_another_topic_id_are_no_substitute():
    other = Place("t", "made again", 0)
    (found,) = compare(
        "kafka", {PLACE: holding(1)}, "bronze", {other: holding(1)}, {PLACE: Holding(OffsetSet.of([1]))}
    )
    assert found.lost == 1


def test_a_topic_is_one_line_over_its_partitions():
    places = [Place("t", "id", partition) for partition in range(3)]
    within = {place: Holding(OffsetSet.of(range(10))) for place in places}
    expected = {place: holding(*range(10)) for place in places}
    (found,) = compare("kafka", expected, "bronze", {places[0]: holding(*range(10))}, within)
    assert (found.expected, found.found, found.lost) == (30, 10, 20)


@given(st.lists(SOME, max_size=20), st.integers(1, 40))
def test_offsets_gather_what_is_added(parts, loose):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit.stores, "_MOST_LOOSE", loose)
        gathered = Offsets()
        for part in parts:
            gathered.add(np.array(part, np.int64))
    flat = [offset for part in parts for offset in part]
    assert gathered.holding() == Holding.of(np.array(flat, np.int64))


def test_offsets_grow_beyond_their_first_room():
    gathered = Offsets()
    for start in range(0, 3_000_000, 100_000):
        gathered.add(np.arange(start, start + 100_000))
    assert gathered.holding().offsets == OffsetSet.span(0, 3_000_000)
    assert gathered._room.size < 3_000_000
