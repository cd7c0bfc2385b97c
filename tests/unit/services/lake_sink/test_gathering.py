from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.lake_sink import gathering
from services.lake_sink.datafiles import Encoder
from services.lake_sink.decode import nulls
from services.lake_sink.gathering import Gathering
from services.lake_sink.iceberg_types import arrow_schema
from services.lake_sink.provenance import table_schema

SCHEMA = table_schema(())
ARROW = arrow_schema(SCHEMA)
DAY_US = 86_400_000_000


def rows(offsets, *, day=0, schema=ARROW):
    table = nulls(schema, len(offsets))
    made = {
        "_offset": pa.array(offsets, pa.int64()),
        "_ingest_time": pa.array([None if day is None else day * DAY_US + n for n in offsets], pa.int64()),
    }
    for name, column in made.items():
        index = schema.get_field_index(name)
        table = table.set_column(index, schema.field(index), column.cast(schema.field(index).type))
    return table


@pytest.fixture
def gathered(monkeypatch):
    monkeypatch.setattr(gathering, "ROWS_AT_ONCE", 10)
    with ThreadPoolExecutor(1) as pool:
        yield Gathering(pool)


def offsets_in(file):
    return pq.read_table(BytesIO(file.content)).column("_offset").to_pylist()


def test_rows_come_out_in_their_order_in_row_groups_that_the_manifest_names(gathered):
    for start in range(0, 35, 5):
        gathered.add(rows(range(start, start + 5)), SCHEMA)
    (file,) = gathered.finish()
    assert offsets_in(file) == list(range(35))
    metadata = pq.ParquetFile(BytesIO(file.content)).metadata
    firsts = [
        min(p for p in (c.dictionary_page_offset, c.data_page_offset) if p)
        for c in (metadata.row_group(n).column(0) for n in range(metadata.num_row_groups))
    ]
    assert list(file.row_groups) == firsts
    assert len(file.row_groups) == 4
    assert (file.rows, file.undecodable) == (35, 0)
    assert gathered.finish() == []


def test_bounds_span_all_row_groups(gathered):
    for start in (20, 0, 40):
        gathered.add(rows(range(start, start + 10)), SCHEMA)
    (file,) = gathered.finish()
    field = SCHEMA.find_field("_offset").field_id
    assert int.from_bytes(file.lower[field], "little") == 0
    assert int.from_bytes(file.upper[field], "little") == 49
    assert SCHEMA.find_field("_partition").field_id not in file.lower


def test_each_day_and_each_schema_has_a_file_of_its_own(gathered):
    grown = table_schema(())
    more = pa.schema([*ARROW, pa.field("more", pa.string(), metadata={"PARQUET:field_id": "99"})])
    gathered.add(rows([1, 2], day=1), SCHEMA)
    gathered.add(rows([3], day=0), SCHEMA)
    gathered.add(rows([4], day=None), SCHEMA)
    gathered.add(rows([5], day=1, schema=more), grown)
    files = gathered.finish()
    found = [(file.folder, offsets_in(file)) for file in files]
    assert found == [
        ("_ingest_day=1970-01-01", [3]),
        ("_ingest_day=1970-01-02", [1, 2]),
        ("_ingest_day=null", [4]),
        ("_ingest_day=1970-01-02", [5]),
    ]


def test_what_cannot_be_encoded_is_an_error_and_not_a_gap(gathered, monkeypatch):
    monkeypatch.setattr(Encoder, "add", lambda _self, _rows: 1 / 0)
    gathered.add(rows(range(10)), SCHEMA)
    with pytest.raises(ZeroDivisionError):
        gathered.finish()
