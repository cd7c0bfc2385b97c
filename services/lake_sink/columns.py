"""Pure: an Avro record schema as columns, each with the Arrow type that its values decode to.

Each top-level field becomes a column. A field that a table cannot hold column by column (a union of
several types, a recursive type, an empty record) is kept whole, as JSON. Types follow the Avro 1.12
specification; an unknown logical type is ignored, as it asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Avro = str | list[Any] | dict[str, Any]
"""An Avro schema as parsed from JSON: a name, a union or a definition."""

_MAX_DECIMAL_PRECISION = 38
_PRIMITIVES: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
    "enum": pa.string(),
    "fixed": pa.binary(),
}
_LOGICAL: Mapping[tuple[str, str], pa.DataType] = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    ("long", "timestamp-millis"): pa.timestamp("ms", "UTC"),
    ("long", "timestamp-micros"): pa.timestamp("us", "UTC"),
    ("long", "local-timestamp-millis"): pa.timestamp("ms"),
    ("long", "local-timestamp-micros"): pa.timestamp("us"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of the record as a column.

    Attributes:
        field: name of the Avro field.
        name: name of the column; a field that begins with `_` gets `_` at its end too, so that
            provenance columns keep their names.
        type: Arrow type of the decoded values.
        opaque: True when the value is kept as JSON text.
        doc: the Avro field's documentation.
    """

    field: str
    name: str
    type: pa.DataType
    opaque: bool
    doc: str | None


def columns_of(schema: Avro) -> tuple[Column, ...]:
    """Return the columns for a valid Avro schema, in its order.

    A field of type null has none: it holds no information. A schema that is not a record becomes one
    column named `value`.
    """
    mapper = _Mapper()
    if isinstance(schema, dict) and schema.get("type") == "record":
        mapper.remember(schema, "")
        scope = _scope(schema, "")
        return tuple(c for field in schema["fields"] for c in _column(mapper, field, scope))
    return tuple(_column(mapper, {"name": "value", "type": schema}, ""))


def _column(mapper: "_Mapper", field: dict[str, Any], scope: str) -> Iterator[Column]:
    name = field["name"]
    safe = f"{name}_" if name.startswith("_") else name
    try:
        kind = mapper.map(field["type"], scope, frozenset())
    except _OpaqueError:
        yield Column(name, safe, pa.string(), opaque=True, doc=field.get("doc"))
        return
    if kind is not None:
        yield Column(name, safe, kind, opaque=False, doc=field.get("doc"))


class _OpaqueError(Exception):
    """The type has no columnar form."""


class _Mapper:
    """Maps types of one schema; remembers its named types as they are defined."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, Any]] = {}

    def remember(self, definition: dict[str, Any], scope: str) -> str:
        """Make a definition known by its full name and return that."""
        name = str(definition["name"])
        inner = _scope(definition, scope)
        full = name if "." in name or not inner else f"{inner}.{name}"
        self._named[full] = definition
        return full

    def map(self, kind: Avro, scope: str, inside: frozenset[str]) -> pa.DataType | None:
        """Return the type of a schema, None for null; raises _OpaqueError when it has no columnar form.

        Args:
            kind: the Avro type.
            scope: the enclosing namespace, which short names are resolved in.
            inside: full names of the records around this place.
        """
        if isinstance(kind, list):
            branches = [branch for branch in kind if branch != "null"]
            if len(branches) > 1:
                raise _OpaqueError
            return self.map(branches[0], scope, inside) if branches else None
        if isinstance(kind, dict):
            return self._definition(kind, scope, inside)
        if kind in _PRIMITIVES or kind == "null":
            return _PRIMITIVES.get(kind)
        full = f"{scope}.{kind}" if scope and "." not in kind else kind
        return self._definition(self._named[full if full in self._named else kind], scope, inside)

    def _definition(self, kind: dict[str, Any], scope: str, inside: frozenset[str]) -> pa.DataType | None:
        base = kind["type"]
        if base == "array":
            return pa.list_(self._present(kind["items"], scope, inside))
        if base == "map":
            return pa.map_(pa.string(), self._present(kind["values"], scope, inside))
        if base == "record":
            return self._record(kind, scope, inside)
        if base in {"enum", "fixed"}:
            self.remember(kind, scope)
        return _scalar(kind) if base in _PRIMITIVES else self.map(base, scope, inside)

    def _record(self, kind: dict[str, Any], scope: str, inside: frozenset[str]) -> pa.DataType:
        full = self.remember(kind, scope)
        if full in inside:
            raise _OpaqueError
        within = (_scope(kind, scope), inside | {full})
        mapped = [(field["name"], self.map(field["type"], *within)) for field in kind["fields"]]
        fields = [pa.field(name, inner) for name, inner in mapped if inner is not None]
        if not fields:
            raise _OpaqueError  # Parquet has no empty struct
        return pa.struct(fields)

    def _present(self, kind: Avro, scope: str, inside: frozenset[str]) -> pa.DataType:
        mapped = self.map(kind, scope, inside)
        if mapped is None:
            raise _OpaqueError  # a list of nulls has a length, so it is not nothing
        return mapped


def _scalar(kind: dict[str, Any]) -> pa.DataType:
    base, logical = kind["type"], kind.get("logicalType")
    precision = kind.get("precision", 0)
    if logical == "decimal" and base in {"bytes", "fixed"} and 0 < precision <= _MAX_DECIMAL_PRECISION:
        return pa.decimal128(precision, kind.get("scale", 0))
    return _LOGICAL.get((base, str(logical)), _PRIMITIVES[base])


def _scope(definition: dict[str, Any], enclosing: str) -> str:
    """Return the namespace that a definition opens."""
    name = str(definition["name"])
    return name.rpartition(".")[0] if "." in name else str(definition.get("namespace", enclosing))
