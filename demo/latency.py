"""Exact quantiles of latencies in whole milliseconds."""

from collections import Counter
from threading import Lock


class Latencies:
    """Counts by millisecond, so nothing is rounded and a day of traffic is a few kilobytes. Thread-safe."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._lock = Lock()

    def add(self, milliseconds: int) -> None:
        """Count one latency."""
        with self._lock:
            self._counts[milliseconds] += 1

    def reset(self) -> None:
        """Forget all."""
        with self._lock:
            self._counts.clear()

    def __len__(self) -> int:
        with self._lock:
            return self._counts.total()

    def quantiles(self, *shares: float) -> tuple[int | None, ...]:
        """For each share in (0, 1] the smallest latency that so many are at or below; None without any."""
        with self._lock:
            counts = sorted(self._counts.items())
        total = sum(count for _, count in counts)
        return tuple(_quantile(counts, share * total) if total else None for share in shares)


def _quantile(counts: list[tuple[int, int]], rank: float) -> int:
    seen = 0
    for milliseconds, count in counts:
        seen += count
        if seen >= rank:
            return milliseconds
    return counts[-1][0]
