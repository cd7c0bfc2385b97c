from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audit.effects import Events, event_hash, match

IDS = st.lists(st.integers(0, 20), max_size=30)


def events(ids, partition=0):
    hashes = np.array([event_hash(b"default", b"%d" % each) for each in ids], np.uint64)
    return Events(hashes, np.full(len(ids), partition, np.int32), np.arange(len(ids), dtype=np.int64))


def refused(ids):
    return events(ids).hashes


@given(IDS, IDS, IDS)
def test_each_event_is_lost_refused_or_has_effects(sent, effects, dead):
    found = match("raw", events(sent), "effect", events(effects), refused(dead))
    assert found.events == len(set(sent))
    assert found.repeats == len(sent) - len(set(sent))
    assert found.lost == len(set(sent) - set(effects) - set(dead))
    assert found.refused == len((set(sent) & set(dead)) - set(effects))
    assert found.doubled == sum(count - 1 for count in Counter(effects).values())


def test_a_repeat_is_no_fault_but_a_second_effect_is():
    assert match("raw", events([1, 1, 2]), "effect", events([1, 2]), refused([])).agrees
    assert not match("raw", events([1, 2]), "effect", events([1, 2, 2]), refused([])).agrees


def test_what_is_lost_or_doubled_is_named():
    found = match("raw", events([1, 2, 3, 2]), "effect", events([1, 3, 3], partition=2), refused([]))
    assert found.examples == [
        "no effect of raw/0/1",
        "one of several effects: effect/2/1",
        "one of several effects: effect/2/2",
    ]


def test_tenants_do_not_share_event_ids():
    assert event_hash(b"a", b"1") != event_hash(b"b", b"1")
    assert event_hash(b"ab", b"c") != event_hash(b"a", b"bc")
