"""Pure: --from and --to as a person writes them, and the positions that they mean."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from replay.errors import ReplayRefusedError
from streamkit.positions import Positions
from streamkit.records import TopicPartition

_FORMS = (
    "an offset (500), offsets by partition (0:500,1:480), or a time such as 2026-01-31T12:00 (UTC unless it "
    "says otherwise)"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a span: an offset for every partition, offsets by partition, or an ingest time in ms."""

    offset: int | None = None
    offsets: tuple[tuple[int, int], ...] = ()
    time_ms: int | None = None


OffsetsAt = Callable[[int], Positions]
"""Gives the first offset at or after an ingest time (ms), for each partition."""


def parse_bound(text: str) -> Bound:
    """Return the bound that a text means; raises ReplayRefusedError when it means none."""
    if text.isdecimal():
        return Bound(offset=int(text))
    try:
        pairs = tuple(sorted((int(p), int(o)) for p, o in (part.split(":") for part in text.split(","))))
        if all(p >= 0 and o >= 0 for p, o in pairs):
            return Bound(offsets=pairs)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ReplayRefusedError(f"{text!r} is no place in a topic", hint=f"Give {_FORMS}") from None
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return Bound(time_ms=int(zoned.timestamp() * 1000))


def positions_of(
    bound: Bound, partitions: Iterable[TopicPartition], at: OffsetsAt, otherwise: Positions
) -> Positions:
    """Return a bound as positions.

    Args:
        bound: the bound.
        partitions: what it applies to.
        at: offsets by time.
        otherwise: for partitions that offsets by partition do not name.

    Raises:
        ReplayRefusedError: it names a partition that no topic has.
    """
    every = list(partitions)
    if bound.time_ms is not None:
        return Positions(dict(at(bound.time_ms).only(every)))
    if bound.offset is not None:
        return Positions(dict.fromkeys(every, bound.offset))
    given = dict(bound.offsets)
    if strange := sorted(set(given) - {tp.partition for tp in every}):
        raise ReplayRefusedError(
            f"no topic here has partition {', '.join(map(str, strange))}",
            hint="`kapstan topics` and the catalogue files say how many there are",
        )
    return Positions({tp: given.get(tp.partition, otherwise.get(tp, 0)) for tp in every})
