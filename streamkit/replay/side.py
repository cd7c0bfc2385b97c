"""Side inputs as live had them: for each record, moved to exactly the positions that live noted with it."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from streamkit.broker import Broker, Consumer
from streamkit.clock import Clock
from streamkit.errors import DeadLetterError, RetryableError, StopError
from streamkit.headers import HEARTBEAT, SOURCE, find
from streamkit.positions import Positions
from streamkit.records import Record, Rejected, TopicPartition
from streamkit.replay.recorded import Recorded, Vector, side_partition
from streamkit.side import SideInput, SideView

_RECORDS_AT_ONCE = 5_000
_SILENT_S = 60.0
_OTHER_VERSION = (
    "Replay with the version that ran live; `--sides latest` replays with what the side inputs say now"
)


class RecordedSide:
    """A SideDriver with a view of its own for each input partition.

    Two live workers may have been at positions that no single view passes through; those that one partition
    saw only ever move on. A run that is put back after a failed commit may ask for earlier ones: its view is
    then read anew.
    """

    def __init__(self, inputs: Sequence[SideInput], broker: Broker, clock: Clock, recorded: Recorded) -> None:
        self.view = SideView(inputs)
        self.rejected: list[Rejected] = []  # stays empty: live has put broken side records aside
        self._inputs = inputs
        self._broker = broker
        self._clock = clock
        self._recorded = recorded
        self._views: dict[TopicPartition, MovableView] = {}
        self._ends = Positions()

    @property
    def reached(self) -> Positions:
        """How far views can be moved: to what the side inputs held at the start."""
        return self._ends

    def start(self) -> None:
        """Look at the side inputs; raises StopError when one has lost its beginning."""
        admin = self._broker.admin()
        found = admin.topics(sorted(self.view.topics))
        partitions = [TopicPartition(t, p) for t, info in found.items() for p in range(info.partitions)]
        for tp, first in admin.start_offsets(partitions).items():
            if first > 0:
                raise StopError(
                    f"the side input no longer has its records before offset {first}",
                    topic=tp.topic,
                    partition=tp.partition,
                    hint="Its rows as live knew them cannot be made again: its retention was shortened. Set "
                    "it to forever in its catalogue file before the next time",
                )
        self._ends = admin.end_offsets(partitions, committed_only=True)

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

    def _view_of(self, tp: TopicPartition) -> "MovableView":
        view = self._views.get(tp)
        if view is None:
            view = self._views[tp] = MovableView(self._inputs, self._broker, self._clock, list(self._ends))
        return view


class MovableView:
    """A side view that can be brought to any positions that the side inputs have held."""

    def __init__(
        self,
        inputs: Sequence[SideInput],
        broker: Broker,
        clock: Clock,
        partitions: Sequence[TopicPartition],
    ) -> None:
        self.view = SideView(inputs)
        self.moved = False
        self._inputs = inputs
        self._clock = clock
        self._partitions = partitions
        self._consumer: Consumer = broker.consumer()
        self._held: dict[TopicPartition, deque[Record]] = {}
        self._read: dict[TopicPartition, int] = {}
        self._restart()

    def move(self, vector: Vector) -> SideView:
        """Return the view at exactly these positions; blocks while records are on their way.

        Raises:
            StopError: a side input does not hold what live has seen of it.
            RetryableError: nothing comes for a minute.
        """
        if vector == self.view.vector:
            self.moved = True
            return self.view
        targets = {side_partition(name): offset for name, offset in vector.items()}
        self._check_known(targets)
        if any(offset > targets.get(tp, 0) for tp, offset in self.view.positions.items()):
            self._restart()
        self.advance(targets)
        if self.view.vector != vector:
            raise StopError(
                f"the side inputs stand at {self.view.vector} where live noted {dict(vector)}",
                hint="A side input has lost records, or was deleted and created again: what live knew cannot "
                "be had any more. `--sides latest` replays with what the side inputs say now",
            )
        return self.view

    def advance(self, targets: Mapping[TopicPartition, int]) -> SideView:
        """Return the view with all that lies before these offsets; raises RetryableError as `move` does."""
        for tp, target in targets.items():
            self._fetch(tp, target)
            held = self._held[tp]
            while held and held[0].offset < target:
                self._apply(held.popleft())
        self.moved = True
        return self.view

    def close(self) -> None:
        """Release the consumer."""
        self._consumer.close()

    def _check_known(self, targets: Mapping[TopicPartition, int]) -> None:
        strange = sorted({tp.topic for tp in targets} - {tp.topic for tp in self._partitions})
        if strange:
            raise StopError(
                f"live noted positions of {', '.join(strange)}, which this version does not read",
                hint=_OTHER_VERSION,
            )

    def _restart(self) -> None:
        self.view = SideView(self._inputs)
        self._held = {tp: deque() for tp in self._partitions}
        self._read = dict.fromkeys(self._partitions, 0)
        if self._partitions:
            self._consumer.assign(self._read)

    def _fetch(self, tp: TopicPartition, target: int) -> None:
        deadline = self._clock.monotonic() + _SILENT_S
        while self._read[tp] < target:
            polled = self._consumer.consume(_RECORDS_AT_ONCE, 0.1)
            for record in polled.records:
                self._read[record.tp] = record.offset + 1
                if find(record.headers, HEARTBEAT) is None:
                    self._held[record.tp].append(record)
            for each, end in polled.ends.items():
                self._read[each] = max(end, self._read[each])
                if each == tp and end < target:
                    return  # it ends before: the comparison of vectors says so
            if polled.records:
                deadline = self._clock.monotonic() + _SILENT_S
            elif self._clock.monotonic() > deadline:
                raise RetryableError(f"the side input brought nothing for {_SILENT_S:.0f} s", topic=tp.topic)

    def _apply(self, record: Record) -> None:
        try:
            self.view.apply(record)
        except DeadLetterError:
            return  # the position has moved on all the same, as it has in live
