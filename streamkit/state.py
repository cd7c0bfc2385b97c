"""Keyed state of one input partition: an overlay of changes over what is committed."""

from collections.abc import Callable, Iterator
from typing import Protocol

from streamkit.errors import StopError

# (version of the stored value, key, value) -> value in the present form. Pure.
Migrate = Callable[[int, bytes, bytes], bytes]

_ABSENT = object()


class CommittedState(Protocol):
    """What is committed: raw values, each behind its version byte."""

    def get(self, key: bytes) -> bytes | None:
        """Return the raw value, or None."""
        ...

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, raw value) with the prefix and not before `start`, in key order."""
        ...


class PartitionState:
    """State of ONE input partition, as a step sees it; the loop commits or discards the changes.

    Keys and values are bytes; keys must not be empty. Each value is stored behind one byte, the
    version of its form. A value of an older version goes through `migrate`, or is refused (StopError).
    """

    __slots__ = ("_changes", "_committed", "_migrate", "_prefix", "_version")

    def __init__(
        self, committed: CommittedState | None = None, *, version: int = 1, migrate: Migrate | None = None
    ) -> None:
        self._committed: CommittedState = committed if committed is not None else MemoryState()
        self._changes: dict[bytes, bytes | None] = {}
        self._version = version
        self._prefix = bytes([version])
        self._migrate = migrate

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key` as this batch sees it, or None."""
        raw = self._changes.get(key, _ABSENT)
        if raw is _ABSENT:
            raw = self._committed.get(key)
        if raw is None:
            return None
        assert isinstance(raw, bytes)  # noqa: S101 - narrows the sentinel away for the type checker
        return raw[1:] if raw[0] == self._version else self._migrated(key, raw)

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`; visible at once to this partition, to others never."""
        self._changes[key] = self._prefix + value

    def delete(self, key: bytes) -> None:
        """Remove `key`; removing an absent key is no error."""
        self._changes[key] = None

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) of all keys with the prefix and not before `start`, in key order.

        Costs a pass over this batch's changes: not for every record. Changes made while it runs may
        or may not be seen; collect first when you delete as you go.
        """
        changed = sorted(k for k in self._changes if k >= start and k.startswith(prefix))
        position = 0
        for key, raw in self._committed.scan(prefix, start):
            while position < len(changed) and changed[position] < key:
                yield from self._changed(changed[position])
                position += 1
            if position < len(changed) and changed[position] == key:
                yield from self._changed(key)
                position += 1
            else:
                yield key, raw[1:] if raw[0] == self._version else self._migrated(key, raw)
        for key in changed[position:]:
            yield from self._changed(key)

    @property
    def changes(self) -> dict[bytes, bytes | None]:
        """Raw values changed since the last clear; None is a deletion. The loop's side of the overlay."""
        return self._changes

    def clear(self) -> None:
        """Forget the changes: they are committed now, or discarded."""
        self._changes = {}

    def _changed(self, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        raw = self._changes.get(key)
        if raw is not None:
            yield key, raw[1:]

    def _migrated(self, key: bytes, raw: bytes) -> bytes:
        if self._migrate is None or raw[0] > self._version:
            raise StopError(
                f"state holds a value of version {raw[0]}, this code writes version {self._version}",
                hint="Deploy the matching version, or rebuild the state with `kapstan replay`",
            )
        return self._migrate(raw[0], key, raw[1:])


class MemoryState:
    """Committed state in a dict: for unit tests of steps, and beneath the in-memory store."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the raw value, or None."""
        return self.values.get(key)

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, raw value) with the prefix and not before `start`, in key order."""
        for key in sorted(k for k in self.values if k >= start and k.startswith(prefix)):
            yield key, self.values[key]

    def apply(self, changes: dict[bytes, bytes | None]) -> None:
        """Take over the changes of a PartitionState."""
        for key, value in changes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
