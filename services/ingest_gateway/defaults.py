"""Defaults as a schema writes them, turned into values as a producer would send them."""

from base64 import b64encode
from collections.abc import Mapping

from services.ingest_gateway.schema import Array, Leaf, MapOf, Node, Record, Union

_TEXTUAL = frozenset({"string", "bytes", "fixed"})


def as_sent(node: Node, default: object) -> object:
    """Return the JSON value that stands for a default.

    A schema writes the default of bytes and fixed as text whose code points are the bytes (Avro 1.12,
    "Complex Types"); producers send base64, and a decimal as a number. All else is the same in both.
    """
    if isinstance(node, Leaf) and node.kind in {"bytes", "fixed"} and isinstance(default, str):
        return _bytes_as_sent(node, default.encode("latin-1"))
    if isinstance(node, Array) and isinstance(default, list):
        return [as_sent(node.items, item) for item in default]
    if isinstance(node, MapOf) and isinstance(default, Mapping):
        return {key: as_sent(node.values, item) for key, item in default.items()}
    if isinstance(node, Record) and isinstance(default, Mapping):
        types = {f.name: f.type for f in node.fields}
        return {key: as_sent(types[key], item) if key in types else item for key, item in default.items()}
    if isinstance(node, Union) and isinstance(default, str):
        text = next((b for b in node.branches if isinstance(b, Leaf) and b.kind in _TEXTUAL), None)
        return default if text is None else as_sent(text, default)
    return default


def _bytes_as_sent(node: Leaf, raw: bytes) -> object:
    if node.logical == "decimal":
        return f"{int.from_bytes(raw, 'big', signed=True)}e-{node.scale}"
    if node.logical == "uuid":
        text = raw.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return b64encode(raw).decode()
