"""Avro schemas as the services use them: parsed once, logical types read as what they are stored as.

A timestamp stays the `int` that is in the log, a decimal its bytes, a uuid its string. Values so compare
equal to what was written, on every hop and in every replay, and decoding costs half as much as with
Python's date and decimal objects.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import fastavro
from fastavro.schema import to_parsing_canonical_form

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


class InvalidSchemaError(ValueError):
    """The definition is not an Avro schema; the text says where."""


class Schema:
    """An immutable Avro schema. Equal to another when both have the same definition."""

    __slots__ = ("_named", "canonical", "definition", "physical", "text")

    def __init__(self, definition: Any, named: Mapping[str, Any] | None = None) -> None:
        """Parse a definition.

        Args:
            definition: the schema as JSON data, logical types included.
            named: definitions of types that it refers to but does not hold, by full name.

        Raises:
            InvalidSchemaError: it is not an Avro schema.
        """
        self.definition = definition
        self.text = json.dumps(definition, separators=(",", ":"))
        known = self._named = dict[str, Any]()
        try:
            for other in (named or {}).values():
                fastavro.parse_schema(_without_logical_types(other), known)
            self.physical: Any = fastavro.parse_schema(_without_logical_types(definition), known)
            self.canonical = to_parsing_canonical_form(fastavro.parse_schema(definition, dict(known)))
        except (fastavro.schema.SchemaParseException, KeyError, TypeError, ValueError) as error:
            raise InvalidSchemaError(f"{type(error).__name__}: {error}") from error
        self._check_fields()

    @staticmethod
    def of(schema: "Schema | Mapping[str, Any] | list[Any] | str") -> "Schema":
        """Return the schema itself, or the one that JSON data or JSON text describes.

        Raises:
            InvalidSchemaError: the text is not JSON or the data not a schema.
        """
        if isinstance(schema, Schema):
            return schema
        if isinstance(schema, str) and schema not in PRIMITIVES:
            try:
                return Schema(json.loads(schema))
            except json.JSONDecodeError as error:
                raise InvalidSchemaError(f"Not JSON: {error}") from error
        return Schema(schema)

    def reads_like(self, other: "Schema") -> bool:
        """Tell whether both lay out the same fields in the same bytes, so that nothing is to be resolved."""
        return bool(self.canonical == other.canonical)

    def _check_fields(self) -> None:
        """Refuse two mistakes that fastavro lets pass."""
        for record in (each for each in self.types() if kind_of(each) == "record" and isinstance(each, dict)):
            if isinstance(record["type"], dict):
                continue  # a wrapped type, which comes by itself
            names = [field["name"] for field in record.get("fields", ())]
            if "fields" not in record:
                raise InvalidSchemaError(f"{record.get('name')} has no fields")
            if twice := [name for name in names if names.count(name) > 1]:
                raise InvalidSchemaError(f"{record['name']} has the field {twice[0]!r} more than once")

    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields of a record schema by name; empty for another kind of schema."""
        if not isinstance(self.definition, dict):
            return {}
        return {field["name"]: field for field in self.definition.get("fields", ())}

    def resolve(self, inner: Any) -> Any:
        """Return the definition behind a type inside `physical`, which may be a name or a wrapped type."""
        while isinstance(inner, dict) and isinstance(inner["type"], dict | list):
            inner = inner["type"]
        return self._named.get(inner, inner) if isinstance(inner, str) else inner

    def types(self) -> Iterator[Any]:
        """Yield every type that occurs in the schema, outermost first."""
        return _types(self.definition)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.definition == other.definition

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __repr__(self) -> str:
        name = self.definition.get("name") if isinstance(self.definition, dict) else self.definition
        return f"Schema({name!r})"


def kind_of(schema: Any) -> str:
    """Return a definition's type: `union`, a primitive, `record`, `enum`, ..., or a referred full name."""
    if isinstance(schema, list):
        return "union"
    return kind_of(schema["type"]) if isinstance(schema, dict) else str(schema)


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: value for key, value in schema.items() if key != "logicalType"}
    for key in ("type", "items", "values"):
        if key in plain:
            plain[key] = _without_logical_types(plain[key])
    if "fields" in plain:
        plain["fields"] = [_without_logical_types(field) for field in plain["fields"]]
    return plain


def _types(schema: Any) -> Iterator[Any]:
    yield schema
    if isinstance(schema, list):
        for branch in schema:
            yield from _types(branch)
    elif isinstance(schema, dict):
        nested = [schema[key] for key in ("items", "values") if key in schema]
        nested += [field["type"] for field in schema.get("fields", ())]
        if isinstance(schema["type"], list | dict):
            nested.append(schema["type"])
        for inner in nested:
            yield from _types(inner)
