"""Finds the field at which bytes stop being a record of their schema.

The decoders are fast and say only that they failed; this slow walk runs afterwards, once per bad record,
so that a dead letter can point at the field.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from streamkit.avro import Schema, kind_of

_MOST_ITEMS = 1 << 24  # items may take no bytes at all, so only their number bounds the walk


class Fault(NamedTuple):
    """What is wrong with the bytes, and the JSON pointer of the field where it shows; "" is the whole."""

    pointer: str
    problem: str


class _FaultFoundError(Exception):
    def __init__(self, pointer: str, problem: str) -> None:
        super().__init__(problem)
        self.fault = Fault(pointer, problem)


def find_fault(schema: Schema, payload: bytes) -> Fault | None:
    """Walk the bytes as the schema lays them out; return the first fault, or None when there is none.

    Args:
        schema: the writer's schema.
        payload: one datum in Avro binary encoding, without the wire format's five bytes.
    """
    return read_leaves(schema, payload)[1]


def read_leaves(schema: Schema, payload: bytes) -> tuple[list[tuple[str, object]], Fault | None]:
    """Return every value up to the first fault with its JSON pointer, and the fault; see `find_fault`."""
    walker = _Walker(schema, payload)
    try:
        walker.walk(schema.physical, "")
    except _FaultFoundError as found:
        return walker.leaves, found.fault
    except RecursionError:
        return walker.leaves, Fault("", "it is nested too deeply")
    left = len(payload) - walker.at
    return walker.leaves, Fault("", f"{left} bytes are left over after the last field") if left else None


class _Walker:
    def __init__(self, schema: Schema, payload: bytes) -> None:
        self._payload = payload
        self._resolve = schema.resolve
        self._leaf: dict[str, Callable[[Any, str], object]] = {
            "null": lambda *_: None,
            "boolean": self._boolean,
            "int": lambda _, pointer: self._bounded(pointer, 31),
            "long": lambda _, pointer: self._bounded(pointer, 63),
            "float": lambda _, pointer: struct.unpack("<f", self._skip(4, pointer))[0],
            "double": lambda _, pointer: struct.unpack("<d", self._skip(8, pointer))[0],
            "bytes": lambda _, pointer: self._sized(pointer),
            "string": self._string,
            "fixed": lambda schema, pointer: self._skip(schema["size"], pointer),
            "enum": self._enum,
        }
        self._walks: dict[str, Callable[[Any, str], None]] = {
            "array": self._array,
            "map": self._map,
            "record": self._record,
            "error": self._record,
            "union": self._union,
        }
        self.leaves: list[tuple[str, object]] = []
        self.at = 0

    def walk(self, schema: Any, pointer: str) -> None:
        schema = self._resolve(schema)
        kind = kind_of(schema)
        if kind in self._leaf:
            self.leaves.append((pointer, self._leaf[kind](schema, pointer)))
        else:
            self._walks[kind](schema, pointer)

    def _skip(self, size: int, pointer: str) -> bytes:
        if size < 0:
            raise _FaultFoundError(pointer, f"its length is {size}")
        left = len(self._payload) - self.at
        if size > left:
            raise _FaultFoundError(pointer, f"it takes {size} bytes and {left} are left")
        self.at += size
        return self._payload[self.at - size : self.at]

    def _varint(self, pointer: str) -> int:
        """Read a zig-zag varint (Avro specification, "Primitive Types"): at most ten bytes."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self._skip(1, pointer)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return (value >> 1) ^ -(value & 1)
        raise _FaultFoundError(pointer, "its number has more than ten bytes")

    def _bounded(self, pointer: str, bits: int) -> int:
        value = self._varint(pointer)
        if not -(1 << bits) <= value < 1 << bits:
            raise _FaultFoundError(pointer, f"{value} does not fit into {bits + 1} bits")
        return value

    def _boolean(self, _: Any, pointer: str) -> bool:
        value = self._skip(1, pointer)[0]
        if value > 1:
            raise _FaultFoundError(pointer, f"a boolean is 0 or 1, this byte is {value}")
        return bool(value)

    def _sized(self, pointer: str) -> bytes:
        return self._skip(self._varint(pointer), pointer)

    def _string(self, _: Any, pointer: str) -> str:
        try:
            return self._sized(pointer).decode()
        except UnicodeDecodeError as error:
            raise _FaultFoundError(
                pointer, f"it is not UTF-8: {error.reason} at byte {error.start}"
            ) from error

    def _index(self, pointer: str, size: int, what: str) -> int:
        index = self._varint(pointer)
        if not 0 <= index < size:
            raise _FaultFoundError(pointer, f"it names {what} {index} of {size}")
        return index

    def _enum(self, schema: Any, pointer: str) -> str:
        return str(schema["symbols"][self._index(pointer, len(schema["symbols"]), "symbol")])

    def _union(self, schema: Any, pointer: str) -> None:
        self.walk(schema[self._index(pointer, len(schema), "branch")], pointer)

    def _blocks(self, pointer: str, item: Callable[[int], None]) -> None:
        """Read blocks of items; a negative count is followed by the block's size in bytes."""
        done = 0
        while count := self._varint(pointer):
            if abs(count) > _MOST_ITEMS:
                raise _FaultFoundError(pointer, f"it claims {abs(count)} items")
            if count < 0:
                self._varint(pointer)
            for index in range(done, done + abs(count)):
                item(index)
            done += abs(count)

    def _array(self, schema: Any, pointer: str) -> None:
        self._blocks(pointer, lambda index: self.walk(schema["items"], f"{pointer}/{index}"))

    def _map(self, schema: Any, pointer: str) -> None:
        def entry(_: int) -> None:
            key = self._sized(pointer).decode("utf-8", "replace")
            self.walk(schema["values"], f"{pointer}/{_escaped(key)}")

        self._blocks(pointer, entry)

    def _record(self, schema: Any, pointer: str) -> None:
        for field in schema["fields"]:
            self.walk(field["type"], f"{pointer}/{_escaped(field['name'])}")


def _escaped(name: str) -> str:
    """Escape one step of a JSON pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")
