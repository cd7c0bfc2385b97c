from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from flink_jobs.windows.starts import Point, Start, begin, goes_on_from, name, starts

TABLES = {"sales": "1", "sales_late": "2"}
HEIRS = [Start("a", None), Start("b", Point("a", 5)), Start("c", Point("b", 2))]


def test_a_submission_is_known_before_its_job_is(tmp_path):
    assert starts(tmp_path, "sales") == []
    begin(tmp_path, "sales", None, TABLES)
    assert starts(tmp_path, "sales") == [Start(None, None, TABLES)]
    name(tmp_path, "sales", "a")
    begin(tmp_path, "sales", Path("/checkpoints/sales/a/chk-5"), TABLES)
    assert starts(tmp_path, "sales") == [Start("a", None, TABLES), Start(None, Point("a", 5), TABLES)]
    assert starts(tmp_path, "clicks") == []


def test_an_heir_holds_what_was_committed_up_to_where_it_took_over():
    assert goes_on_from(Point("c", 1), Point("a", 5), HEIRS)
    assert goes_on_from(Point("c", 1), Point("b", 2), HEIRS)
    assert not goes_on_from(Point("c", 1), Point("b", 3), HEIRS)
    assert not goes_on_from(Point("c", 1), Point("a", 6), HEIRS)


def test_an_ancestor_does_not_hold_what_its_heir_committed():
    assert not goes_on_from(Point("a", 9), Point("b", 1), HEIRS)


def test_a_job_of_which_nothing_is_known_goes_on_from_nothing():
    assert not goes_on_from(Point("x", 9), Point("a", 1), HEIRS)
    assert not goes_on_from(Point("x", 9), Point("a", 1), [])


def test_a_job_that_was_never_named_may_be_any_of_those():
    once = [Start("a", None), Start(None, Point("a", 5))]
    assert goes_on_from(Point("x", 1), Point("a", 5), once)
    assert not goes_on_from(Point("x", 1), Point("a", 5), [*once, Start(None, Point("a", 4))])
    assert not goes_on_from(Point("x", 1), Point("a", 5), [Start(None, None)])
    # What it went on from may itself be unknown: only submissions before it count then.
    assert not goes_on_from(Point("x", 1), Point("a", 5), [Start(None, Point("y", 1))])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_along_a_chain_all_that_was_committed_before_each_take_over_is_held(numbers, data):
    chain = [Start("0", None)] + [Start(str(at + 1), Point(str(at), n)) for at, n in enumerate(numbers)]
    at = data.draw(st.integers(0, len(numbers) - 1))
    committed = data.draw(st.integers(1, 12))
    assert goes_on_from(Point(str(len(numbers)), 1), Point(str(at), committed), chain) == (
        committed <= numbers[at]
    )
