"""Pure: which records of two stores answer each other, and which do not."""

from dataclasses import dataclass

import numpy as np

from replay.entries import Entries, Hashes, Ints

# Weyl's multiplier (2**64 / golden ratio): spreads the numbers of equal ids over all 64 bits.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(slots=True)
class Diff:
    """Rows of two Entries.

    Attributes:
        equal: how many records are in both and say the same.
        missing: rows of the first that the second lacks.
        extra: rows of the second that the first lacks.
        differing: rows of the first, and beside them those of the second, that say something else.
    """

    equal: int
    missing: Ints
    extra: Ints
    differing: tuple[Ints, Ints]


def diff(live: Entries, replayed: Entries) -> Diff:
    """Match records by id; several of one id are matched in the order in which they stand."""
    keys, others = _keys(live), _keys(replayed)
    order, other_order = np.argsort(keys, kind="stable"), np.argsort(others, kind="stable")
    keys, others = keys[order], others[other_order]
    at = np.searchsorted(others, keys)
    matched = _hit(others, at, keys)
    rows, other_rows = order[matched], other_order[at[matched]]
    same = live.contents[rows] == replayed.contents[other_rows]
    found = np.zeros(len(replayed), np.bool_)
    found[other_rows] = True
    return Diff(
        equal=int(same.sum()),
        missing=_placed(live, order[~matched]),
        extra=_placed(replayed, np.flatnonzero(~found)),
        differing=(rows[~same], other_rows[~same]),
    )


def _keys(entries: Entries) -> Hashes:
    """Return ids made distinct: the second record of an id gets another key, the third yet another."""
    order = np.lexsort((entries.offsets, entries.partitions, entries.ids))
    ids = entries.ids[order]
    if not ids.size:
        return ids
    first = np.concatenate(([True], ids[1:] != ids[:-1]))
    starts = np.maximum.accumulate(np.where(first, np.arange(ids.size), 0))
    nth = (np.arange(ids.size) - starts).astype(np.uint64)
    keys = np.empty_like(ids)
    keys[order] = ids + nth * _SPREAD
    return keys


def _hit(ordered: Hashes, at: Ints, wanted: Hashes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not ordered.size:
        return np.zeros(wanted.size, np.bool_)
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = ordered[np.minimum(at, ordered.size - 1)] == wanted
    return found


def _placed(entries: Entries, rows: Ints) -> Ints:
    """Return rows in the order in which their records stand."""
    return rows[np.lexsort((entries.offsets[rows], entries.partitions[rows]))]
