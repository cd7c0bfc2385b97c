"""Where event logs are kept between two events: in a service's state, or in memory for training."""

import sys
from collections.abc import Iterator
from typing import Protocol

from payments.eventlog import SEGMENT_EVENTS, EventLog, Store


class Logs(Protocol):
    """Lends the log of a key and takes it back."""

    def open(self, key: bytes, keep_ms: int) -> EventLog:
        """The log of `key`, empty when there is none yet."""
        ...

    def close(self, log: EventLog) -> None:
        """Keep the log as it is now."""
        ...


class StoredLogs:
    """Logs as bytes in a key-value state."""

    def __init__(self, store: Store, segment_events: int = SEGMENT_EVENTS) -> None:
        self.store = store
        self._segment_events = segment_events

    def open(self, key: bytes, keep_ms: int) -> EventLog:
        """Read the log of `key`."""
        return EventLog(self.store, key, keep_ms, self._segment_events)

    def close(self, log: EventLog) -> None:
        """Write it back."""
        log.save()


class MemoryLogs:
    """Logs as objects: the same answers at half the cost, for one pass over a bounded history."""

    def __init__(self) -> None:
        self._logs: dict[bytes, EventLog] = {}

    def open(self, key: bytes, keep_ms: int) -> EventLog:
        """The log of `key`, made when it is first asked for."""
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = EventLog(_Nothing(), key, keep_ms, sys.maxsize)
        return log

    def close(self, log: EventLog) -> None:
        """Nothing to do: the log is the object that was lent."""


class _Nothing:
    """A store that is always empty: a log that never seals a segment asks it once and writes nothing."""

    def get(self, key: bytes) -> bytes | None:  # noqa: ARG002 - the protocol's argument
        return None

    def put(self, key: bytes, value: bytes) -> None:
        raise NotImplementedError

    def delete(self, key: bytes) -> None:
        raise NotImplementedError

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:  # noqa: ARG002 - the protocol's argument
        return iter(())
