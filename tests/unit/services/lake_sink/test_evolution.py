from itertools import count

import pyarrow as pa
import pytest
from hypothesis import given
from pyiceberg.types import DecimalType, DoubleType, LongType

from services.lake_sink.columns import Column, columns_of
from services.lake_sink.evolution import evolution_for
from services.lake_sink.iceberg_types import to_iceberg
from services.lake_sink.provenance import table_schema
from tests.support.avro_schemas import schemas_with_data


def columns(**kinds):
    return tuple(Column(name, name, kind, opaque=False, doc=None) for name, kind in kinds.items())


def found(have, want):
    return evolution_for(table_schema(columns(**have)), columns(**want))


def test_a_new_field_is_an_added_column():
    evolution = found({"a": pa.int64()}, {"a": pa.int64(), "b": pa.string()})
    assert evolution.added == [(("b",), pa.string(), None)]
    assert evolution.needed


def test_a_field_that_is_gone_changes_nothing():
    evolution = found({"a": pa.int64(), "b": pa.string()}, {"a": pa.int64()})
    assert not evolution.needed
    assert not evolution.conflicts


@pytest.mark.parametrize(
    ("have", "want", "widened"),
    [
        (pa.int32(), pa.int64(), LongType()),
        (pa.float32(), pa.float64(), DoubleType()),
        (pa.decimal128(5, 2), pa.decimal128(9, 2), DecimalType(9, 2)),
    ],
)
def test_a_wider_type_widens_the_column_and_a_narrower_one_fits(have, want, widened):
    assert found({"a": have}, {"a": want}).widened == [(("a",), widened)]
    narrower = found({"a": want}, {"a": have})
    assert not narrower.needed
    assert not narrower.conflicts


@pytest.mark.parametrize(
    ("have", "want"),
    [
        (pa.string(), pa.int64()),
        (pa.int64(), pa.float64()),
        (pa.decimal128(9, 2), pa.decimal128(9, 3)),
        (pa.struct([("a", pa.int64())]), pa.string()),
        (pa.list_(pa.int64()), pa.map_(pa.string(), pa.int64())),
    ],
)
def test_what_cannot_be_reconciled_is_said_with_its_column(have, want):
    evolution = found({"a": have}, {"a": want})
    assert len(evolution.conflicts) == 1
    assert "column a is" in evolution.conflicts[0]


def test_changes_are_found_at_any_depth():
    have = {
        "s": pa.struct([("a", pa.int32())]),
        "l": pa.list_(pa.struct([("a", pa.int64())])),
        "m": pa.map_(pa.string(), pa.float32()),
    }
    want = {
        "s": pa.struct([("a", pa.int64()), ("b", pa.string())]),
        "l": pa.list_(pa.struct([("a", pa.int64()), ("b", pa.string())])),
        "m": pa.map_(pa.string(), pa.float64()),
    }
    evolution = found(have, want)
    assert [path for path, *_ in evolution.added] == [("s", "b"), ("l", "element", "b")]
    assert [path for path, _ in evolution.widened] == [("s", "a"), ("m", "value")]


@given(schemas_with_data())
def test_a_table_fits_the_schema_it_was_made_for(drawn):
    wanted = columns_of(drawn[0])
    evolution = evolution_for(table_schema(wanted), wanted)
    assert not evolution.needed
    assert not evolution.conflicts


@given(schemas_with_data())
def test_an_empty_table_gets_every_column(drawn):
    wanted = columns_of(drawn[0])
    evolution = evolution_for(table_schema(()), wanted)
    assert [(path, kind) for path, kind, _ in evolution.added] == [((c.name,), c.type) for c in wanted]
    assert all(to_iceberg(kind, count(1).__next__) for _, kind, _ in evolution.added)
