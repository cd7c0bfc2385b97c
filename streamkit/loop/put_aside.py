"""Put aside: side records that could not be decoded, kept for whoever has to write their letters."""

from collections.abc import Sequence
from dataclasses import replace

from streamkit.records import Record, Rejected

_MOST_BYTES = 64 * 1024 * 1024


class PutAside:
    """Keeps all of them, for each must get its dead letter, but of their bytes no more than `most_bytes`.

    The oldest lose their bytes first: their letters are most likely written already.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rejected: list[Rejected] = []
        self._bytes = 0
        self._whole_from = 0

    @property
    def records(self) -> Sequence[Rejected]:
        """Return them, the newest last; an index always means the same record."""
        return self._rejected

    def add(self, rejected: Rejected) -> None:
        """Keep one more."""
        self._rejected.append(rejected)
        self._bytes += _size(rejected.record)
        while self._bytes > self._most_bytes:
            oldest = self._rejected[self._whole_from]
            self._rejected[self._whole_from] = _stripped(oldest)
            self._bytes -= _size(oldest.record)
            self._whole_from += 1


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def _stripped(rejected: Rejected) -> Rejected:
    return replace(
        rejected,
        record=replace(rejected.record, key=None, value=None, headers=()),
        detail=f"{rejected.detail} Its bytes are not kept here, there were too many like it: read them at "
        "the place it came from.",
    )
