"""A step with side inputs as of each record's event time, whenever live came to know of them.

The time that counts for a record is the running maximum of event time in its partition: a function of the
log, kept in the partition's state, so that a run which was killed goes on with what it had.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from streamkit.errors import DeadLetterError
from streamkit.headers import is_heartbeat
from streamkit.loop.merge import EventTime
from streamkit.records import Output, Record, Rejected, TopicPartition
from streamkit.side import SideInput, SideView
from streamkit.state import PartitionState
from streamkit.transform import Step

_TIME_KEY = b"\x00kapstan/as-of"


class Timeline:
    """Every record of the side inputs in the order of event time, each topic-partition's by offset.

    One that follows another in its partition takes effect no earlier than that one, whatever it says.
    Records of `fixed` topics hold from the beginning of time.
    """

    def __init__(
        self, records: Iterable[Record], event_time: EventTime, fixed: frozenset[str] = frozenset()
    ) -> None:
        """Take the records, each partition's in the order of offsets; heartbeats are left out."""
        reached: dict[TopicPartition, int] = {}
        placed: list[tuple[int, TopicPartition, int, Record]] = []
        for record in records:
            if is_heartbeat(record.headers):
                continue
            tp, time_ms = record.tp, -1 if record.topic in fixed else event_time(record)
            reached[tp] = max(time_ms, reached.get(tp, time_ms))
            placed.append((reached[tp], tp, record.offset, record))
        placed.sort(key=lambda one: one[:3])
        self._times = [one[0] for one in placed]
        self._records = [one[3] for one in placed]

    def index(self, time_ms: int) -> int:
        """Return how many records take effect at `time_ms` or before."""
        return bisect_right(self._times, time_ms)

    def between(self, start: int, end: int) -> Sequence[Record]:
        """Return the records from one index to before another."""
        return self._records[start:end]


class AsOf:
    """A step (see streamkit.transform.Step) whose side view stands at each record's time.

    The loop's own side view is left out; each partition has one of its own, at a time of its own.
    """

    def __init__(
        self, step: Step, inputs: Sequence[SideInput], timeline: Callable[[], Timeline], event_time: EventTime
    ) -> None:
        """Take the step, its side inputs, what reads their records when first needed, and event times."""
        self._step = step
        self._inputs = inputs
        self._read = timeline
        self._timeline: Timeline | None = None
        self._event_time = event_time
        self._views: dict[TopicPartition, tuple[int, SideView]] = {}

    def __call__(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterator[Output | Rejected]:
        """Yield what the step does for pieces of the batch, each with the view as of its time."""
        del side
        kept = state.get(_TIME_KEY)
        time_ms = int(kept) if kept is not None else -1
        timed: list[tuple[int, Record]] = []
        timeline = self._known()
        for record in batch:
            time_ms = max(time_ms, self._event_time(record))
            timed.append((timeline.index(time_ms), record))
        for index, piece in groupby(timed, key=lambda one: one[0]):
            yield from self._step([record for _, record in piece], self._view(batch[0].tp, index), state)
        state.put(_TIME_KEY, b"%d" % time_ms)

    def _known(self) -> Timeline:
        if self._timeline is None:
            self._timeline = self._read()
        return self._timeline

    def _view(self, tp: TopicPartition, index: int) -> SideView:
        """Return a partition's view with the first `index` records; made anew when it is beyond them."""
        at, view = self._views.get(tp, (0, SideView(self._inputs)))
        if at > index:  # a batch was given up and is done again
            at, view = 0, SideView(self._inputs)
        for record in self._known().between(at, index):
            try:
                view.apply(record)
            except DeadLetterError:
                continue  # live has put it aside
        self._views[tp] = (index, view)
        return view
