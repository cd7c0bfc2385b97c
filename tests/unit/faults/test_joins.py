"""Joins as of the positions that an output names."""

import pytest

from tests.faults.changes import Change
from tests.faults.joins import Joins
from tests.faults.judge import At, Found, Seen

OLD = {"customer_id": "c1", "segment": "s1", "credit_limit_minor": 1}
NEW = {"customer_id": "c1", "segment": "s2", "credit_limit_minor": 2}
TOPIC = "cdc.bank.customers-0"


@pytest.fixture
def joins():
    made = Joins()
    made.change(3, Change("customers", "c", None, OLD))
    made.change(5, Change("customers", "u", OLD, NEW))
    made.change(8, Change("customers", "d", NEW, None))
    return made


def enriched(position, status, offset, row):
    """An output as the enricher writes it; nothing is known of its card and terminal."""
    joined = [{"name": "customers", "status": status, "offset": offset}]
    joined += [{"name": name, "status": "MISSING", "offset": None} for name in ("cards", "terminals")]
    columns = None if row is None else {name: row[name] for name in ("segment", "credit_limit_minor")}
    value = {
        "customer_id": "c1",
        "card_id": "k1",
        "terminal_id": "t1",
        "customer": columns,
        "card": None,
        "terminal": None,
        "joins": joined,
        "side_positions": {TOPIC: position},
    }
    return Seen(At(0, 0), At(0, 0), 0, value)


def wrong(joins, *output):
    found = Found()
    joins.check(enriched(*output), found)
    return found.wrong_state


@pytest.mark.parametrize(
    "output",
    [
        (0, "MISSING", None, None),
        (3, "MISSING", None, None),
        (4, "MATCHED", 3, OLD),
        (5, "MATCHED", 3, OLD),
        (6, "MATCHED", 5, NEW),
        (9, "STALE", 8, NEW),
    ],
)
def test_the_row_in_force_at_the_position_is_right(joins, output):
    assert wrong(joins, *output) == 0


@pytest.mark.parametrize(
    "output",
    [
        (6, "MATCHED", 3, OLD),
        (6, "MATCHED", 5, OLD),
        (6, "MATCHED", 3, NEW),
        (6, "STALE", 5, NEW),
        (6, "MISSING", None, None),
        (6, "MATCHED", 5, None),
        (0, "MATCHED", 5, NEW),
    ],
)
def test_another_row_is_wrong(joins, output):
    assert wrong(joins, *output) == 1


def test_a_join_that_is_not_told_is_wrong(joins):
    seen = enriched(6, "MATCHED", 5, NEW)
    seen.value["joins"].pop()
    found = Found()
    joins.check(seen, found)
    assert found.wrong_state == 1
    assert "terminals" in found.examples[0]
