import pyarrow as pa
import pytest
import requests

from services.lake_sink.columns import Column
from services.lake_sink.errors import LakeAwayError
from services.lake_sink.tables import Tables
from tests.support.lake import CONFLICT

COLUMNS = (Column("n", "n", pa.int64(), opaque=False, doc=None),)


@pytest.fixture
def tables(lake):
    made = Tables(lake.catalog, "bronze")
    made.make("t")
    return made


@pytest.fixture
def go_away(lake, monkeypatch):
    def connection_error(name):
        raise requests.ConnectionError("connection refused")

    return lambda: monkeypatch.setattr(lake.catalog, "load_table", connection_error)


def test_a_table_that_is_not_there_is_none(tables):
    assert tables.find("other") is None


def test_a_change_that_met_another_one_is_made_again(lake, tables):
    lake.catalog.faults.append(CONFLICT)
    changed, found = tables.evolve(tables.find("t"), COLUMNS)
    assert not found.conflicts
    assert "n" in changed.schema().column_names


def test_a_catalog_that_goes_away_while_a_table_is_looked_for_is_away(tables, go_away):
    go_away()
    with pytest.raises(LakeAwayError, match="connection refused"):
        tables.find("t")


def test_a_catalog_that_goes_away_between_a_change_and_the_next_look_is_away(lake, tables, go_away):
    table = tables.find("t")
    lake.catalog.faults.append(CONFLICT)
    go_away()
    with pytest.raises(LakeAwayError, match="connection refused"):
        tables.evolve(table, COLUMNS)


def test_a_catalog_that_goes_away_once_it_has_said_that_a_table_exists_is_away(tables, go_away):
    go_away()
    with pytest.raises(LakeAwayError, match="connection refused"):
        tables.make("t")
