from itertools import count

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.schema import Schema
from pyiceberg.types import TimestampType, TimestamptzType, TimeType

from services.lake_sink.columns import columns_of
from services.lake_sink.iceberg_types import arrow_schema, optional, to_iceberg
from services.lake_sink.provenance import table_schema
from tests.support.avro_schemas import schemas_with_data

LEAVES = [
    pa.bool_(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.string(),
    pa.binary(),
    pa.date32(),
    pa.time64("us"),
    pa.timestamp("us", "UTC"),
    pa.timestamp("us"),
    pa.decimal128(9, 2),
]
ARROW = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(lambda value: pa.map_(pa.string(), value))
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: pa.struct([(f"f{i}", k) for i, k in enumerate(kinds)])
        )
    ),
    max_leaves=6,
)


def ids_of(arrow_field):
    inner = arrow_field.type
    children = (
        [inner.key_field, inner.item_field]
        if pa.types.is_map(inner)
        else [inner.field(i) for i in range(inner.num_fields)]
    )
    return [
        int(arrow_field.metadata[b"PARQUET:field_id"]),
        *(each for child in children for each in ids_of(child)),
    ]


@given(ARROW)
def test_a_type_comes_back_as_it_went(arrow):
    schema = Schema(optional("x", arrow, count(1).__next__))
    (back,) = arrow_schema(schema)
    assert back.type == arrow


@given(schemas_with_data())
def test_every_field_of_a_file_bears_the_id_of_its_column(drawn):
    schema = table_schema(columns_of(drawn[0]))
    ids = [each for field in arrow_schema(schema) for each in ids_of(field)]
    assert sorted(ids) == sorted(set(ids))
    assert max(ids) == schema.highest_field_id


@pytest.mark.parametrize(
    ("arrow", "iceberg"),
    [
        (pa.timestamp("ms", "UTC"), TimestamptzType()),
        (pa.timestamp("ms"), TimestampType()),
        (pa.time32("ms"), TimeType()),
    ],
)
def test_milliseconds_become_microseconds(arrow, iceberg):
    assert to_iceberg(arrow, count(1).__next__) == iceberg
