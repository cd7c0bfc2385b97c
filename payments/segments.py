"""Packed pieces of an event log: a segment of events, and the directory of the segments that were sealed.

Both pack to 64-bit little-endian words, the byte order of every machine that Kapstan runs on.
"""

from array import array
from bisect import bisect_right

_WORD = "q"


class Segment:
    """Events in event-time order, ties in order of arrival, with running totals of their amounts."""

    __slots__ = ("times", "totals")

    def __init__(self, packed: bytes = b"") -> None:
        middle = len(packed) // 2
        self.times = array(_WORD, packed[:middle])
        self.totals = array(_WORD, packed[middle:])

    def pack(self) -> bytes:
        """16 bytes per event: all times, then all running totals."""
        return self.times.tobytes() + self.totals.tobytes()

    def insert(self, time_ms: int, amount: int, base_total: int) -> None:
        """Insert one event behind those of the same time; `base_total` is the total before the segment."""
        times, totals = self.times, self.totals
        if not times or time_ms >= times[-1]:
            totals.append((totals[-1] if times else base_total) + amount)
            times.append(time_ms)
            return
        index = bisect_right(times, time_ms)
        totals.insert(index, (totals[index - 1] if index else base_total) + amount)
        times.insert(index, time_ms)
        for later in range(index + 1, len(totals)):
            totals[later] += amount

    def split(self, size: int) -> "Segment":
        """Take the `size` oldest events out and return them as a segment."""
        oldest = Segment()
        oldest.times, oldest.totals = self.times[:size], self.totals[:size]
        del self.times[:size]
        del self.totals[:size]
        return oldest


class Directory:
    """Where the sealed segments of one log are: parallel arrays, oldest segment first."""

    __slots__ = ("counts", "last_times", "numbers", "totals")

    def __init__(self, packed: bytes = b"") -> None:
        quarter = len(packed) // 4
        self.last_times = array(_WORD, packed[:quarter])
        self.counts = array(_WORD, packed[quarter : 2 * quarter])  # events up to and with the segment
        self.totals = array(_WORD, packed[2 * quarter : 3 * quarter])  # their amounts
        self.numbers = array(_WORD, packed[3 * quarter :])

    def __len__(self) -> int:
        return len(self.numbers)

    def pack(self) -> bytes:
        """32 bytes per segment."""
        return b"".join(part.tobytes() for part in (self.last_times, self.counts, self.totals, self.numbers))

    def append(self, last_time: int, count: int, total: int) -> int:
        """Enter a newly sealed segment and return its number."""
        number = self.numbers[-1] + 1 if self.numbers else 0
        self.last_times.append(last_time)
        self.counts.append(count)
        self.totals.append(total)
        self.numbers.append(number)
        return number

    def add_event(self, index: int, amount: int) -> None:
        """Count one more event of `amount` in the segment at `index`."""
        for later in range(index, len(self.counts)):
            self.counts[later] += 1
            self.totals[later] += amount

    def drop(self, size: int) -> "array[int]":
        """Forget the `size` oldest segments and return their numbers."""
        dropped = self.numbers[:size]
        for part in (self.last_times, self.counts, self.totals, self.numbers):
            del part[:size]
        return dropped
