"""Changes of the bank's rows against what their topics hold."""

import pytest

from tests.faults.changes import Change, compare, compare_rows, left
from tests.faults.judge import Found


def row(version, key="c1"):
    return {"customer_id": key, "segment": f"s{version}"}


CREATED = Change("customers", "c", None, row(1))
RENEWED = Change("customers", "u", row(1), row(2))
AGAIN = Change("customers", "u", row(2), row(1))
GONE = Change("customers", "d", row(2), None)
OTHER = Change("customers", "c", None, row(1, "c2"))
COMMITTED = [CREATED, OTHER, RENEWED, GONE]


def figures(committed, sent):
    found = Found()
    compare(committed, sent, found)
    return found.lost, found.doubled, found.reordered


def test_each_change_once_in_the_order_of_its_row_is_right():
    assert figures(COMMITTED, COMMITTED) == (0, 0, 0)
    assert figures(COMMITTED, [OTHER, CREATED, RENEWED, GONE]) == (0, 0, 0), "rows have no order"


def test_what_a_snapshot_brought_is_a_creation():
    assert figures(COMMITTED, [CREATED._replace(op="r"), OTHER, RENEWED, GONE]) == (0, 0, 0)


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_change_is_lost(missing):
    assert figures(COMMITTED, COMMITTED[:missing] + COMMITTED[missing + 1 :]) == (1, 0, 0)


@pytest.mark.parametrize("repeated", range(4))
def test_a_repeated_change_is_doubled(repeated):
    assert figures(COMMITTED, [*COMMITTED, COMMITTED[repeated]]) == (0, 1, 0)


def test_a_change_that_nobody_committed_is_doubled():
    assert figures([CREATED], [CREATED, RENEWED]) == (0, 1, 0)


def test_changes_in_another_order_are_seen():
    assert figures([CREATED, RENEWED, AGAIN], [CREATED, AGAIN, RENEWED]) == (0, 0, 1)


def test_a_change_with_another_content_is_both():
    assert figures([CREATED], [CREATED._replace(after=row(9))]) == (1, 1, 0)


def test_the_rows_that_remain_are_those_of_the_last_change():
    assert left(COMMITTED) == {("customers", "c2"): row(1, "c2")}
    found = Found()
    compare_rows([("customers", row(1, "c2"))], COMMITTED, found)
    assert found.wrong_state == 0


@pytest.mark.parametrize("held", [[], [("customers", row(3, "c2"))], [("customers", row(1, "c3"))]])
def test_a_row_that_the_topics_do_not_lead_to_is_wrong(held):
    found = Found()
    compare_rows(held, [OTHER], found)
    assert found.wrong_state >= 1
    assert "wrong row customers/c2" in found.examples[0]
