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

    __slots__ = ("_named", "canonical", "definition", "physical", "text", "unbounded")

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
        others: dict[str, Any] = {}
        try:
            for other in (named or {}).values():
                fastavro.parse_schema(_without_logical_types(other), others)
            self._named = dict(others)
            self.physical: Any = fastavro.parse_schema(_without_logical_types(definition), self._named)
            self.canonical = to_parsing_canonical_form(fastavro.parse_schema(definition, others))
        except (fastavro.schema.SchemaParseException, KeyError, TypeError, ValueError) as error:
            raise InvalidSchemaError(f"{type(error).__name__}: {error}") from error
        self._check_fields()
        # Whether few bytes may stand for any depth (a type inside itself) or any number of items (that take
        # no bytes): fastavro would end the process, or never end.
        try:
            self.unbounded = _unbounded(self, self.physical, ())
        except RecursionError as error:
            raise InvalidSchemaError("It is nested too deeply, or a record always holds itself") from error

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

    @property
    def name(self) -> str:
        """The full name of a record, enum or fixed; what stands for another kind of schema."""
        if not isinstance(self.definition, dict):
            return str(self.definition)
        name, namespace = str(self.definition.get("name")), self.definition.get("namespace")
        return name if "." in name or not namespace else f"{namespace}.{name}"

    def __repr__(self) -> str:
        return f"Schema({self.name!r})"


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


def _unbounded(schema: Schema, inner: Any, open_names: tuple[str, ...]) -> bool:
    inner = schema.resolve(inner)
    if isinstance(inner, list):
        return any(_unbounded(schema, branch, open_names) for branch in inner)
    if not isinstance(inner, dict):
        return False
    if inner["type"] == "array":
        return _is_empty(schema, inner["items"]) or _unbounded(schema, inner["items"], open_names)
    if inner["type"] == "map":
        return _unbounded(schema, inner["values"], open_names)
    if inner.get("name") in open_names:
        return True
    names = (*open_names, inner.get("name", ""))
    return any(_unbounded(schema, field["type"], names) for field in inner.get("fields", ()))


def _is_empty(schema: Schema, inner: Any) -> bool:
    """Tell whether a value takes no bytes."""
    inner = schema.resolve(inner)
    if isinstance(inner, dict) and "fields" in inner:
        return all(_is_empty(schema, field["type"]) for field in inner["fields"])
    return kind_of(inner) == "null"


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
