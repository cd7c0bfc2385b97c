"""Feature windows: (t - delay - length, t - delay] over the events of one key, seen from an event at t.

A window sees the events that came earlier in its log, the current one included, filtered by event time. An
event that arrives late is put in its place and changes the windows of later events only.
"""

from dataclasses import dataclass
from functools import cache

from payments.eventlog import BUCKETS, Aggregate, EventLog, Store, sweep

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


Spans = tuple[Span, ...]


def days(length: int, *, delay: int = 0) -> Span:
    """A span of whole days of 24 hours."""
    return Span(length * DAY_MS, delay * DAY_MS)


@cache
def keep_ms(spans: Spans) -> int:
    """How much event time behind its newest event a log must keep for `spans`."""
    return max(span.reach_ms for span in spans) + LATENESS_MS


def observe(store: Store, key: bytes, time_ms: int, amount: int, spans: Spans) -> list[Aggregate]:
    """Add an event to the log of `key` and return what each span sees, the event itself included.

    An event at or before the log's horizon (newest - longest reach - 1 day) is not kept: it sees itself
    alone, in the spans without delay.

    Raises:
        WindowStateError: the stored log contradicts itself.
    """
    log = EventLog(store, key, keep_ms(spans))
    if not log.insert(time_ms, amount):
        return [Aggregate(0, 0) if span.delay_ms else Aggregate(1, amount) for span in spans]
    edges, pairs = _edges(spans)
    at = [log.upto(time_ms - edge) for edge in edges]
    found = [Aggregate(at[end][0] - at[start][0], at[end][1] - at[start][1]) for start, end in pairs]
    log.save()
    return found


@cache
def _edges(spans: Spans) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The spans' distinct edges (ms before the event), and each span's (start, end) as indices of them."""
    edges = sorted({edge for span in spans for edge in (span.delay_ms, span.reach_ms)})
    return tuple(edges), tuple((edges.index(s.reach_ms), edges.index(s.delay_ms)) for s in spans)


def forget_silent(store: Store, time_ms: int, spans: Spans) -> int:
    """Move the partition's event-time clock to `time_ms` and drop logs that no span can reach any more.

    Call it for each event: all but one call in 22.5 minutes of event time do nothing. What it does depends on
    the events alone, not on how they are batched. Returns how many logs were dropped.
    """
    tick = time_ms // _SWEEP_EVERY_MS
    stored = store.get(_CLOCK_KEY)
    last = int.from_bytes(stored, "big", signed=True) if stored else tick - 1
    if tick <= last:
        return 0
    store.put(_CLOCK_KEY, tick.to_bytes(8, "big", signed=True))
    before_ms = time_ms - keep_ms(spans)
    return sum(
        sweep(store, due % BUCKETS, before_ms) for due in range(max(last, tick - BUCKETS) + 1, tick + 1)
    )
