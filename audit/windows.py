"""Whether the tables of each window account for every record that belongs to its closed windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import or_

from audit.content import Writers
from audit.gold import Gold
from audit.kafka import Scan, Watch
from audit.refined import Columns, Refined
from audit.stores import Difference
from audit.windowcounts import Spans, WindowCounts, count_column
from flink_jobs.windows.bind import BoundWindow
from flink_jobs.windows.source import FUTURE_MS
from services.lake_sink.topic import Schemas
from streamkit.clock import Clock
from streamkit.records import Record

STORE = "windows + late"
_POLL_S = 1.0


@dataclass(slots=True)
class Outcome:
    """What the windows over one topic came to.

    Attributes:
        topic: the topic.
        differences: one for each window that was compared.
        told: for each, which of its windows were compared and which are still open.
        skipped: windows that were not compared, with the reason.
        behind: windows whose tables did not come to what they lack in time.
        names: the windows that were compared.
    """

    topic: str
    differences: list[Difference] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @property
    def pending(self) -> bool:
        """Whether a window lacks rows that may be on their way."""
        return bool(self.behind)


class Windows:
    """Compares window tables with the log, of which it may be given one part after the other.

    Memory is that of open windows: a number for each key and window, 32 bytes for each record of a session.
    """

    def __init__(self, gold: Gold, schemas: Schemas, clock: Clock) -> None:
        self._gold = gold
        self._schemas = schemas
        self._clock = clock
        self._counts: dict[str, list[WindowCounts]] = {}
        self._first: dict[str, dict[int, int]] = {}
        self._taken: dict[str, Spans] = {}
        self._read: dict[str, dict[int, int]] = {}
        self._idle: set[str] = set()

    def over(self, topic: str) -> bool:
        """Tell whether there is a window over a topic."""
        return any(each.declaration.topic == topic for each in self._gold.windows.values())

    def of_kafka(self, topic: str) -> Watch | None:
        """Return what takes the records of a topic while it is read; None without a window to count for.

        Records that were taken before are passed over.
        """
        windows = [
            each
            for each in self._gold.windows.values()
            if each.declaration.topic == topic and count_column(each) is not None
        ]
        if not windows:
            return None
        counts = self._counts.setdefault(topic, [WindowCounts(each) for each in windows])
        first, read = self._first.setdefault(topic, {}), self._read.setdefault(topic, {})

        def columns(some: Columns) -> None:
            for each in counts:
                each.take(some)

        refined = Refined(Writers(topic, self._schemas), windows, columns)

        def take(records: Sequence[Record]) -> None:
            new = [record for record in records if record.offset >= read.get(record.partition, 0)]
            for record in new:
                if record.partition not in first:
                    first[record.partition] = record.timestamp_ms
            refined(new)
            read.update({record.partition: record.offset + 1 for record in new})

        return take

    def compare(self, scan: Scan, deadline: float, progress: Callable[[str], None]) -> Outcome:
        """Return what the windows over a topic came to; what is missing is waited for until `deadline`."""
        outcome = Outcome(scan.topic)
        for name, window in self._gold.windows.items():
            if window.declaration.topic == scan.topic and count_column(window) is None:
                outcome.skipped.append(f"window {name}: none of its columns counts every record")
        if scan.topic not in self._taken:
            self._note_beginning(scan)
        taken = self._taken[scan.topic] = self._taken_with(scan)
        running = self._gold.running()
        for counts in self._counts.get(scan.topic, ()):
            name = counts.window.declaration.window
            final_ms = counts.final_ms(taken)
            self._idle.discard(name)
            if name not in running:
                self._idle.add(name)
                outcome.skipped.append(f"window {name}: its job does not run")
            elif final_ms is None:
                outcome.told.append(
                    f"Window {name}: none is closed, a partition of {scan.topic} held nothing"
                )
            else:
                progress(f"waiting for window {name}")
                self._one(counts, final_ms, deadline, outcome)
        return outcome

    def settle(self, topic: str) -> None:
        """Forget what the last comparison of a topic has closed: only late rows of it can come.

        What could not be compared, because its job did not run, is counted anew from then on.
        """
        taken, counted = self._taken.get(topic), self._counts.get(topic, [])
        idle = [each.window.declaration.window in self._idle for each in counted]
        ready = [each.compared_ms is not None for each in counted]
        if taken is None or not all(map(or_, idle, ready)):
            return
        for at, counts in enumerate(counted):
            if idle[at]:
                counted[at] = counts.anew()
            else:
                counts.settle()
        self._taken[topic] = {partition: (stop, stop) for partition, (_, stop) in taken.items()}

    def _note_beginning(self, scan: Scan) -> None:
        """Where older records are not read, leave out the windows that they may belong to.

        An older record came before the first one that was read, and is dated no more than FUTURE_MS ahead.
        """
        if any(scan.span.starts.values()):
            since_ms = max(self._first.get(scan.topic, {}).values(), default=0) + FUTURE_MS
            for each in self._counts.get(scan.topic, ()):
                each.since_ms = since_ms

    def _taken_with(self, scan: Scan) -> Spans:
        before = self._taken.get(scan.topic, {})
        return {
            tp.partition: (before.get(tp.partition, (scan.span.starts[tp], 0))[0], end)
            for tp, end in scan.span.ends.items()
        }

    def _one(self, counts: WindowCounts, final_ms: int, deadline: float, outcome: Outcome) -> None:
        window, settled_ms, taken = counts.window, counts.settled_ms, self._taken[outcome.topic]
        name = window.declaration.window
        while True:
            rows, late = (
                self._gold.rows(window, settled_ms, final_ms),
                self._gold.late(window, settled_ms, taken),
            )
            if rows is None or late is None:
                outcome.skipped.append(f"window {name}: it has no table yet")
                return
            tally, due = counts.compare(final_ms, rows, late, taken)
            late_of_time = self._clock.monotonic() >= deadline
            if not tally.lost or late_of_time:
                break
            self._clock.sleep(_POLL_S)
        if tally.lost:
            outcome.behind.append(f"window {name}, or its rows are lost")
        outcome.names.add(name)
        outcome.differences.append(
            Difference(
                name,
                STORE,
                "kafka",
                expected=tally.expected,
                found=tally.found,
                lost=tally.lost,
                unexpected=tally.unexpected,
                doubled=tally.doubled,
                examples=tally.examples,
            )
        )
        outcome.told.append(_told(window, due.windows, due.open, final_ms))


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(max(time_ms, 0) / 1000, UTC).isoformat(timespec="seconds")


def _told(window: BoundWindow, closed: int, left: int, final_ms: int) -> str:
    name = window.declaration.window
    return f"Window {name}: {closed:,} that ended by {_moment(final_ms)} compared, {left:,} still open"
