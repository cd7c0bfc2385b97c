"""Pure: what many records say, in 8 bytes for each 4,096 offsets of a partition."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from audit.offsets import Ints
from audit.rowhash import Hashes, mixed
from audit.stores import Place

BLOCK = 4096
_WRAP = (1 << 64) - 1


class Block(NamedTuple):
    """Offsets from `start` to before `start + BLOCK` of one partition."""

    place: Place
    start: int


class Digests:
    """Sums of the hashes of records, block by block: equal blocks say the same, in whatever order they came.

    Two blocks that say something else have the same sum with odds of 1 to 2**64.
    """

    def __init__(self) -> None:
        self._sums: defaultdict[Block, int] = defaultdict(int)

    def add(self, place: Place, offsets: Ints, contents: Hashes) -> None:
        """Add records of one partition, each once."""
        hashes = mixed(contents ^ mixed(offsets.astype(np.uint64)))
        blocks = offsets // BLOCK
        for number in np.unique(blocks).tolist():
            block = Block(place, number * BLOCK)
            self._sums[block] = (self._sums[block] + int(hashes[blocks == number].sum())) & _WRAP

    def differing(self, other: "Digests") -> Iterator[Block]:
        """Yield, in order, the blocks that do not say the same in both; one that is absent says nothing."""
        for block in sorted({*self, *other}):
            if self[block] != other[block]:
                yield block

    def __getitem__(self, block: Block) -> int:
        return self._sums.get(block, 0)

    def __iter__(self) -> Iterator[Block]:
        return iter(self._sums)

    def __len__(self) -> int:
        return len(self._sums)
