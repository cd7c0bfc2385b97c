"""An Avro schema as a tree of nodes: what the encoder is compiled from and what errors are told by."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import fastavro
from fastavro.schema import SchemaParseException

from services.ingest_gateway.errors import BadSchemaError

LOGICAL: Final[Mapping[str, frozenset[str]]] = {
    "bytes": frozenset({"decimal"}),
    "fixed": frozenset({"decimal", "uuid"}),
    "string": frozenset({"uuid"}),
    "int": frozenset({"date", "time-millis"}),
    "long": frozenset(
        {
            "time-micros",
            "timestamp-millis",
            "timestamp-micros",
            "local-timestamp-millis",
            "local-timestamp-micros",
        }
    ),
}
"""Logical types that change how a value is written; any other is read as its base type (Avro 1.12)."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


class Missing:
    """Type of MISSING, which stands for a default or a value that is not there."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

INTEGERS: Final = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
"""The least and the greatest number of each integer type."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A type without parts; `size` is a fixed's, precision and scale a decimal's, `bounds` an integer's."""

    kind: str
    logical: str | None = None
    size: int = 0
    precision: int = 0
    scale: int = 0
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Enum:
    """A closed set of strings."""

    name: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A list of one type."""

    items: "Node"


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free names and values of one type."""

    values: "Node"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record; `default` is MISSING when the field has to be sent."""

    name: str
    type: "Node"
    default: object = MISSING


@dataclass(eq=False, slots=True)
class Record:
    """An object with declared fields. Compared by identity, because a record may contain itself."""

    name: str
    fields: tuple[Field, ...] = field(default=(), repr=False)

    def names(self) -> frozenset[str]:
        """Return the names of all fields."""
        return frozenset(f.name for f in self.fields)

    def required(self) -> frozenset[str]:
        """Return the names of the fields without a default."""
        return frozenset(f.name for f in self.fields if f.default is MISSING)


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types; the order of branches decides between those that take a value."""

    branches: "tuple[Node, ...]"


Node = Leaf | Enum | Array | MapOf | Record | Union


def parse(schema: object) -> Node:
    """Return the tree of an Avro schema (parsed JSON: an object, a list or a name).

    Raises:
        BadSchemaError: the schema breaks the Avro specification.
    """
    try:
        # The library resolves names against namespaces and refuses what the specification refuses.
        resolved = fastavro.parse_schema(cast("dict[str, object]", schema), _write_hint=False)
    except (SchemaParseException, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSchemaError(f"Not an Avro schema: {type(error).__name__}: {error}") from error
    return _node(resolved, {})


def _node(schema: object, named: dict[str, Node]) -> Node:
    if isinstance(schema, str):
        return named[schema] if schema in named else Leaf(schema)
    if isinstance(schema, Sequence):
        return Union(tuple(_node(branch, named) for branch in schema))
    if not isinstance(schema, Mapping):
        raise BadSchemaError(f"Not an Avro schema: {schema!r}")
    kind = schema["type"]
    if not isinstance(kind, str):
        return _node(kind, named)
    return _leaf(kind, schema) if kind in PRIMITIVES else _complex(kind, schema, named)


def _complex(kind: str, schema: Mapping[str, object], named: dict[str, Node]) -> Node:
    if kind in named:
        return named[kind]
    if kind in {"record", "error"}:
        return _record(schema, named)
    node: Node
    match kind:
        case "array":
            return Array(_node(schema["items"], named))
        case "map":
            return MapOf(_node(schema["values"], named))
        case "enum":
            node = Enum(str(schema["name"]), tuple(cast("list[str]", schema["symbols"])))
        case "fixed":
            node = _leaf(kind, schema)
        case _:
            raise BadSchemaError(f"Unknown Avro type {kind!r}")
    named[str(schema["name"])] = node
    return node


def _record(schema: Mapping[str, object], named: dict[str, Node]) -> Record:
    # Registered before its fields are read: a field may name the record that holds it.
    name = str(schema["name"])
    record = Record(name)
    named[name] = record
    record.fields = tuple(_field(f, named) for f in cast("list[Mapping[str, object]]", schema["fields"]))
    return record


def _field(field: Mapping[str, object], named: dict[str, Node]) -> Field:
    name = str(field["name"])
    if _NAME.fullmatch(name) is None:  # the library lets any text pass
        raise BadSchemaError(f"{name!r} is no name of a field: letters, digits and _, no digit first")
    return Field(name, _node(field["type"], named), field.get("default", MISSING))


def _leaf(kind: str, schema: Mapping[str, object]) -> Leaf:
    size = int(cast("int", schema.get("size", 0)))
    logical = schema.get("logicalType")
    if logical not in LOGICAL.get(kind, ()) or (kind == "fixed" and logical == "uuid" and size != 16):
        return Leaf(kind, size=size, bounds=_bounds(kind, schema))
    if logical != "decimal":
        return Leaf(kind, str(logical), size=size)
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision:
        raise BadSchemaError(f"decimal needs 0 <= scale <= precision, got {precision!r} and {scale!r}")
    return Leaf(kind, "decimal", size, precision, scale)


def _bounds(kind: str, schema: Mapping[str, object]) -> tuple[int, int] | None:
    """The `minimum` and `maximum` beside an integer type: attributes of ours, which others pass over."""
    if kind not in INTEGERS or not {"minimum", "maximum"} & schema.keys():
        return None
    least, greatest = INTEGERS[kind]
    low, high = schema.get("minimum", least), schema.get("maximum", greatest)
    if type(low) is not int or type(high) is not int or not least <= low <= high <= greatest:
        raise BadSchemaError(f"{kind} needs whole numbers, minimum <= maximum, got {low!r} and {high!r}")
    return low, high
