"""Side inputs: small topics held whole in memory, joined by looking up, never by waiting."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from streamkit.errors import DeadLetterError
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition

Decode = Callable[[Record], tuple[str, object | None] | None]
Reduce = Callable[[object | None, object], object]

V = TypeVar("V")


class SideRow(NamedTuple):
    """A row with the offset and Kafka timestamp of the record that set it last."""

    value: object
    offset: int
    timestamp_ms: int


@dataclass(frozen=True)
class SideInput:
    """A topic read from its beginning into a table.

    `decode` returns (row key, row), (row key, None) to delete, or None to ignore the record; it may
    raise DeadLetterError. `reduce(previous row or None, decoded row) -> row` is for inputs whose rows
    accumulate, such as labels per key. Both are pure.
    """

    name: str
    topic: str
    decode: Decode
    reduce: Reduce | None = None


class SideTable:
    """Rows of one side input by key, as of the view's positions."""

    def __init__(self, reduce: Reduce | None = None) -> None:
        self._rows: dict[str, SideRow] = {}
        self._reduce = reduce

    def get(self, key: str) -> SideRow | None:
        """Return the row, or None when there is none or it was deleted."""
        return self._rows.get(key)

    def values(self) -> Iterable[SideRow]:
        """Return all rows, in the order in which their keys first appeared."""
        return self._rows.values()

    def items(self) -> Iterable[tuple[str, SideRow]]:
        """Return all (key, row), in the order in which the keys first appeared."""
        return self._rows.items()

    def __len__(self) -> int:
        return len(self._rows)

    def apply(self, key: str, value: object | None, record: Record) -> None:
        """Set, accumulate or delete one row; the loop and tests call it, steps never do."""
        if value is None:
            self._rows.pop(key, None)
            return
        if self._reduce is not None:
            previous = self._rows.get(key)
            value = self._reduce(previous.value if previous is not None else None, value)
        self._rows[key] = SideRow(value, record.offset, record.timestamp_ms)


class SideView:
    """All side tables at one vector of positions; it changes only between batches."""

    def __init__(self, inputs: Iterable[SideInput] = ()) -> None:
        self._inputs: dict[str, list[SideInput]] = {}
        self._tables: dict[str, SideTable] = {}
        for side in inputs:
            self._inputs.setdefault(side.topic, []).append(side)
            self._tables[side.name] = SideTable(side.reduce)
        self._next: dict[TopicPartition, int] = {}
        self._positions: Positions | None = None
        self._vector: dict[str, int] | None = None

    def table(self, name: str) -> SideTable:
        """Return the table of the side input called `name`; raises KeyError when there is none."""
        return self._tables[name]

    @property
    def positions(self) -> Positions:
        """Next offsets of all side partitions that have held a record."""
        if self._positions is None:
            self._positions = Positions(self._next)
        return self._positions

    @property
    def vector(self) -> dict[str, int]:
        """The positions as `topic-partition` -> next offset, as outputs record them. Do not change it."""
        if self._vector is None:
            self._vector = {f"{topic}-{part}": offset for (topic, part), offset in sorted(self._next.items())}
        return self._vector

    def apply(self, record: Record) -> None:
        """Take one record into the tables of its topic; the loop and tests call it, steps never do.

        Raises DeadLetterError when it cannot be decoded; the position has moved on all the same. With any
        other error nothing has changed, and the record can be taken again.
        """
        inputs = self._inputs.get(record.topic, ())
        try:
            rows = [(self._tables[side.name], side.decode(record)) for side in inputs]
        except DeadLetterError:
            self._move_behind(record)
            raise
        self._move_behind(record)
        for table, row in rows:
            if row is not None:
                table.apply(row[0], row[1], record)

    def _move_behind(self, record: Record) -> None:
        self._next[TopicPartition(record.topic, record.partition)] = record.offset + 1
        self._positions = self._vector = None

    @property
    def topics(self) -> Iterator[str]:
        """Return the topics of all side inputs, each once."""
        return iter(self._inputs)


class Cached(Generic[V]):
    """A value made from the side view, made again only when the view has moved.

    For a step that compiles what it reads (rules, a model): `cached(side)` gives the compiled form.
    """

    def __init__(self, make: Callable[[SideView], V]) -> None:
        self._make = make
        self._positions: Positions | None = None
        self._value: V | None = None

    def __call__(self, side: SideView) -> V:
        """Return the value for the view's present positions."""
        positions = side.positions
        if self._value is None or positions is not self._positions:
            self._value = self._make(side)
            self._positions = positions
        return self._value
