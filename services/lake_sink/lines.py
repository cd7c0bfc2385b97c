"""Pure: two lines of one table's history, and when they change places.

A replay that may be promoted writes to a branch of live's table. Promoting makes that line main and keeps
what main was under a tag. Rolling back makes the kept line main again, and the promoted one, with all that
live has added to it, the replay's branch. Either is one compare-and-swap over all three names, so nobody ever
reads a mix; and whoever commits to a line that is not main any more finds its name moved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from streamkit.positions import Positions
from streamkit.records import TopicPartition

MAIN = "main"
_BEFORE = "before-"

Gaps = Mapping[TopicPartition, tuple[int, int]]
"""For a partition, the first offset that was not reached, and that behind the last."""


def replay_branch(namespace: str) -> str:
    """Return the branch that a replay writes to."""
    return f"replay-{namespace}"


def before_tag(namespace: str) -> str:
    """Return the tag that keeps what main was before a replay was promoted."""
    return f"{_BEFORE}{namespace}"


def is_before(ref: str) -> bool:
    """Tell whether a name of a table's is such a tag."""
    return ref.startswith(_BEFORE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table's history: its newest snapshot, and how far it has come."""

    snapshot_id: int
    positions: Positions


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that a replay's promotion is about; None for a name that the table does not have.

    Attributes:
        main: what is read.
        replay: what the replay has written.
        before: what main was before the replay was promoted.
        later: tags of other promotions since then.
    """

    main: Line | None
    replay: Line | None
    before: Line | None
    later: tuple[str, ...] = ()


class Standing(Enum):
    """How a replay stands in a table, when main is not changed."""

    BEHIND = "behind"
    """It lacks records that main has."""

    PROMOTED = "promoted"
    """It is main already."""

    NOT_PROMOTED = "not promoted"
    """It has a branch, and main was not replaced by it."""

    GONE = "gone"
    """The table has nothing of it: the replay was dropped, or the table dropped and made again."""

    EMPTY = "empty"
    """Main has no rows yet, so there is nothing to replace or to go back to."""

    LATER = "later"
    """Another replay was promoted since."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one compare-and-swap does.

    Attributes:
        asserts: names, and the snapshots that they have to name; None where there must be no such name.
        parent: the snapshot that main's new one is built on.
        positions: how far main has come then.
        keeps: the name under which what main was is kept.
        tagged: whether that is a tag, which nobody writes to, or a branch.
        drops: the name that goes.
    """

    asserts: Mapping[str, int | None]
    parent: int
    positions: Positions
    keeps: str
    tagged: bool
    drops: str


def standing(lines: Lines) -> Standing:
    """Return how a replay stands, as far as names tell."""
    if lines.before is not None:
        return Standing.PROMOTED
    return Standing.GONE if lines.replay is None else Standing.NOT_PROMOTED


def promotion(namespace: str, lines: Lines, holds: Callable[[Gaps], bool]) -> Change | Standing:
    """Return what makes a replay's line main, or why it may not be.

    Args:
        namespace: the replay's.
        lines: the table's.
        holds: tells whether the log has a record in the gaps. Positions alone do not: behind the last record
            of a transaction stands its marker, and a sink makes no commit of markers alone.

    Raises:
        StopError: the lines were made of two topics of one name.
    """
    main, replay = lines.main, lines.replay
    if lines.before is not None or replay is None:
        return standing(lines)
    if main is None:
        return Standing.EMPTY
    missing = gaps(replay.positions, main.positions)
    if missing and holds(missing):
        return Standing.BEHIND
    branch, tag = replay_branch(namespace), before_tag(namespace)
    return Change(
        asserts={MAIN: main.snapshot_id, branch: replay.snapshot_id, tag: None},
        parent=replay.snapshot_id,
        positions=replay.positions.merge(main.positions),
        keeps=tag,
        tagged=True,
        drops=branch,
    )


def rolling_back(namespace: str, lines: Lines) -> Change | Standing:
    """Return what makes the line main that was main before a replay was promoted, or why it may not be."""
    if lines.before is None or lines.main is None:
        return standing(lines)
    if lines.later:
        return Standing.LATER
    branch, tag = replay_branch(namespace), before_tag(namespace)
    return Change(
        asserts={MAIN: lines.main.snapshot_id, branch: None, tag: lines.before.snapshot_id},
        parent=lines.before.snapshot_id,
        positions=lines.before.positions,
        keeps=branch,
        tagged=False,
        drops=tag,
    )


def gaps(reached: Positions, wanted: Positions) -> Gaps:
    """Return what lies between two positions where the first is short of the second.

    Raises:
        StopError: they are of two topics of one name.
    """
    if reached.covers(wanted):
        return {}
    return {tp: (reached.get(tp, 0), end) for tp, end in wanted.items() if reached.get(tp, 0) < end}
