"""Pure: Arrow types as Iceberg v2 types and back.

The way back names each Parquet field by its Iceberg id, which is how readers find a column after a rename.
"""

from collections.abc import Callable, Mapping

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

_PAIRS: tuple[tuple[pa.DataType, IcebergType], ...] = (
    (pa.bool_(), BooleanType()),
    (pa.int32(), IntegerType()),
    (pa.int64(), LongType()),
    (pa.float32(), FloatType()),
    (pa.float64(), DoubleType()),
    (pa.binary(), BinaryType()),
    (pa.string(), StringType()),
    (pa.date32(), DateType()),
    (pa.time64("us"), TimeType()),
    (pa.timestamp("us", "UTC"), TimestamptzType()),
    (pa.timestamp("us"), TimestampType()),
)
# Iceberg v2 counts time in microseconds only.
_COARSE: Mapping[pa.DataType, IcebergType] = {
    pa.time32("ms"): TimeType(),
    pa.timestamp("ms", "UTC"): TimestamptzType(),
    pa.timestamp("ms"): TimestampType(),
}
_TO_ICEBERG: Mapping[pa.DataType, IcebergType] = {**dict(_PAIRS), **_COARSE}
_TO_ARROW: Mapping[IcebergType, pa.DataType] = {iceberg: arrow for arrow, iceberg in _PAIRS}

NextId = Callable[[], int]


def to_iceberg(arrow: pa.DataType, next_id: NextId) -> IcebergType:
    """Return the Iceberg type for an Arrow type; all that is inside it is optional.

    Args:
        arrow: a type as `columns_of` makes it.
        next_id: gives the field ids of what is inside.
    """
    if pa.types.is_list(arrow):
        return ListType(next_id(), to_iceberg(arrow.value_type, next_id), element_required=False)
    if pa.types.is_map(arrow):
        key, value = next_id(), next_id()
        return MapType(key, StringType(), value, to_iceberg(arrow.item_type, next_id), value_required=False)
    if pa.types.is_struct(arrow):
        return StructType(*(optional(field.name, field.type, next_id) for field in arrow))
    if pa.types.is_decimal(arrow):
        return DecimalType(arrow.precision, arrow.scale)
    return _TO_ICEBERG[arrow]


def optional(name: str, arrow: pa.DataType, next_id: NextId, doc: str | None = None) -> NestedField:
    """Return an optional field with fresh ids for itself and all that is inside it."""
    own = next_id()
    return NestedField(own, name, to_iceberg(arrow, next_id), required=False, doc=doc)


def arrow_schema(schema: Schema) -> pa.Schema:
    """Return the Arrow schema that a table's Parquet files are written with."""
    return pa.schema([_arrow_field(field.name, field.field_type, field.field_id) for field in schema.fields])


def _arrow_field(name: str, kind: IcebergType, field_id: int, *, nullable: bool = True) -> pa.Field:
    metadata = {"PARQUET:field_id": str(field_id)}
    return pa.field(name, _arrow_type(kind), nullable=nullable, metadata=metadata)


def _arrow_type(kind: IcebergType) -> pa.DataType:
    if isinstance(kind, ListType):
        return pa.list_(_arrow_field("element", kind.element_type, kind.element_id))
    if isinstance(kind, MapType):
        key = _arrow_field("key", kind.key_type, kind.key_id, nullable=False)
        return pa.map_(key, _arrow_field("value", kind.value_type, kind.value_id))
    if isinstance(kind, StructType):
        return pa.struct([_arrow_field(f.name, f.field_type, f.field_id) for f in kind.fields])
    if isinstance(kind, DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    return _TO_ARROW[kind]
