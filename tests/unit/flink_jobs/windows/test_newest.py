"""The view of docs/lake.md that picks the newest row of a window, run by an SQL engine that is at hand."""

import re
import sqlite3

import pytest

from tests.support.catalogues import SCHEMAS

FIELDS = "tenant, category, window_start, window_end, decisions, declines, fraud_rate"


@pytest.fixture
def lake():
    with sqlite3.connect(":memory:") as lake:
        lake.execute("ATTACH ':memory:' AS gold")
        lake.execute(f"CREATE TABLE gold.fraud_rate ({FIELDS})")
        lake.execute(f"CREATE TABLE gold.fraud_rate_provisional ({FIELDS}, computed_at)")
        yield lake
    lake.close()


def newest(lake):
    (view,) = re.findall(r"```sql\n(.*?)```", (SCHEMAS.parent / "docs" / "lake.md").read_text(), re.DOTALL)
    return sorted((row[1], row[2], row[4], row[7]) for row in lake.execute(view))


def put(lake, table, start, decisions, *computed_at, category="fuel"):
    row = ("default", category, start, start + 5, decisions, 0, 0.0, *computed_at)
    places = ",".join("?" * len(row))
    lake.execute(f"INSERT INTO gold.{table} VALUES ({places})", row)  # noqa: S608 - our own names


def test_a_final_row_wins_and_else_the_last_provisional_one(lake):
    put(lake, "fraud_rate", 0, 9)
    put(lake, "fraud_rate_provisional", 0, 7, 6)
    for decisions, computed_at in ((3, 12), (4, 13), (2, 11)):
        put(lake, "fraud_rate_provisional", 5, decisions, computed_at)
    assert newest(lake) == [("fuel", 0, 9, None), ("fuel", 5, 4, 13)]


def test_a_key_that_is_null_is_a_key(lake):
    put(lake, "fraud_rate", 0, 9, category=None)
    put(lake, "fraud_rate_provisional", 0, 7, 6, category=None)
    assert newest(lake) == [(None, 0, 9, None)]
