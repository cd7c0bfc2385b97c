"""At which side positions live processed each record: gathered from the headers of what it wrote."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping

import orjson

from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE
from streamkit.records import Record, TopicPartition

Vector = Mapping[str, int]
"""`topic-partition` -> next offset, as the header has it."""

_MOST_DIGITS = 18  # of an offset; what is longer need not fit into 64 bits


class Recorded:
    """Finds the vector of side positions by a record's source.

    Takes 12 bytes per record noted and one entry per distinct vector; those are as many as batches of live
    that began with news from a side input.
    """

    def __init__(self) -> None:
        self._vectors: list[dict[str, int]] = []
        self._numbers: dict[bytes, int] = {}
        self._noted: dict[bytes, tuple[array[int], array[int]]] = {}

    def take(self, records: Iterable[Record], service: str) -> None:
        """Note the records that `service` wrote; others of the same topic and heartbeats are left out."""
        mine = service.encode()
        for record in records:
            found: dict[str, bytes] = {}
            for name, value in record.headers:
                found.setdefault(name, value)
            source = found.get(SOURCE)
            if source is None or HEARTBEAT in found or _last_hop(found.get(HOPS, b"")) != mine:
                continue
            self._note(source, found.get(SIDE, b""))

    def seal(self) -> None:
        """Put what was noted in order; call it once, before the first look-up."""
        for place, (offsets, numbers) in self._noted.items():
            if any(offsets[at] > offsets[at + 1] for at in range(len(offsets) - 1)):
                order = sorted(range(len(offsets)), key=offsets.__getitem__)
                self._noted[place] = (
                    array("q", (offsets[at] for at in order)),
                    array("i", (numbers[at] for at in order)),
                )

    def number(self, source: bytes) -> int | None:
        """Return the number of the vector noted for a source; None when live wrote nothing for it."""
        place, wanted = _placed(source)
        noted = self._noted.get(place)
        if noted is None or wanted is None:
            return None
        offsets, numbers = noted
        at = bisect_left(offsets, wanted)
        return numbers[at] if at < len(offsets) and offsets[at] == wanted else None

    def vector(self, number: int) -> Vector:
        """Return a vector by its number."""
        return self._vectors[number]

    def __len__(self) -> int:
        return sum(len(offsets) for offsets, _ in self._noted.values())

    def _note(self, source: bytes, side: bytes) -> None:
        place, offset = _placed(source)
        if offset is None:
            return
        number = self._numbers.get(side)
        if number is None:
            number = self._numbers[side] = len(self._vectors)
            self._vectors.append(orjson.loads(side) if side else {})
        noted = self._noted.get(place)
        if noted is None:
            noted = self._noted[place] = (array("q"), array("i"))
        noted[0].append(offset)
        noted[1].append(number)


def side_partition(name: str) -> TopicPartition:
    """Return the partition that an entry of a vector names."""
    topic, _, partition = name.rpartition("-")
    return TopicPartition(topic, int(partition))


def _placed(source: bytes) -> tuple[bytes, int | None]:
    """Return a source without its offset, and the offset: None when it has none.

    A producer past the gateway may have put anything there; no replay must fail at it.
    """
    place, _, offset = source.rpartition(b"/")
    return place, int(offset) if offset.isdigit() and len(offset) <= _MOST_DIGITS else None


def _last_hop(hops: bytes) -> bytes:
    return hops.rpartition(b",")[2].partition(b"=")[0]
