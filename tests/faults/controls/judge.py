"""Pure: what a way of doing it has lost, doubled or got wrong, by sets of what went in and what came out."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

Place = TypeVar("Place", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Tally:
    """What came out, beside what should have.

    Attributes:
        of: how many effects there should be.
        lost, doubled: effects that are missing; effects that are there beyond the first time.
        wrong: places of the result (keys, windows) that do not say what the log says.
        wrong_of: how many such places there are; 0 where effects have no place but their own.
    """

    of: int
    lost: int
    doubled: int
    wrong: int = 0
    wrong_of: int = 0

    @property
    def exact(self) -> bool:
        """Whether everything is there once and right. Of nothing, nothing is shown: that is not exact."""
        return self.of > 0 and not (self.lost or self.doubled or self.wrong)

    def to_json(self) -> dict[str, int]:
        """Return it as JSON data."""
        return asdict(self)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.of + other.of,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.wrong + other.wrong,
            self.wrong_of + other.wrong_of,
        )


def judge_effects(expected: Iterable[Hashable], found: Iterable[Hashable]) -> Tally:
    """Compare what should be there once with what is there; what nobody asked for counts as doubled."""
    wanted, there = Counter(expected), Counter(found)
    return Tally(wanted.total(), (wanted - there).total(), (there - wanted).total())


def overtaken(lanes: Iterable[Sequence[Hashable]], found: Collection[Hashable]) -> int:
    """Return how many are missing though a later one of their lane is there: they cannot be on their way."""
    there, count = frozenset(found), 0
    for lane in lanes:
        last = max((place for place, each in enumerate(lane) if each in there), default=-1)
        count += sum(each not in there for each in lane[: last + 1])
    return count


def judge_counts(
    sent: Iterable[tuple[bytes, bytes]],
    counted: Iterable[tuple[bytes, bytes]],
    unread: Collection[bytes] = frozenset(),
) -> Tally:
    """Compare a running count per key with what it must be.

    Args:
        sent: (key, value) in the order of each key; no value twice.
        counted: (key, `value=count`) as they came out, by key in the order of the output.
        unread: values that were not read to their end when all stopped: these may be missing.

    Returns:
        Lost and doubled by the value, which names the source record; wrong by keys of which any count is not
        the one that its record must have, or that are out of order.
    """
    read: list[bytes] = []
    expected: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for key, value in sent:
        expected[key].append(value + b"=%d" % (len(expected[key]) + 1))
        if value not in unread:
            read.append(value)
    found: defaultdict[bytes, list[bytes]] = defaultdict(list)
    outputs: list[bytes] = []
    for key, output in counted:
        outputs.append(output.rpartition(b"=")[0])
        found[key].append(output)
    begun = set(outputs).intersection(unread)
    effects = judge_effects([*read, *begun], outputs)
    wrong = sum(not _in_place(found[key], right) for key, right in expected.items())
    return Tally(effects.of, effects.lost, effects.doubled, wrong, len(expected))


def _in_place(found: list[bytes], right: list[bytes]) -> bool:
    """Whether each output is one that must be there, in the right order, however often it is repeated."""
    places = {output: place for place, output in enumerate(right)}
    seen = [places.get(output, -1) for output in found]
    return -1 not in seen and seen == sorted(seen)


def judge_windows(log: Mapping[Place, int], on_time: Mapping[Place, int], late: Mapping[Place, int]) -> Tally:
    """Compare how many rows of the log each window got with how many there are.

    Args:
        log: rows of the log by (key, window).
        on_time: the window's count, where it has one.
        late: rows of the late table.

    Returns:
        Lost and doubled in rows; wrong in windows whose rows, on time and late, are not those of the log.
    """
    wanted, there = Counter(log), Counter(on_time) + Counter(late)
    places = wanted.keys() | there.keys()
    wrong = sum(wanted[place] != there[place] for place in places)
    return Tally(wanted.total(), (wanted - there).total(), (there - wanted).total(), wrong, len(wanted))
