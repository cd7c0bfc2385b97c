"""Generated schemas with values as a producer sends them and as fastavro reads them back."""

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.unit.services.ingest_gateway.avro_leaves import LEAVES, TEXT, Pair


@dataclass(frozen=True)
class Case:
    """A schema, a value as sent and what a reader gets."""

    schema: Any
    sent: Any
    read: Any


@st.composite
def cases(draw: st.DrawFn, depth: int = 3) -> Case:
    """Draw a record schema and one value of it."""
    schema, values, _ = draw(records(depth))
    numbers = itertools.count()
    unique(schema, numbers)
    sent, read = draw(values)
    return Case(schema, sent, read)


def unique(schema: Any, numbers: Iterator[int]) -> None:
    """Give each named type a name of its own, in place."""
    if isinstance(schema, list):
        for branch in schema:
            unique(branch, numbers)
    elif isinstance(schema, dict):
        if "name" in schema:
            schema["name"] = f"N{next(numbers)}"
        for part in (schema["type"], schema.get("items"), schema.get("values")):
            unique(part, numbers)
        for field in schema.get("fields", ()):
            unique(field["type"], numbers)


Typed = tuple[Any, st.SearchStrategy[Pair], frozenset[str]]


@st.composite
def types(draw: st.DrawFn, depth: int) -> Typed:
    shapes = ["leaf"] if depth == 0 else ["leaf", "leaf", "record", "array", "map", "union"]
    shape = draw(st.sampled_from(shapes))
    if shape == "record":
        return draw(records(depth - 1))
    if shape == "union":
        return draw(unions(depth - 1))
    if shape == "leaf":
        kind = draw(st.sampled_from(LEAVES))
        return copy.deepcopy(kind.schema), kind.values, kind.kinds
    schema, values, _ = draw(types(depth - 1))
    if shape == "array":
        return (
            {"type": "array", "items": schema},
            st.lists(values, max_size=3).map(unzip),
            frozenset({"array"}),
        )
    keyed = st.dictionaries(TEXT, values, max_size=3).map(unzip_keyed)
    return {"type": "map", "values": schema}, keyed, frozenset({"object"})


@st.composite
def records(draw: st.DrawFn, depth: int) -> Typed:
    names = draw(
        st.lists(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), unique=True, max_size=5)
    )
    fields, strategies, defaults = [], {}, {}
    for name in names:
        schema, values, _ = draw(types(depth))
        field = {"name": name, "type": schema}
        if schema in ("string", "long", "boolean") and draw(st.booleans()):
            field["default"], defaults[name] = draw(values)
        fields.append(field)
        strategies[name] = values
    optional = {name: strategies[name] for name in defaults}
    required = {name: values for name, values in strategies.items() if name not in defaults}
    values = st.fixed_dictionaries(required, optional=optional).map(
        lambda pairs: (
            {n: p[0] for n, p in pairs.items()},
            {**defaults, **{n: p[1] for n, p in pairs.items()}},
        )
    )
    return {"type": "record", "name": "R", "fields": fields}, values, frozenset({"object"})


@st.composite
def unions(draw: st.DrawFn, depth: int) -> Typed:
    """Draw a union in which each JSON kind has one branch, so that a value's branch is beyond doubt."""
    taken: frozenset[str] = frozenset()
    schemas, strategies = [], []
    for schema, values, kinds in draw(st.lists(types(depth), min_size=2, max_size=4)):
        if not isinstance(schema, list) and not kinds & taken:
            taken |= kinds
            schemas.append(schema)
            strategies.append(values)
    if not schemas:  # every draw was a union, which another cannot hold
        return ["null"], st.just((None, None)), frozenset({"null"})
    return schemas, st.one_of(strategies), taken


def unzip(pairs: list[Pair]) -> Pair:
    return [sent for sent, _ in pairs], [read for _, read in pairs]


def unzip_keyed(pairs: dict[str, Pair]) -> Pair:
    return {k: sent for k, (sent, _) in pairs.items()}, {k: read for k, (_, read) in pairs.items()}
