"""Feature windows: (t - delay - length, t - delay] over the events of one key, seen from an event at t.

A window sees the events that came earlier in its log, the current one included, filtered by event time. An
event that arrives late is put in its place and changes the windows of later events only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from payments.eventlog import BUCKETS, Store, sweep
from payments.logs import Logs

DAY_MS = 86_400_000
LATENESS_MS = DAY_MS  # an event this much older than its key's newest still finds its windows whole
_SWEEP_EVERY_MS = DAY_MS // BUCKETS  # one bucket each time: all of them in a day
_CLOCK_KEY = b"wc"


@dataclass(frozen=True, slots=True)
class Span:
    """The window (t - delay - length, t - delay], in milliseconds."""

    length_ms: int
    delay_ms: int = 0

    @property
    def reach_ms(self) -> int:
        """How far back from t the window begins."""
        return self.delay_ms + self.length_ms


def days(length: int, *, delay: int = 0) -> Span:
    """A span of whole days of 24 hours."""
    return Span(length * DAY_MS, delay * DAY_MS)


# What a span sees: the number of events and the sum of their amounts.
Window = tuple[int, int]


class Windows:
    """A fixed set of spans over the logs of any number of keys.

    `keep_ms` is how much event time behind its newest event a log keeps: the longest reach and a day.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = tuple(spans)
        self.keep_ms = max(span.reach_ms for span in spans) + LATENESS_MS
        edges = sorted({edge for span in spans for edge in (span.delay_ms, span.reach_ms)})
        self._edges = tuple(edges)
        self._pairs = tuple((edges.index(s.reach_ms), edges.index(s.delay_ms)) for s in spans)

    def observe(self, logs: Logs, key: bytes, time_ms: int, amount: int) -> list[Window]:
        """Add an event to the log of `key` and return what each span sees, the event itself included.

        An event at or before the log's horizon (newest - keep_ms) is not kept: it sees itself alone, in the
        spans without delay.

        Raises:
            WindowStateError: the stored log contradicts itself.
        """
        log = logs.open(key, self.keep_ms)
        if not log.insert(time_ms, amount):
            return [(0, 0) if span.delay_ms else (1, amount) for span in self.spans]
        at = log.upto([time_ms - edge for edge in self._edges])
        logs.close(log)
        return [(at[end][0] - at[start][0], at[end][1] - at[start][1]) for start, end in self._pairs]

    def forget_silent(self, store: Store, time_ms: int) -> int:
        """Move the partition's event-time clock to `time_ms` and drop logs that no span can reach any more.

        Call it for each event: all but one call in 22.5 minutes of event time do nothing. What it does
        depends on the events alone, not on how they are batched. Returns how many logs were dropped.
        """
        tick = time_ms // _SWEEP_EVERY_MS
        stored = store.get(_CLOCK_KEY)
        last = int.from_bytes(stored, "big", signed=True) if stored else tick - 1
        if tick <= last:
            return 0
        store.put(_CLOCK_KEY, tick.to_bytes(8, "big", signed=True))
        due = range(max(last, tick - BUCKETS) + 1, tick + 1)
        return sum(sweep(store, bucket % BUCKETS, time_ms - self.keep_ms) for bucket in due)
