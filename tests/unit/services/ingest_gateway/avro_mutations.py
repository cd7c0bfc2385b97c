"""Every way to put one fault into a value that fits its schema, with the pointer where it has to be found.

Works on the schema's JSON, not on the gateway's own tree: the expectation must not share its mistakes.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.unit.services.ingest_gateway.avro_leaves import LEAVES, SAMPLES

Path = tuple[str | int, ...]
DELETE = object()


@dataclass(frozen=True)
class Mutation:
    """What to put where; `pointer` is where the error has to point."""

    path: Path
    value: Any
    pointer: Path

    def apply(self, sent: Any) -> Any:
        """Return a copy of a value with this fault in it."""
        if not self.path:
            return self.value
        root = copy.deepcopy(sent)
        parent = root
        for step in self.path[:-1]:
            parent = parent[step]
        if self.value is DELETE:
            del parent[self.path[-1]]
        else:
            parent[self.path[-1]] = self.value
        return root


def json_pointer(path: Path) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def mutations(schema: Any, sent: Any, path: Path = ()) -> Iterator[Mutation]:
    """Yield all single faults of a value."""
    if isinstance(schema, list):
        yield from _in_union(schema, sent, path)
    elif schema_type(schema) == "record":
        yield from _wrong(path, None, 1, "x", [])
        yield from _in_record(schema, sent, path)
    elif schema_type(schema) == "array":
        yield from _wrong(path, None, 1, "x", {})
        yield from _inside(schema, sent, path)
    elif schema_type(schema) == "map":
        yield from _wrong(path, None, 1, "x", [])
        yield from _inside(schema, sent, path)
    else:
        yield from _wrong(path, *_leaf(schema).wrong)


def _wrong(path: Path, *values: Any) -> Iterator[Mutation]:
    return (Mutation(path, value, path) for value in values)


def schema_type(schema: Any) -> str:
    return schema if isinstance(schema, str) else str(schema["type"])


def _in_record(schema: Any, sent: dict[str, Any], path: Path) -> Iterator[Mutation]:
    names = {field["name"] for field in schema["fields"]}
    unknown = "not/a~field"
    assert unknown not in names
    yield Mutation((*path, unknown), 1, (*path, unknown))
    for field in schema["fields"]:
        inner = (*path, field["name"])
        if "default" not in field:
            yield Mutation(inner, DELETE, inner)
        if field["name"] in sent:
            yield from mutations(field["type"], sent[field["name"]], inner)


def _inside(schema: Any, sent: Any, path: Path) -> Iterator[Mutation]:
    if schema["type"] == "array":
        for index, item in enumerate(sent):
            yield from mutations(schema["items"], item, (*path, index))
    else:
        for key, item in sent.items():
            yield from mutations(schema["values"], item, (*path, key))


def _in_union(branches: list[Any], sent: Any, path: Path) -> Iterator[Mutation]:
    kinds = {kind: branch for branch in branches for kind in _kinds(branch)}
    for kind, sample in SAMPLES.items():
        if kind not in kinds:
            yield Mutation(path, sample, path)
    branch = kinds[kind_of(sent)]
    if schema_type(branch) == "record":
        yield from _in_record(branch, sent, path)
    elif schema_type(branch) in {"array", "map"}:
        yield from _inside(branch, sent, path)


def _kinds(schema: Any) -> frozenset[str]:
    if schema_type(schema) in {"record", "map"}:
        return frozenset({"object"})
    return frozenset({"array"}) if schema_type(schema) == "array" else _leaf(schema).kinds


def kind_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", str: "text", list: "array", dict: "object"}
    return "null" if value is None else kinds[type(value)]


def _leaf(schema: Any) -> Any:
    return next(kind for kind in LEAVES if _without_name(kind.schema) == _without_name(schema))


def _without_name(schema: Any) -> Any:
    return {k: v for k, v in schema.items() if k != "name"} if isinstance(schema, dict) else schema
