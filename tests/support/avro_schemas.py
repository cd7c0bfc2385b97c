"""Generated Avro schemas, each with data that fits it."""

import string
from itertools import count

from hypothesis import strategies as st

NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
LOGICAL: dict[str, list[str | None]] = {
    "int": [None, "date", "time-millis"],
    "long": [None, "timestamp-millis", "timestamp-micros", "time-micros", "local-timestamp-millis"],
    "string": [None, "uuid"],
    "bytes": [None],
}
DATA = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=20),
    "string": st.text(max_size=10),
}
# Two branches of one union that one value fits would not come back as they went. That includes bytes beside
# string: resolution takes the reader's first branch to which the writer's may be promoted.
UNION_GROUPS = [["null"], ["boolean"], ["int", "long"], ["bytes", "string"], ["double"]]


class Draw:
    """Draws one schema and a strategy for its data; names are unique within it."""

    def __init__(self, draw):
        self._draw = draw
        self._numbers = count()

    def any(self, depth):
        kinds = [*DATA, "enum", "fixed", "decimal"]
        if depth > 0:
            kinds += ["record", "array", "map", "union"] * 2
        kind = self._draw(st.sampled_from(kinds))
        return getattr(self, f"_{kind}", lambda depth: self._primitive(kind))(depth)

    def record(self, depth):
        names = self._draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        drawn = {name: self.any(depth - 1) for name in names}
        fields = [{"name": name, "type": schema} for name, (schema, _) in drawn.items()]
        data = st.fixed_dictionaries({name: data for name, (_, data) in drawn.items()})
        return self._named({"type": "record", "fields": fields}), data

    _record = record

    def _named(self, schema):
        return {**schema, "name": f"N{next(self._numbers)}", "namespace": "generated"}

    def _primitive(self, kind):
        logical = self._draw(st.sampled_from(LOGICAL.get(kind, [None])))
        return ({"type": kind, "logicalType": logical} if logical else kind), DATA[kind]

    def _enum(self, _):
        symbols = self._draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        return self._named({"type": "enum", "symbols": symbols}), st.sampled_from(symbols)

    def _fixed(self, _):
        size = self._draw(st.integers(1, 8))
        return self._named({"type": "fixed", "size": size}), st.binary(min_size=size, max_size=size)

    def _decimal(self, _):
        return {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, DATA["bytes"]

    def _array(self, depth):
        items, data = self.any(depth - 1)
        return {"type": "array", "items": items}, st.lists(data, max_size=4)

    def _map(self, depth):
        values, data = self.any(depth - 1)
        return {"type": "map", "values": values}, st.dictionaries(st.text(max_size=5), data, max_size=4)

    def _union(self, depth):
        groups = self._draw(st.lists(st.sampled_from(UNION_GROUPS), min_size=1, max_size=4, unique_by=tuple))
        branches = [self._primitive(self._draw(st.sampled_from(group))) for group in groups]
        if self._draw(st.booleans()):
            branches.append(self.record(depth - 1))
        branches = self._draw(st.permutations(branches))
        return [schema for schema, _ in branches], st.one_of([data for _, data in branches])


@st.composite
def schemas_with_data(draw):
    """A record schema and a strategy for its data."""
    return Draw(draw).record(3)


@st.composite
def schemas_and_datum(draw):
    """A record schema and one datum that fits it."""
    schema, data = Draw(draw).record(3)
    return schema, draw(data)
