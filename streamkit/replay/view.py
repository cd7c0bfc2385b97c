"""A side view that goes to any positions that its side inputs have held, forwards by reading on."""

from collections import deque
from collections.abc import Mapping, Sequence

from streamkit.broker import Broker, Consumer
from streamkit.clock import Clock
from streamkit.errors import DeadLetterError, RetryableError, StopError
from streamkit.headers import HEARTBEAT, find
from streamkit.records import Record, TopicPartition
from streamkit.replay.recorded import Vector, side_partition
from streamkit.side import SideInput, SideView

_RECORDS_AT_ONCE = 5_000
_SILENT_S = 60.0
_OTHER_VERSION = (
    "Replay with the version that ran live; `--sides latest` replays with what the side inputs say now"
)


class MovableView:
    """A side view that can be brought to any positions that the side inputs have held."""

    def __init__(
        self,
        inputs: Sequence[SideInput],
        broker: Broker,
        clock: Clock,
        ends: Mapping[TopicPartition, int],
        replaced: Mapping[str, str],
    ) -> None:
        """Take the side inputs and where they end; what replaces another topic is read whole."""
        self.view = SideView(inputs)
        self.moved = False
        self._inputs = inputs
        self._clock = clock
        self._partitions = list(ends)
        self._fixed = {tp: end for tp, end in ends.items() if tp.topic in replaced.values()}
        self._replaced = frozenset(replaced)
        self._wanted: Vector | None = None
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
        if vector == self._wanted:
            self.moved = True
            return self.view
        targets = {side_partition(name): offset for name, offset in vector.items()}
        targets = {tp: offset for tp, offset in targets.items() if tp.topic not in self._replaced}
        self._check_known(targets)
        targets |= self._fixed
        if any(offset > targets.get(tp, 0) for tp, offset in self.view.positions.items()):
            self._restart()
        self.advance(targets)
        reached = {tp: at for tp, at in self.view.positions.items() if tp not in self._fixed}
        if reached != {tp: offset for tp, offset in targets.items() if tp not in self._fixed}:
            raise StopError(
                f"the side inputs stand at {self.view.vector} where live noted {dict(vector)}",
                hint="A side input has lost records, or was deleted and created again: what live knew cannot "
                "be had any more. `--sides latest` replays with what the side inputs say now",
            )
        self._wanted = vector
        return self.view

    def advance(self, targets: Mapping[TopicPartition, int]) -> SideView:
        """Return the view with all that lies before these offsets; raises RetryableError as `move` does."""
        self._wanted = None
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
