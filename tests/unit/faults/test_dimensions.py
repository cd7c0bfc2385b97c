"""What the bank is told to hold."""

import random
from itertools import islice

from tests.faults.dimensions import TABLES, first_rows, row, transactions
from tests.faults.load import CUSTOMERS, TERMINALS


def test_there_is_a_row_for_each_key_of_the_load():
    held = {(write.table.name, write.key) for write in first_rows()}
    assert len(held) == 2 * CUSTOMERS + TERMINALS
    assert {("customers", "c000000"), ("cards", "k000039"), ("terminals", "t000019")} <= held


def test_a_version_can_be_told_from_another():
    for table in TABLES:
        assert row(table, 3, 1) != row(table, 3, 2)
        assert row(table, 3, 1)[table.key] == table.key_of(3)


def test_there_is_something_of_everything():
    drawn = list(islice(transactions(random.Random(1), 1), 500))
    writes = [write for each in drawn for write in each.writes]
    assert {write.table.name for write in writes} == {table.name for table in TABLES}
    assert {write.row is None for write in writes} == {True, False}
    assert {len(each.writes) for each in drawn} == {1, 3}
    assert {each.kept for each in drawn} == {True, False}


def test_the_same_chance_makes_the_same_changes():
    first, second = (list(islice(transactions(random.Random(7), 1), 50)) for _ in range(2))
    assert first == second
