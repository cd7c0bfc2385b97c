"""Which branch of a union takes a value: decided by its shape, so in one look and without going back.

null and booleans go to their branch; a number or a text to the first branch in schema order that holds
it; an array to the array; an object to the first record whose field names fit (all known, all required
ones there), else to the map. The JSON of a union is the plain value, without the type's name around it.
"""

from collections.abc import Mapping, Sequence

from services.ingest_gateway.schema import Array, Enum, Leaf, MapOf, Node, Record

_NUMERIC = frozenset({"int", "long", "float", "double"})
_TEXTUAL = frozenset({"string", "bytes", "fixed"})


def takes_kind(node: Node, value: object) -> bool:
    """Tell whether a value's JSON kind (null, boolean, number, text, array, object) can fit the node."""
    if isinstance(node, Enum):
        return type(value) is str
    if isinstance(node, Array):
        return type(value) is list
    if isinstance(node, MapOf | Record):
        return type(value) is dict
    if isinstance(node, Leaf):
        return _leaf_takes_kind(node, value)
    return any(takes_kind(branch, value) for branch in node.branches)


def _leaf_takes_kind(leaf: Leaf, value: object) -> bool:
    if value is None:
        return leaf.kind == "null"
    if type(value) is bool:
        return leaf.kind == "boolean"
    if type(value) is str:
        return leaf.kind in _TEXTUAL or leaf.logical is not None
    if type(value) is int or type(value) is float:
        return leaf.kind in _NUMERIC or leaf.logical == "decimal"
    return False


def branch_of_object(branches: Sequence[Node], value: Mapping[str, object]) -> int | None:
    """Return the index of the branch for an object, or None when the union has neither record nor map.

    When no record fits and there is no map, the record that fits best is chosen, so that errors point at the
    fields that are wrong with it.
    """
    records = [(i, branch) for i, branch in enumerate(branches) if isinstance(branch, Record)]
    for index, record in records:
        if misfits(record, value) == 0:
            return index
    for index, branch in enumerate(branches):
        if isinstance(branch, MapOf):
            return index
    return min(records, key=lambda item: misfits(item[1], value))[0] if records else None


def misfits(record: Record, value: Mapping[str, object]) -> int:
    """Return how many required fields are missing and how many fields are unknown."""
    return len(record.required() - value.keys()) + len(value.keys() - record.names())
