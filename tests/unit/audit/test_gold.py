from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, LongType, NestedField, StringType, TimestamptzType

from audit.gold import Gold
from tests.support.lake import MemoryCatalog
from tests.support.window_declarations import TUMBLE, bound

WINDOW = bound(assign=TUMBLE, keys=["currency"], aggregates={"orders": {"function": "count"}})
TYPES = {
    "tenant": (StringType(), pa.string()),
    "currency": (StringType(), pa.string()),
    "reason": (StringType(), pa.string()),
    "window_start": (TimestamptzType(), pa.timestamp("us", "UTC")),
    "window_end": (TimestamptzType(), pa.timestamp("us", "UTC")),
    "orders": (LongType(), pa.int64()),
    "source_partition": (IntegerType(), pa.int32()),
    "source_offset": (LongType(), pa.int64()),
}
MINUTE_MS = 60_000


def at(minute):
    return datetime.fromtimestamp(minute * 60, UTC)


@pytest.fixture
def gold(tmp_path, monkeypatch):
    catalog = MemoryCatalog(tmp_path)
    catalog.create_namespace("gold")
    monkeypatch.setattr("audit.gold.open_catalog", lambda _settings: catalog)
    made = Gold(None, "http://nowhere", {"sales": WINDOW})
    made.catalog = catalog
    return made


def put(catalog, name, columns, rows):
    fields = [NestedField(n, each, TYPES[each][0], required=False) for n, each in enumerate(columns, 1)]
    table = catalog.create_table(
        ("gold", name), Schema(*fields), partition_spec=UNPARTITIONED_PARTITION_SPEC, properties={}
    )
    table.append(pa.Table.from_pylist(rows, pa.schema([(each, TYPES[each][1]) for each in columns])))


def test_rows_of_windows_that_ended_in_a_span_are_read(gold):
    assert gold.rows(WINDOW, 0, MINUTE_MS) is None
    columns = ("tenant", "currency", "window_start", "window_end", "orders")
    rows = [
        {"tenant": "t", "currency": "EUR", "window_start": at(n - 1), "window_end": at(n), "orders": n}
        for n in range(1, 6)
    ]
    put(gold.catalog, "sales", columns, rows)
    found = gold.rows(WINDOW, 2 * MINUTE_MS, 4 * MINUTE_MS)
    assert sorted(found.column("orders").to_pylist()) == [3, 4]
    assert gold.rows(WINDOW, -(2**62), 9 * MINUTE_MS).num_rows == 5


def test_late_rows_of_what_was_taken_are_read_and_of_windows_not_settled(gold):
    assert gold.late(WINDOW, 0, {0: (0, 9)}) is None
    columns = (
        "tenant",
        "currency",
        "reason",
        "window_start",
        "window_end",
        "source_partition",
        "source_offset",
    )
    rows = [
        {"tenant": "t", "currency": "EUR", "reason": "late", "window_start": at(n), "window_end": at(n + 1)}
        | {"source_partition": partition, "source_offset": offset}
        for n, partition, offset in ((0, 0, 3), (5, 0, 4), (0, 0, 7), (5, 0, 9), (0, 1, 7))
    ]
    rows.append(
        {"tenant": "t", "currency": "EUR", "reason": "future", "source_partition": 0, "source_offset": 8}
    )
    put(gold.catalog, "sales_late", columns, rows)
    found = gold.late(WINDOW, 3 * MINUTE_MS, {0: (6, 9)})
    assert sorted(found.column("source_offset").to_pylist()) == [4, 7, 8]
    assert gold.late(WINDOW, -(2**62), {0: (0, 100), 1: (0, 100)}).num_rows == 6
