"""Pure: 64 bits for each row of Arrow columns, by whole columns at a time.

Rows that hold the same under the same names have the same hash, whatever the order of columns, the width of
a number, or the columns beside them that are null: a table may have been given more columns since. It tells
what differs by fault; against somebody who picks colliding values on purpose it is no protection.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

# Of a sequence: the sum of element k times BASE**k, modulo 2**64. An odd base can be divided by again.
_BASE = 0xD6E8FEB86659FD93
_PIECE = 1 << 20
"""Elements at a time; each takes 24 bytes while it is being worked on."""


def row_hashes(columns: Mapping[str, pa.Array], rows: int) -> Hashes:
    """Return the hash of each row.

    Args:
        columns: by name, each with `rows` values.
        rows: their number.
    """
    found = np.zeros(rows, np.uint64)
    for name, column in columns.items():
        _add(found, name, column)
    return mixed(found)


def mixed(values: Hashes) -> Hashes:
    """Return each value with every bit spread over all of them (the finalizer of SplitMix64)."""
    spread = values + np.uint64(0x9E3779B97F4A7C15)
    spread = (spread ^ (spread >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    spread = (spread ^ (spread >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return spread ^ (spread >> np.uint64(31))


def _add(found: Hashes, name: str, column: pa.Array) -> None:
    """Add a column to the rows' sums; a null adds nothing."""
    if column.null_count == len(column):
        return
    values = mixed(_values(column) ^ _seed(name))
    if column.null_count:
        values[pc.is_null(column).to_numpy(zero_copy_only=False)] = 0
    found += values


def _values(column: pa.Array) -> Hashes:
    """Return 64 bits for each value; what they are where it is null does not matter."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _values(column.dictionary_decode())
    if pa.types.is_struct(kind):
        parts = zip((each.name for each in kind), column.flatten(), strict=True)
        return row_hashes(dict(parts), len(column))
    if pa.types.is_map(kind):
        inner = {"key": column.keys, "value": column.items}
        return _of_lists(
            column, lambda at, size: {name: each.slice(at, size) for name, each in inner.items()}
        )
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _of_lists(column, lambda at, size: {"item": column.values.slice(at, size)})
    return _of_bytes(column) if any(is_one(kind) for is_one in _TEXTS) else _of_numbers(column)


_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_decimal,
)


def _of_numbers(column: pa.Array) -> Hashes:
    kind = column.type
    if pa.types.is_floating(kind):
        wide = column.cast(pa.float64())
    elif pa.types.is_timestamp(kind):
        wide = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    elif pa.types.is_time(kind):
        wide = column.cast(pa.time64("us")).cast(pa.int64())
    elif pa.types.is_date(kind):
        wide = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    else:
        wide = column.cast(pa.int64())
    filled: Hashes = wide.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
    return filled


def _of_bytes(column: pa.Array) -> Hashes:
    texts = column.cast(pa.string()) if pa.types.is_decimal(column.type) else column
    wide = texts.cast(pa.large_binary())
    _, at, content = wide.buffers()
    offsets = np.frombuffer(at, np.int64)[wide.offset : wide.offset + len(wide) + 1]
    content = np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)
    return _of_sequences(offsets, content)


def _of_lists(column: pa.Array, inner: Callable[[int, int], Mapping[str, pa.Array]]) -> Hashes:
    offsets = np.asarray(column.offsets).astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    items = row_hashes(inner(first, last - first), last - first)
    return _of_sequences(offsets - first, items)


def _of_sequences(offsets: Ints, elements: npt.NDArray[np.uint8] | Hashes) -> Hashes:
    """Return 64 bits for each run of elements between two offsets."""
    found = np.empty(len(offsets) - 1, np.uint64)
    for start, stop in _pieces(offsets):
        at = offsets[start : stop + 1] - offsets[start]
        size = int(at[-1])
        powers, inverse = _powers(_room(size))
        terms = elements[offsets[start] : offsets[stop]].astype(np.uint64) * powers[:size]
        sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)))
        lengths = np.diff(at).astype(np.uint64)
        found[start:stop] = (sums[at[1:]] - sums[at[:-1]]) * inverse[at[:-1]] + lengths
    return found


def _pieces(offsets: Ints) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows with a limited number of elements, one row at least."""
    start, rows = 0, len(offsets) - 1
    while start < rows:
        beyond = int(np.searchsorted(offsets, offsets[start] + _PIECE, side="right")) - 1
        stop = min(rows, max(start + 1, beyond))
        yield start, stop
        start = stop


def _room(size: int) -> int:
    """Return a size that few others round up to as well."""
    return max(_PIECE, 1 << max(size, 1).bit_length())


@cache
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return the first powers of the base, and those of its inverse."""
    found = []
    for base in (_BASE, pow(_BASE, -1, 1 << 64)):
        powers = np.full(count, base, np.uint64)
        powers[0] = 1
        found.append(np.cumprod(powers, dtype=np.uint64))
    return found[0], found[1]


@cache
def _seed(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big"))
