"""Side inputs as live had them: for each record, moved to exactly the positions that live noted with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from streamkit.broker import Admin, Broker
from streamkit.clock import Clock
from streamkit.errors import StopError
from streamkit.headers import SOURCE, find
from streamkit.positions import Positions
from streamkit.records import Record, Rejected, TopicPartition
from streamkit.replay.recorded import Recorded
from streamkit.replay.view import MovableView
from streamkit.side import SideInput, SideView


def whole_ends(admin: Admin, topics: Iterable[str]) -> Positions:
    """Return where side inputs end now; raises StopError when one has lost its beginning. Blocks."""
    found = admin.topics(sorted(topics))
    partitions = [TopicPartition(topic, p) for topic, info in found.items() for p in range(info.partitions)]
    for tp, first in admin.start_offsets(partitions).items():
        if first > 0:
            raise StopError(
                f"the side input no longer has its records before offset {first}",
                topic=tp.topic,
                partition=tp.partition,
                hint="Its rows as live knew them cannot be made again: its retention was shortened. Set it "
                "to forever in its catalogue file before the next time",
            )
    return admin.end_offsets(partitions, committed_only=True)


class RecordedSide:
    """A SideDriver with a view of its own for each input partition.

    Two live workers may have been at positions that no single view passes through; those that one partition
    saw only ever move on. A run that is put back after a failed commit may ask for earlier ones: its view is
    then read anew.
    """

    def __init__(
        self,
        inputs: Sequence[SideInput],
        broker: Broker,
        clock: Clock,
        recorded: Recorded,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        """Take side inputs, what live recorded, and by topic of live what is read whole in its place."""
        self.view = SideView(inputs)
        self.rejected: list[Rejected] = []  # stays empty: live has put broken side records aside
        self._inputs = inputs
        self._broker = broker
        self._clock = clock
        self._recorded = recorded
        self._replaced = replaced or {}
        self._views: dict[TopicPartition, MovableView] = {}
        self._ends = Positions()

    @property
    def reached(self) -> Positions:
        """How far views can be moved: to what the side inputs held at the start."""
        return self._ends

    def start(self) -> None:
        """Look at the side inputs; raises StopError when one has lost its beginning."""
        self._ends = whole_ends(self._broker.admin(), self.view.topics)

    def advance(self) -> None:
        """Do nothing: records decide what is seen, not time."""

    def split(self, run: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Yield the run in pieces that live processed at the same side positions.

        A record that live wrote nothing for (a repeat) goes with its neighbours: live's positions at it lay
        between theirs.
        """
        if not run:
            return
        moved = self._view_of(run[0].tp)
        piece: list[Record] = []
        current: int | None = None
        for record in run:
            number = self._recorded.number(find(record.headers, SOURCE) or b"")
            if number is not None and number != current:
                if current is not None and piece:
                    self.view = moved.move(self._recorded.vector(current))
                    yield piece
                    piece = []
                current = number
            piece.append(record)
        if current is not None:
            self.view = moved.move(self._recorded.vector(current))
        elif not moved.moved:
            self.view = moved.advance(self._ends)
        else:
            self.view = moved.view
        yield piece

    def close(self) -> None:
        """Release the consumers."""
        for view in self._views.values():
            view.close()

    def _view_of(self, tp: TopicPartition) -> MovableView:
        view = self._views.get(tp)
        if view is None:
            view = self._views[tp] = MovableView(
                self._inputs, self._broker, self._clock, self._ends, self._replaced
            )
        return view
