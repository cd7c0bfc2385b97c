"""Pure: what a store holds, partition by partition, and how two stores differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from audit.offsets import EMPTY, Ints, OffsetSet, repeated

_FIRST = 5
_FIRST_ROOM, _MOST_LOOSE = 1 << 16, 1 << 20


class Place(NamedTuple):
    """One partition of one topic, by the topic's id: a topic made again is another one."""

    topic: str
    topic_id: str
    partition: int


@dataclass(slots=True)
class Holding:
    """What a store holds of one partition: its offsets, and those that it holds more than once."""

    offsets: OffsetSet = EMPTY
    twice: OffsetSet = EMPTY

    @classmethod
    def of(cls, offsets: Ints) -> "Holding":
        """Return the holding of these offsets."""
        return cls(OffsetSet.of(offsets), repeated(offsets))


class Offsets:
    """Collects offsets of one partition in any order and with repeats; a million at a time become ranges."""

    def __init__(self) -> None:
        self._room = np.empty(_FIRST_ROOM, np.int64)
        self._used = 0
        self._held = Holding()

    def add(self, more: Ints) -> None:
        """Add offsets."""
        needed = self._used + more.size
        if needed > self._room.size:
            self._room = np.concatenate((self._room, np.empty(max(needed, self._room.size), np.int64)))
        self._room[self._used : needed] = more
        self._used = needed
        if needed >= _MOST_LOOSE:
            self._held = self.holding()
            self._used = 0

    def holding(self) -> Holding:
        """Return what was added."""
        if not self._used:
            return self._held
        more = Holding.of(self._room[: self._used])
        twice = self._held.twice | more.twice | (self._held.offsets & more.offsets)
        return Holding(self._held.offsets | more.offsets, twice)


Holdings = Mapping[Place, Holding]


@dataclass(slots=True)
class Difference:
    """How what a store holds of one topic differs from what it has to hold.

    `lost`, `unexpected` and `doubled` count records, `differing` those that are there once and say something
    else; `examples` names the first of them as topic/partition/offset with what is wrong.
    """

    topic: str
    store: str
    source: str
    expected: int = 0
    found: int = 0
    lost: int = 0
    unexpected: int = 0
    doubled: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether the store holds exactly what it has to."""
        return not (self.lost or self.unexpected or self.doubled or self.differing)


def compare(
    source: str,
    expected: Holdings,
    store: str,
    held: Holdings,
    within: Holdings,
    *,
    more_is_fine: bool = False,
) -> Iterator[Difference]:
    """Yield, topic by topic, how `held` differs from `expected`.

    Args:
        source: name of the store that says what has to be there.
        expected: what it says.
        store: name of the store in question.
        held: what that holds.
        within: the offsets that can be compared: not yet deleted by age, not beyond the audit's ends.
        more_is_fine: `source` knows a part only of what the store has to hold.
    """
    for topic in sorted({place.topic for place in within}):
        found = Difference(topic, store, source)
        for place in sorted(place for place in within if place.topic == topic):
            bounds = within[place].offsets
            due = expected.get(place, Holding()).offsets & bounds
            holding = held.get(place, Holding())
            there, twice = holding.offsets & bounds, holding.twice & bounds
            found.expected += len(due)
            found.found += len(there)
            _note(found, "lost", place, due - there)
            if not more_is_fine:
                _note(found, "unexpected", place, there - due)
            _note(found, "doubled", place, twice)
        yield found


def _note(found: Difference, what: str, place: Place, offsets: OffsetSet) -> None:
    setattr(found, what, getattr(found, what) + len(offsets))
    room = _FIRST - len(found.examples)
    found.examples += [
        f"{what} {place.topic}/{place.partition}/{offset}" for offset in offsets.first(max(0, room))
    ]
