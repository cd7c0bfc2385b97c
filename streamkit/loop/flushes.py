"""When a sink commits: by records, by bytes, or by the age of the oldest uncommitted record."""

from collections.abc import Sequence

from streamkit.clock import Clock
from streamkit.records import Record

# What a record costs a destination beside its key and value: headers, timestamp, place.
_OVERHEAD_BYTES = 100


class Flushes:
    """Counts what was written since the last commit."""

    def __init__(self, clock: Clock, max_records: int, max_bytes: int, max_age_ms: int) -> None:
        self._clock = clock
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._max_age_s = max_age_ms / 1000
        self.reset()

    def reset(self) -> None:
        """Note that nothing is uncommitted."""
        self.records = 0
        self._bytes = 0
        self._since: float | None = None

    def add(self, records: Sequence[Record]) -> None:
        """Count records that were written."""
        if records and self._since is None:
            self._since = self._clock.monotonic()
        self.records += len(records)
        self._bytes += _OVERHEAD_BYTES * len(records)
        self._bytes += sum([len(r.value or b"") + len(r.key or b"") for r in records])

    def due(self) -> bool:
        """Tell whether a limit is reached."""
        return self.records >= self._max_records or self._bytes >= self._max_bytes or self.wait_s() == 0.0

    def wait_s(self) -> float | None:
        """Return how long until the oldest record is old enough; None when nothing is uncommitted."""
        if self._since is None:
            return None
        return max(0.0, self._since + self._max_age_s - self._clock.monotonic())
