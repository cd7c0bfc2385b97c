"""The range of Avro's int: fastavro reads and writes 64 bits for it, so 32 are checked here.

`fastavro.validate` would do it too, at the cost of looking at every value of the record: it takes several
times as long as encoding. This looks only where an int can be.
"""

from collections.abc import Callable
from typing import Any

import fastavro

from streamkit.avro import Schema, kind_of

# Raises ValueError when a datum (which otherwise fits its schema) holds an int beyond 32 bits.
Check = Callable[[Any], None]

_LOWEST, _GREATEST = -(2**31), 2**31 - 1


class _AmbiguousError(Exception):
    """Which branch of a union a value belongs to is fastavro's to say."""


def int_check(schema: Schema) -> Check | None:
    """Return the check of a schema's data; None when the schema has no int."""
    if not any(kind_of(each) == "int" for each in schema.types()):
        return None
    try:
        return _Checks(schema).check(schema.physical)
    except _AmbiguousError:
        return lambda datum: _validate(datum, schema)


class _Checks:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        # By name; empty while a record is being looked at, which may hold itself.
        self._records: dict[str, list[Check]] = {}

    def check(self, inner: Any) -> Check | None:
        definition = self._schema.resolve(inner)
        kind = kind_of(definition)
        if kind == "int":
            return _in_range
        if kind == "union":
            return self._union(definition)
        if kind in {"record", "error"}:
            return self._record(definition)
        if kind in {"array", "map"}:
            return _of_each(self.check(definition["items" if kind == "array" else "values"]))
        return None

    def _record(self, definition: Any) -> Check | None:
        found = self._records.get(definition["name"])
        if found is not None:
            return lambda datum: _later(found, datum)
        place = self._records[definition["name"]] = list[Check]()
        named = [(field["name"], self.check(field["type"])) for field in definition["fields"]]
        fields = [(name, check) for name, check in named if check is not None]
        if not fields:
            return None

        def record(datum: Any) -> None:
            for name, check in fields:
                if name in datum:
                    check(datum[name])

        place.append(record)
        return record

    def _union(self, branches: list[Any]) -> Check | None:
        found = [self.check(branch) for branch in branches]
        if not any(found):
            return None
        if sum(kind_of(self._schema.resolve(branch)) != "null" for branch in branches) > 1:
            raise _AmbiguousError
        only = next(check for check in found if check is not None)
        return lambda datum: None if datum is None else only(datum)


def _in_range(value: Any) -> None:
    if not _LOWEST <= value <= _GREATEST:
        raise ValueError(f"{value} does not fit into 32 bits")


def _later(checks: list[Check], datum: Any) -> None:
    for check in checks:
        check(datum)


def _of_each(check: Check | None) -> Check | None:
    if check is None:
        return None

    def each(datum: Any) -> None:
        for value in datum.values() if isinstance(datum, dict) else datum:
            check(value)

    return each


def _validate(datum: Any, schema: Schema) -> None:
    fastavro.validate(datum, schema.physical)
