"""The fields of a topic's Avro schema as Flink SQL sees them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

_SQL_TYPES = {
    "string": "STRING",
    "enum": "STRING",
    "long": "BIGINT",
    "int": "INT",
    "boolean": "BOOLEAN",
    "double": "DOUBLE",
    "float": "FLOAT",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind in Avro, whether it may be null, an enum's symbols, and its logical type if any."""

    name: str
    kind: str
    nullable: bool = False
    symbols: tuple[str, ...] = ()
    logical: str | None = None

    @property
    def sql_type(self) -> str | None:
        """Its type in Flink SQL, None for a kind that windows do not read (record, array, map, bytes)."""
        return _SQL_TYPES.get(self.kind)


def fields_of(schema: Mapping[str, Any]) -> dict[str, Field]:
    """Return the fields of a record schema (the JSON of an .avsc file) by name."""
    return {field["name"]: _field(field["name"], field["type"]) for field in schema["fields"]}


def reader_schema(schema: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the record schema reduced to `names`, as JSON, in the schema's order.

    The job so reads with a pinned schema whatever the writer's is (Avro specification, schema resolution). A
    timestamp is left a plain long, which Flink would else turn into a type with which a window cannot
    compute.
    """
    wanted = set(names)
    reduced = {
        "type": "record",
        "name": schema["name"],
        "namespace": schema.get("namespace", ""),
        "fields": [_plain(field) for field in schema["fields"] if field["name"] in wanted],
    }
    return json.dumps(reduced, separators=(",", ":"))


def _field(name: str, kind: Any) -> Field:
    if isinstance(kind, list):
        branches = [branch for branch in kind if branch != "null"]
        inner = _field(name, branches[0]) if len(branches) == 1 else Field(name, "union")
        return replace(inner, nullable="null" in kind)
    if isinstance(kind, dict):
        symbols, logical = tuple(kind.get("symbols", ())), kind.get("logicalType")
        return Field(name, kind["type"], symbols=symbols, logical=logical)
    return Field(name, kind)


def _plain(field: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in field.items() if key in ("name", "type", "default")}
    return kept | {"type": _without_logical_type(field["type"])}


def _without_logical_type(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_without_logical_type(branch) for branch in kind]
    if isinstance(kind, dict) and "logicalType" in kind:
        return kind["type"]
    return kind
