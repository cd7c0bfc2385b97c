"""The smallest record of a schema: what a heartbeat carries beside its event time."""

from collections.abc import Mapping
from typing import Any

from streamkit.avro import InvalidSchemaError, Schema, kind_of

_ZEROS: Mapping[str, Any] = {
    "null": None,
    "boolean": False,
    "int": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "bytes": b"",
    "string": "",
}


def minimal_record(schema: Schema | Mapping[str, Any], event_time_field: str, event_time_ms: int) -> Any:
    """Return a record that the schema accepts, with its event time set.

    A field with a default takes it; any other takes the zero of its type: 0, "", the first symbol, no
    items, null where a union allows it. Logical types are as stored.

    Args:
        schema: a record schema.
        event_time_field: a field of type long, timestamp-millis or a union with it.
        event_time_ms: milliseconds since 1970-01-01 UTC.

    Raises:
        InvalidSchemaError: the field is missing, or every record of the schema would hold another of it.
    """
    whole = Schema.of(schema)
    if event_time_field not in whole.fields():
        raise InvalidSchemaError(f"{whole!r} has no field {event_time_field!r} for the event time")
    record = _Builder(whole).zero(whole.physical)
    record[event_time_field] = event_time_ms
    return record


class _Builder:
    def __init__(self, whole: Schema) -> None:
        self._resolve = whole.resolve
        self._open: list[str] = []

    def zero(self, schema: Any) -> Any:
        """Return the smallest datum; raises InvalidSchemaError when there is no finite one."""
        schema = self._resolve(schema)
        kind = kind_of(schema)
        if kind == "union":
            return self._zero_of_union(schema)
        if kind in _ZEROS:
            return _ZEROS[kind]
        if kind == "fixed":
            return bytes(schema["size"])
        if kind == "enum":
            return schema.get("default", schema["symbols"][0])
        if kind in ("array", "map"):
            return [] if kind == "array" else {}
        return self._zero_of_record(schema)

    def _zero_of_union(self, schema: list[Any]) -> Any:
        if "null" in schema:
            return None
        for branch in schema:
            resolved = self._resolve(branch)
            if not (isinstance(resolved, dict) and resolved.get("name") in self._open):
                return self.zero(resolved)
        raise InvalidSchemaError("Every branch of a union is a record that holds the union")

    def _zero_of_record(self, schema: Any) -> Any:
        if schema["name"] in self._open:
            raise InvalidSchemaError(f"Every record {schema['name']} holds another one")
        self._open.append(schema["name"])
        record = {
            field["name"]: self.from_json(field["type"], field["default"])
            if "default" in field
            else self.zero(field["type"])
            for field in schema["fields"]
        }
        self._open.pop()
        return record

    def from_json(self, schema: Any, value: Any) -> Any:
        """Return a field's default as a datum: bytes are ISO-8859-1, a union's is of its first branch."""
        schema = self._resolve(schema)
        kind = kind_of(schema)
        if kind == "union":
            return self.from_json(schema[0], value)
        if kind in ("bytes", "fixed"):
            return value.encode("iso-8859-1")
        if kind == "array":
            return [self.from_json(schema["items"], item) for item in value]
        if kind == "map":
            return {key: self.from_json(schema["values"], item) for key, item in value.items()}
        if kind in ("record", "error"):
            return {
                field["name"]: self.from_json(field["type"], value.get(field["name"], field.get("default")))
                for field in schema["fields"]
            }
        return value
