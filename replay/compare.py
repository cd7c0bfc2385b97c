"""Pure, given two stores: whether one says what the other does, record for record."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from replay.diff import Diff, diff
from replay.entries import Entries, Place
from replay.fields import FieldDifference, differences, text, top_level

_AT_ONCE = 10_000
DIFFERS, MISSING, EXTRA = "differs", "missing", "extra"


class Found(NamedTuple):
    """A record read again: where it stands, what it is about in words, and its decoded fields."""

    place: Place
    about: str
    fields: Any


class Store(Protocol):
    """One side of a comparison."""

    name: str

    def entries(self) -> Entries:
        """Return every record to be compared; blocks."""
        ...

    def read(self, places: Iterable[Place]) -> Iterator[Found]:
        """Yield the records at these places, decoded, in any order; blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """One record that differs, is missing in the replay, or is there only."""

    kind: str
    about: str
    live: str | None
    replayed: str | None
    fields: tuple[FieldDifference, ...] = ()
    content: str | None = None


@dataclass(slots=True)
class Compared:
    """What the comparison of one topic or table came to; counts are of records.

    `changed` holds for each field of those that differ in how many of them it does.
    """

    name: str
    live: int
    replayed: int
    equal: int
    differing: int
    missing: int
    extra: int
    examples: list[Example] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether both hold the same."""
        return not (self.differing or self.missing or self.extra)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        examples = [{**asdict(e), "fields": [f._asdict() for f in e.fields]} for e in self.examples]
        return {**asdict(self), "agrees": self.agrees, "examples": examples}


class Pair(NamedTuple):
    """Two stores that should hold the same."""

    name: str
    live: Store
    replayed: Store


def compare(pair: Pair, show: int, ignored: Collection[str] = ()) -> Compared:
    """Compare two stores; the first `show` records of each kind that do not agree become examples.

    Fields of values that are `ignored` may differ.
    """
    name, live, replayed = pair
    one, other = live.entries(), replayed.entries()
    found = diff(one, other)
    changed: Counter[str] = Counter()
    pairs = []
    for places, fields in _differing(found, one, other, live, replayed, ignored):
        pairs.append(places)
        changed.update({top_level(each.pointer) for each in fields})
    equal = found.equal + found.differing[0].size - len(pairs)
    compared = Compared(
        name, len(one), len(other), int(equal), len(pairs), int(found.missing.size), int(found.extra.size)
    )
    compared.changed = dict(changed.most_common())
    compared.examples += _pairs(sorted(pairs)[:show], live, replayed, ignored)
    for kind, store, entries, rows in (
        (MISSING, live, one, found.missing),
        (EXTRA, replayed, other, found.extra),
    ):
        compared.examples += _alone(kind, store, [entries.place(row) for row in rows[:show].tolist()])
    return compared


def _differing(
    found: Diff, one: Entries, other: Entries, live: Store, replayed: Store, ignored: Collection[str]
) -> Iterator[tuple[tuple[Place, Place], list[FieldDifference]]]:
    """Yield the places of records whose fields differ, and how; bytes may differ where the fields do not.

    In pieces: everything may differ, and decoded records are large.
    """
    rows, others = found.differing
    order = np.lexsort((one.offsets[rows], one.partitions[rows]))
    for start in range(0, order.size, _AT_ONCE):
        chosen = order[start : start + _AT_ONCE]
        here = [one.place(row) for row in rows[chosen].tolist()]
        there = [other.place(row) for row in others[chosen].tolist()]
        fields = {each.place: each.fields for each in live.read(here)}
        other_fields = {each.place: each.fields for each in replayed.read(there)}
        for places in zip(here, there, strict=True):
            differing = _differences(fields.get(places[0]), other_fields.get(places[1]), ignored)
            if differing:
                yield places, differing


def _differences(live: Any, replayed: Any, ignored: Collection[str]) -> list[FieldDifference]:
    return [each for each in differences(live, replayed) if top_level(each.pointer) not in ignored]


def _pairs(
    pairs: Sequence[tuple[Place, Place]], live: Store, replayed: Store, ignored: Collection[str]
) -> Iterator[Example]:
    here = {each.place: each for each in live.read([place for place, _ in pairs])}
    there = {each.place: each for each in replayed.read([place for _, place in pairs])}
    for place, other in pairs:
        yield Example(
            DIFFERS,
            here[place].about,
            _words(live, place),
            _words(replayed, other),
            tuple(_differences(here[place].fields, there[other].fields, ignored)),
        )


def _alone(kind: str, store: Store, places: Sequence[Place]) -> Iterator[Example]:
    found = {each.place: each for each in store.read(places)}
    for place in places:
        words = _words(store, place)
        here, there = (words, None) if kind == MISSING else (None, words)
        yield Example(kind, found[place].about, here, there, content=text(found[place].fields))


def _words(store: Store, place: Place) -> str:
    return f"{store.name}/{place.partition}/{place.offset}"
