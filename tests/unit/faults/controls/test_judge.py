from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.controls.judge import Tally, judge_counts, judge_effects, judge_windows, overtaken

SENT = [(b"a", b"v0"), (b"b", b"v1"), (b"a", b"v2"), (b"a", b"v3")]
RIGHT = [(b"a", b"v0=1"), (b"b", b"v1=1"), (b"a", b"v2=2"), (b"a", b"v3=3")]


def test_what_is_there_once_is_exact():
    assert judge_effects(range(5), [3, 1, 0, 2, 4]) == Tally(of=5, lost=0, doubled=0)
    assert judge_effects(range(5), range(5)).exact


def test_of_nothing_nothing_is_shown():
    assert not judge_effects([], []).exact


def test_lost_and_doubled_do_not_make_up_for_each_other():
    assert judge_effects(range(4), [0, 1, 1, 1]) == Tally(of=4, lost=2, doubled=2)


def test_what_nobody_wrote_is_doubled():
    assert judge_effects([1], [1, 9]) == Tally(of=1, lost=0, doubled=1)


@given(st.sets(st.integers()), st.lists(st.integers()))
def test_lost_and_doubled_explain_the_difference(expected, found):
    tally = judge_effects(expected, found)
    assert len(found) == tally.of - tally.lost + tally.doubled


def test_right_counts():
    assert judge_counts(SENT, RIGHT) == Tally(of=4, lost=0, doubled=0, wrong=0, wrong_of=2)


def test_keys_may_come_in_any_order_among_themselves():
    assert judge_counts(SENT, [RIGHT[1], RIGHT[0], *RIGHT[2:]]).exact


def test_an_event_counted_twice_is_doubled_and_its_key_wrong():
    counted = [RIGHT[0], RIGHT[1], RIGHT[2], (b"a", b"v2=3"), (b"a", b"v3=4")]
    assert judge_counts(SENT, counted) == Tally(of=4, lost=0, doubled=1, wrong=1, wrong_of=2)


def test_an_output_written_twice_with_one_count_is_doubled_and_no_wrong_state():
    counted = [RIGHT[0], RIGHT[0], *RIGHT[1:]]
    assert judge_counts(SENT, counted) == Tally(of=4, lost=0, doubled=1, wrong=0, wrong_of=2)


def test_an_event_that_state_has_forgotten_makes_its_key_wrong():
    counted = [RIGHT[0], RIGHT[1], (b"a", b"v2=1"), (b"a", b"v3=2")]
    assert judge_counts(SENT, counted) == Tally(of=4, lost=0, doubled=0, wrong=1, wrong_of=2)


def test_an_output_that_is_missing_is_lost():
    assert judge_counts(SENT, RIGHT[:3]) == Tally(of=4, lost=1, doubled=0, wrong=0, wrong_of=2)


def test_counts_out_of_order_are_wrong():
    assert judge_counts(SENT, [RIGHT[2], RIGHT[0], RIGHT[1], RIGHT[3]]).wrong == 1


def test_what_was_not_read_may_be_missing_but_not_doubled():
    assert judge_counts(SENT, RIGHT[:3], {b"v3"}) == Tally(of=3, lost=0, doubled=0, wrong=0, wrong_of=2)
    assert judge_counts(SENT, RIGHT, {b"v3"}) == Tally(of=4, lost=0, doubled=0, wrong=0, wrong_of=2)
    assert judge_counts(SENT, [*RIGHT, RIGHT[3]], {b"v3"}).doubled == 1


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1), st.data())
def test_one_fault_is_always_found(keys, data):
    sent = [(key, b"v%d" % number) for number, key in enumerate(keys)]
    counts = defaultdict(int)
    right = []
    for key, value in sent:
        counts[key] += 1
        right.append((key, value + b"=%d" % counts[key]))
    assert judge_counts(sent, right).exact
    place = data.draw(st.integers(0, len(sent) - 1))
    key, value = sent[place]
    assert judge_counts(sent, right[:place] + right[place + 1 :]).lost == 1
    assert judge_counts(sent, [*right, right[place]]).doubled == 1
    wrong = [*right[:place], (key, value + b"=0"), *right[place + 1 :]]
    assert judge_counts(sent, wrong) == Tally(len(sent), 0, 0, 1, len(counts))


def test_rows_on_time_and_late_together_are_the_log():
    assert judge_windows({"w1": 5, "w2": 2}, {"w1": 4, "w2": 2}, {"w1": 1}) == Tally(7, 0, 0, 0, 2)


@pytest.mark.parametrize(
    ("on_time", "late", "tally"),
    [
        ({"w1": 4}, {}, Tally(7, lost=3, doubled=0, wrong=2, wrong_of=2)),
        ({"w1": 5, "w2": 2}, {"w1": 1}, Tally(7, lost=0, doubled=1, wrong=1, wrong_of=2)),
        ({"w1": 6, "w2": 1}, {}, Tally(7, lost=1, doubled=1, wrong=2, wrong_of=2)),
        ({"w1": 5, "w2": 2, "w3": 1}, {}, Tally(7, lost=0, doubled=1, wrong=1, wrong_of=2)),
    ],
)
def test_a_window_with_other_rows_than_the_log_is_wrong(on_time, late, tally):
    assert judge_windows({"w1": 5, "w2": 2}, on_time, late) == tally


def test_tallies_add_up():
    assert Tally(1, 2, 3, 4, 5) + Tally(10, 20, 30, 40, 50) == Tally(11, 22, 33, 44, 55)


@pytest.mark.parametrize(
    ("found", "count"), [("abcxyz", 0), ("abx", 0), ("acx", 1), ("cz", 4), ("", 0), ("bxz", 2)]
)
def test_what_a_later_one_has_overtaken_is_told_from_what_may_still_come(found, count):
    assert overtaken(["abc", "xyz"], found) == count
