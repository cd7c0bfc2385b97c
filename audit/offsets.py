"""Pure: sets of offsets as sorted, disjoint ranges; ten million offsets in a row take two numbers."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class OffsetSet:
    """An immutable set of offsets >= 0, held as half-open ranges [start, stop).

    Operations take time and memory in the number of ranges, which is that of the gaps: transaction
    markers make one per transaction at most.
    """

    __slots__ = ("_starts", "_stops")

    def __init__(self, starts: Ints, stops: Ints) -> None:
        """Take ranges that are sorted, disjoint, not empty and do not touch; `of` makes them from any."""
        self._starts = starts
        self._stops = stops

    @classmethod
    def of(cls, offsets: Iterable[int] | npt.NDArray[Any]) -> "OffsetSet":
        """Return the set of these offsets, in any order, repeated or not."""
        given = offsets if isinstance(offsets, np.ndarray) else np.fromiter(offsets, np.int64)
        found = _ascending(given.astype(np.int64, copy=False))
        if not found.size:
            return EMPTY
        breaks = np.flatnonzero(np.diff(found) > 1)
        starts = np.concatenate((found[:1], found[breaks + 1]))
        stops = np.concatenate((found[breaks], found[-1:])) + 1
        return cls(starts, stops)

    @classmethod
    def span(cls, start: int, stop: int) -> "OffsetSet":
        """Return all offsets from `start` up to and without `stop`."""
        if stop <= start:
            return EMPTY
        return cls(np.array([start], np.int64), np.array([stop], np.int64))

    def __len__(self) -> int:
        return int((self._stops - self._starts).sum())

    def __bool__(self) -> bool:
        return bool(self._starts.size)

    def __iter__(self) -> Iterator[int]:
        for start, stop in zip(self._starts.tolist(), self._stops.tolist(), strict=True):
            yield from range(start, stop)

    def __contains__(self, offset: int) -> bool:
        place = int(np.searchsorted(self._starts, offset, side="right")) - 1
        return place >= 0 and offset < int(self._stops[place])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OffsetSet):
            return NotImplemented
        return np.array_equal(self._starts, other._starts) and np.array_equal(self._stops, other._stops)

    def __hash__(self) -> int:
        return hash((self._starts.tobytes(), self._stops.tobytes()))

    def __repr__(self) -> str:
        ranges = [f"{a}..{b - 1}" for a, b in islice(zip(self._starts, self._stops, strict=True), 5)]
        return f"OffsetSet({', '.join(ranges)}{', ...' if self._starts.size > 5 else ''})"

    @property
    def ranges(self) -> int:
        """Number of ranges."""
        return int(self._starts.size)

    @property
    def last(self) -> int:
        """The greatest offset; raises IndexError when there is none."""
        return int(self._stops[-1]) - 1

    def first(self, count: int) -> list[int]:
        """Return the smallest offsets, at most `count`."""
        return list(islice(self, count))

    def __or__(self, other: "OffsetSet") -> "OffsetSet":
        return _where(self, other, lambda mine, its: mine | its)

    def __and__(self, other: "OffsetSet") -> "OffsetSet":
        return _where(self, other, lambda mine, its: mine & its)

    def __sub__(self, other: "OffsetSet") -> "OffsetSet":
        return _where(self, other, lambda mine, its: mine & ~its)


def _where(one: OffsetSet, two: OffsetSet, keep: Any) -> OffsetSet:
    """Return the offsets for which `keep(in one, in two)` holds, by one sweep over the ends of all ranges."""
    edges = _ascending(np.concatenate((one._starts, one._stops, two._starts, two._stops)))  # noqa: SLF001 - own class
    if not edges.size:
        return EMPTY
    # Between two neighbouring edges, membership does not change; the edge itself stands for the range.
    kept = keep(_holds(one, edges), _holds(two, edges))
    changes = np.flatnonzero(np.diff(np.concatenate(([False], kept))))
    bounds = edges[changes]
    return OffsetSet(bounds[::2], bounds[1::2])


def _ascending(offsets: Ints) -> Ints:
    """Return the distinct offsets in order. numpy's `unique` hashes, which takes minutes for ten million."""
    if offsets.size > 1 and not (offsets[1:] > offsets[:-1]).all():
        ordered = np.sort(offsets)
        return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
    return offsets


def _holds(held: OffsetSet, at: Ints) -> npt.NDArray[np.bool_]:
    opened = np.searchsorted(held._starts, at, side="right")  # noqa: SLF001 - own class
    closed = np.searchsorted(held._stops, at, side="right")  # noqa: SLF001 - own class
    return opened > closed


EMPTY = OffsetSet(np.empty(0, np.int64), np.empty(0, np.int64))


def repeated(offsets: npt.NDArray[Any]) -> OffsetSet:
    """Return the offsets that occur more than once."""
    ordered = np.sort(offsets.astype(np.int64, copy=False))
    return OffsetSet.of(ordered[1:][ordered[1:] == ordered[:-1]])
