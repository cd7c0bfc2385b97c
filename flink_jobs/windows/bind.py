"""Checks a declaration against the topic that it names: every field there, of a kind that fits its use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flink_jobs.windows.declaration import Aggregate, Condition, WindowDeclaration
from flink_jobs.windows.fields import Field, fields_of, reader_schema
from streamkit.topic_spec import TopicSpec

_SUMMABLE = ("int", "long")
_PYTHON_KINDS: Mapping[str, type] = {"string": str, "enum": str, "int": int, "long": int, "boolean": bool}


@dataclass(frozen=True, slots=True)
class BoundWindow:
    """A declaration with the fields that it reads, in the order of the topic's schema, and its event time."""

    declaration: WindowDeclaration
    fields: tuple[Field, ...]
    event_time: str
    reader_schema: str

    def field(self, name: str) -> Field:
        """Return one of `fields`; StopIteration never happens for a field that the declaration names."""
        return next(field for field in self.fields if field.name == name)

    @property
    def keys(self) -> tuple[Field, ...]:
        """The fields that make a key, tenant first."""
        return tuple(self.field(name) for name in ("tenant", *self.declaration.keys))


def bind(declaration: WindowDeclaration, spec: TopicSpec, schema: Mapping[str, Any]) -> BoundWindow:
    """Return the window ready for its SQL; call it when `problems` found none."""
    names = {"tenant", spec.event_time, *(name for _, name in _used(declaration))}
    fields = tuple(field for name, field in fields_of(schema).items() if name in names)
    return BoundWindow(declaration, fields, spec.event_time, reader_schema(schema, names))


def problems(
    declaration: WindowDeclaration, spec: TopicSpec, schema: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield (place in the declaration, what is wrong there) for everything that does not fit the topic."""
    if spec.ingest or spec.managed_by:
        yield (
            "topic",
            f"{spec.topic} is raw: it may hold repeats and records that cannot be read; name a refined topic",
        )
    fields = fields_of(schema)
    if "tenant" not in fields:
        yield "topic", f"{spec.topic} has no field tenant, which is part of every key"
    for place, name in _used(declaration):
        field = fields.get(name)
        if field is None:
            yield place, f"{spec.topic} has no field {name!r}; it has {', '.join(fields)}"
        elif field.sql_type is None:
            yield place, f"{name} is of type {field.kind}, which windows do not read"
    yield from _key_problems(declaration, fields)
    for place, condition in _conditions(declaration):
        yield from _condition_problems(place, condition, fields)
    for name, aggregate in declaration.aggregates.items():
        yield from _aggregate_problems(f"aggregates.{name}.field", declaration, aggregate, fields)


def _used(declaration: WindowDeclaration) -> Iterator[tuple[str, str]]:
    for key in declaration.keys:
        yield "keys", key
    for place, condition in _conditions(declaration):
        for name in condition:
            yield f"{place}.{name}", name
    for name, aggregate in declaration.aggregates.items():
        if aggregate.field is not None:
            yield f"aggregates.{name}.field", aggregate.field


def _conditions(declaration: WindowDeclaration) -> Iterator[tuple[str, Condition]]:
    yield "where", declaration.where
    for name, aggregate in declaration.aggregates.items():
        yield f"aggregates.{name}.where", aggregate.where


def _key_problems(declaration: WindowDeclaration, fields: Mapping[str, Field]) -> Iterator[tuple[str, str]]:
    for name in declaration.keys:
        if name in fields and fields[name].kind in ("double", "float"):
            yield "keys", f"{name} is of type {fields[name].kind}: equal values of it cannot be relied on"


def _condition_problems(
    place: str, condition: Condition, fields: Mapping[str, Field]
) -> Iterator[tuple[str, str]]:
    for name, expected in condition.items():
        field = fields.get(name)
        if field is None:
            continue
        wanted = _PYTHON_KINDS.get(field.kind)
        for value in expected if isinstance(expected, tuple) else (expected,):
            if wanted is None or type(value) is not wanted:
                yield f"{place}.{name}", f"got {value!r}, but {name} is of type {field.kind}"
            elif field.symbols and value not in field.symbols:
                yield f"{place}.{name}", f"got {value!r}, expected one of {', '.join(field.symbols)}"


def _aggregate_problems(
    place: str, declaration: WindowDeclaration, aggregate: Aggregate, fields: Mapping[str, Field]
) -> Iterator[tuple[str, str]]:
    field = fields.get(aggregate.field or "")
    if field is None or aggregate.function == "count_distinct":
        return
    if aggregate.function == "sum" and field.kind not in _SUMMABLE:
        yield (
            place,
            f"{field.name} is of type {field.kind}: only whole numbers add up the same in every order",
        )
    if field.name.endswith("_minor") and "currency" in fields and "currency" not in declaration.keys:
        yield place, f"{field.name} is money: add currency to keys, currencies are never mixed"
