"""Pure: records of one store as arrays: who each is, what it says, and where it stands."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


class Place(NamedTuple):
    """Where a record stands in its store; a table without partitions counts its rows in partition 0."""

    partition: int
    offset: int


def hashed(*parts: bytes) -> int:
    """Return 64 bits for a sequence of texts; two of ten million differ in them but for odds of 1:370,000."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        # A length before each keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(len(part).to_bytes(4, "big") + part)
    return int.from_bytes(digest.digest(), "big")


def canonical(fields: Any) -> bytes:
    """Return decoded fields as one text: equal fields give the same, whatever the order of names."""
    return orjson.dumps(fields, default=_text, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


@dataclass(slots=True)
class Entries:
    """28 bytes for each record; the arrays are of one length.

    Attributes:
        ids: hash of what a record is about: its source, or its key.
        contents: hash of what it says.
        partitions: where it stands.
        offsets: where it stands there.
    """

    ids: Hashes
    contents: Hashes
    partitions: npt.NDArray[np.int32]
    offsets: Ints

    def __len__(self) -> int:
        return int(self.ids.size)

    def place(self, row: int) -> Place:
        """Return where the record of a row stands."""
        return Place(int(self.partitions[row]), int(self.offsets[row]))


class Gathering:
    """Takes records as they come; numbers are kept packed."""

    def __init__(self) -> None:
        self._parts: list[Entries] = []

    def take(self, found: Sequence[tuple[int, int, Place]]) -> None:
        """Take (id, content, place) of some records."""
        if found:
            self._parts.append(
                Entries(
                    np.array([each[0] for each in found], np.uint64),
                    np.array([each[1] for each in found], np.uint64),
                    np.array([each[2].partition for each in found], np.int32),
                    np.array([each[2].offset for each in found], np.int64),
                )
            )

    def entries(self) -> Entries:
        """Return all that was taken."""
        if not self._parts:
            nothing = np.empty(0, np.uint64)
            return Entries(nothing, nothing, np.empty(0, np.int32), np.empty(0, np.int64))
        return Entries(
            np.concatenate([each.ids for each in self._parts]),
            np.concatenate([each.contents for each in self._parts]),
            np.concatenate([each.partitions for each in self._parts]),
            np.concatenate([each.offsets for each in self._parts]),
        )


class Among:
    """Tells whether a hash is one of many; a set of Python numbers would take ten times the memory."""

    def __init__(self, hashes: Iterable[int]) -> None:
        self._ordered = np.unique(np.fromiter(hashes, np.uint64))

    def __contains__(self, wanted: int) -> bool:
        at = int(np.searchsorted(self._ordered, np.uint64(wanted)))
        return at < self._ordered.size and int(self._ordered[at]) == wanted

    def __len__(self) -> int:
        return int(self._ordered.size)


def _text(value: object) -> str:
    """Return as text what JSON has no form for: bytes as hex, a decimal as its digits."""
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
