"""Pure: what a table must change before it can take the columns of a writer's schema.

Allowed is what Iceberg v2 allows without rewriting data: a new optional field at any depth, int to long,
float to double, a decimal with more digits. A narrower writer fits as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.types import (
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    PrimitiveType,
    StructType,
)

from services.lake_sink.columns import Column
from services.lake_sink.iceberg_types import to_iceberg

Path = tuple[str, ...]
_WIDENS = {(IntegerType(), LongType()), (FloatType(), DoubleType())}


@dataclass(slots=True)
class Evolution:
    """Changes of a table's schema; paths name a field from the top, with `element` and `value` inside.

    Attributes:
        added: new optional fields with the Arrow type and documentation they get.
        widened: fields that take a wider type.
        conflicts: one sentence for each field whose type cannot be reconciled.
    """

    added: list[tuple[Path, pa.DataType, str | None]] = field(default_factory=list)
    widened: list[tuple[Path, PrimitiveType]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    @property
    def needed(self) -> bool:
        """Whether the table has to change."""
        return bool(self.added or self.widened)


def evolution_for(table: Schema, columns: Iterable[Column]) -> Evolution:
    """Return what `table` must change to hold `columns`; changes nothing itself."""
    found = Evolution()
    present = {f.name: f.field_type for f in table.fields}
    for column in columns:
        if column.name in present:
            _compare((column.name,), present[column.name], column.type, found)
        else:
            found.added.append(((column.name,), column.type, column.doc))
    return found


def _compare(path: Path, have: IcebergType, want: pa.DataType, found: Evolution) -> None:
    if isinstance(have, StructType) and pa.types.is_struct(want):
        present = {f.name: f.field_type for f in have.fields}
        for inner in want:
            if inner.name in present:
                _compare((*path, inner.name), present[inner.name], inner.type, found)
            else:
                found.added.append(((*path, inner.name), inner.type, None))
    elif isinstance(have, ListType) and pa.types.is_list(want):
        _compare((*path, "element"), have.element_type, want.value_type, found)
    elif isinstance(have, MapType) and pa.types.is_map(want):
        _compare((*path, "value"), have.value_type, want.item_type, found)
    else:
        _compare_leaf(path, have, want, found)


def _compare_leaf(path: Path, have: IcebergType, want: pa.DataType, found: Evolution) -> None:
    wanted = to_iceberg(want, lambda: 0)
    if wanted == have or (wanted, have) in _WIDENS:
        return
    if isinstance(have, DecimalType) and isinstance(wanted, DecimalType) and have.scale == wanted.scale:
        if wanted.precision > have.precision:
            found.widened.append((path, wanted))
    elif (have, wanted) in _WIDENS and isinstance(wanted, PrimitiveType):
        found.widened.append((path, wanted))
    else:
        found.conflicts.append(f"column {'.'.join(path)} is {have} in the table and {wanted} in the record")
