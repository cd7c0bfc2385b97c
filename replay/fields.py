"""Pure: in which fields two decoded values differ."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from replay.entries import canonical

ABSENT = "(absent)"


class FieldDifference(NamedTuple):
    """One field: a JSON pointer into the values, and both sides as text."""

    pointer: str
    live: str
    replayed: str


def differences(live: Any, replayed: Any, pointer: str = "") -> Iterator[FieldDifference]:
    """Yield the smallest fields in which two values differ, in the order of the live one."""
    if isinstance(live, Mapping) and isinstance(replayed, Mapping):
        for name in [*live, *(name for name in replayed if name not in live)]:
            inner = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if name not in live or name not in replayed:
                yield FieldDifference(inner, _shown(live, name), _shown(replayed, name))
            else:
                yield from differences(live[name], replayed[name], inner)
    elif isinstance(live, list) and isinstance(replayed, list) and len(live) == len(replayed):
        for number, (one, other) in enumerate(zip(live, replayed, strict=True)):
            yield from differences(one, other, f"{pointer}/{number}")
    elif canonical(live) != canonical(replayed):
        yield FieldDifference(pointer or "/", text(live), text(replayed))


def top_level(pointer: str) -> str:
    """Return the field of a record's value, or the column, that a pointer leads into; `key` for a key."""
    parts = pointer.split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "value" else parts[1]


def text(value: Any) -> str:
    """Return a value for people: as JSON, bytes in hex."""
    return canonical(value).decode()


def _shown(fields: Mapping[Any, Any], name: Any) -> str:
    return text(fields[name]) if name in fields else ABSENT
