"""Pure: which part of the log an audit looks at, and where that lies in each topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from replay.bounds import Bound, OffsetsAt, parse_bound, positions_of
from replay.errors import ReplayRefusedError
from streamkit.positions import Positions
from streamkit.records import TopicPartition


class EmptyPartError(ReplayRefusedError):
    """No record lies in the part that was asked for."""


class Span(NamedTuple):
    """A part of one topic: from `starts` to before `ends`, the same partitions in both."""

    starts: Positions
    ends: Positions


@dataclass(frozen=True, slots=True)
class Part:
    """The part of the log that is audited; without bounds all that there is.

    A time means the same records in every topic, because each record keeps the ingest time of the event that
    it was made from. Offsets name places in one topic; in the others they mean the times of what lies there.

    Attributes:
        begin: where it begins, None for the oldest record.
        end: where it ends, None for where the log stands now.
        topic: whose offsets these are.
        after: positions of an earlier round; they replace `begin` where they are known.
    """

    begin: Bound | None = None
    end: Bound | None = None
    topic: str | None = None
    after: Mapping[TopicPartition, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether it is the whole log."""
        return self.begin is None and self.end is None and not self.after

    @property
    def by_offset(self) -> bool:
        """Whether a bound is an offset, which means nothing in another topic."""
        return _is_offset(self.begin) or _is_offset(self.end)

    def span(self, starts: Positions, ends: Positions, at: OffsetsAt) -> Span:
        """Return the part of one topic.

        Args:
            starts: where the topic begins.
            ends: where it ends now; every partition is in both.
            at: offsets by time.

        Raises:
            ReplayRefusedError: a bound names a partition that the topic does not have.
        """
        tps = sorted(ends)
        first = starts if self.begin is None else positions_of(self.begin, tps, at, starts)
        last = ends if self.end is None else positions_of(self.end, tps, at, ends)
        begins = {tp: max(self.after.get(tp, first.get(tp, 0)), starts[tp]) for tp in tps}
        stops = {tp: min(last.get(tp, ends[tp]), ends[tp]) for tp in tps}
        return Span(Positions({tp: min(begins[tp], stops[tp]) for tp in tps}), Positions(stops))

    def elsewhere(self, oldest_ms: int, newest_ms: int) -> "Part":
        """Return what its offsets mean in other topics, given the times of the records between them."""
        return replace(
            self,
            begin=Bound(time_ms=oldest_ms) if _is_offset(self.begin) else self.begin,
            end=Bound(time_ms=newest_ms + 1) if _is_offset(self.end) else self.end,
            topic=None,
        )


WHOLE = Part()


def part_of(begin: str | None, end: str | None, topic: str | None) -> Part:
    """Return the part between two bounds as a person writes them.

    Raises:
        ReplayRefusedError: one is none, or an offset is given without the topic that it is of.
    """
    first, last = (parse_bound(text) if text is not None else None for text in (begin, end))
    part = Part(first, last, topic)
    if part.by_offset and topic is None:
        raise ReplayRefusedError(
            "an offset is a place in one topic", hint="Name it with --topic, or give times instead"
        )
    return part


def _is_offset(bound: Bound | None) -> bool:
    return bound is not None and bound.time_ms is None
