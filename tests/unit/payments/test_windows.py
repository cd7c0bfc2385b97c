"""Windows against a brute-force reference that obeys the same rule, on any order of arrival."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import eventlog
from payments.eventlog import EventLog, log_key, sweep
from payments.logs import MemoryLogs, StoredLogs
from payments.windows import DAY_MS, LATENESS_MS, Span, Window, Windows, days
from streamkit.state import PartitionState

KEY = log_key("default", "c000001", "EUR")
SPANS = (Span(10), Span(70), Span(300), Span(10, 70), Span(300, 70))
KEEP = 370 + 50

times = st.integers(min_value=0, max_value=1500)
amounts = st.integers(min_value=0, max_value=10**12)
arrivals = st.lists(st.tuples(times, amounts), min_size=1, max_size=60)
segment_events = st.sampled_from([1, 2, 3, 8, 256])


@dataclass
class Reference:
    """Every event ever seen; a question looks at all of them."""

    keep: int
    events: list[tuple[int, int]] = field(default_factory=list)
    newest: int = -1

    def observe(self, time: int, amount: int, spans: tuple[Span, ...]) -> list[Window]:
        self.newest = max(self.newest, time)
        horizon = self.newest - self.keep
        self.events.append((time, amount))
        found = []
        for span in spans:
            start, end = time - span.reach_ms, time - span.delay_ms
            visible = [a for t, a in self.events if start < t <= end and t > horizon]
            if time <= horizon and not span.delay_ms:
                visible = [amount]
            found.append((len(visible), sum(visible)))
        return found


def log_observe(store, time, amount, spans, keep, limit):
    """What `observe` does, with a small keep time and small segments."""
    log = EventLog(store, KEY, keep, limit)
    if not log.insert(time, amount):
        return [(0, 0) if s.delay_ms else (1, amount) for s in spans]
    found = []
    for span in spans:
        start, end = log.upto([time - span.reach_ms, time - span.delay_ms])
        found.append((end[0] - start[0], end[1] - start[1]))
    log.save()
    return found


@given(arrivals=arrivals, limit=segment_events)
def test_every_window_equals_the_reference_whatever_the_order_of_arrival(arrivals, limit):
    store, reference = PartitionState(), Reference(KEEP)
    for time, amount in arrivals:
        expected = reference.observe(time, amount, SPANS)
        assert log_observe(store, time, amount, SPANS, KEEP, limit) == expected


@given(
    arrivals=st.lists(st.tuples(st.integers(0, 40), amounts), min_size=1, max_size=50), limit=segment_events
)
def test_observe_equals_the_reference_over_whole_days(arrivals, limit):
    spans = (days(1), days(7), days(30), days(1, delay=7), days(30, delay=7))
    windows = Windows(spans)
    stored, memory, reference = StoredLogs(PartitionState(), limit), MemoryLogs(), Reference(windows.keep_ms)
    for day, amount in arrivals:
        time = day * DAY_MS
        expected = reference.observe(time, amount, spans)
        assert windows.observe(stored, KEY, time, amount) == expected
        assert windows.observe(memory, KEY, time, amount) == expected


def test_a_window_is_open_at_its_start_and_closed_at_its_end():
    store = PartitionState()
    for time in (100, 110):
        Windows([Span(10)]).observe(StoredLogs(store), KEY, time, 5)
    assert Windows([Span(10), Span(11), Span(1, 10)]).observe(StoredLogs(store), KEY, 110, 5) == [
        (2, 10),
        (3, 15),
        (1, 5),
    ]


def test_a_late_event_sees_its_own_past_and_changes_only_later_windows():
    store = PartitionState()
    windows = Windows([Span(100)])
    assert windows.observe(StoredLogs(store), KEY, 1000, 1) == [(1, 1)]
    assert windows.observe(StoredLogs(store), KEY, 950, 2) == [(1, 2)]
    assert windows.observe(StoredLogs(store), KEY, 1040, 4) == [(3, 7)]


def test_an_event_behind_the_horizon_sees_itself_alone_and_is_not_kept():
    store = PartitionState()
    windows = Windows([Span(10), Span(10, 5)])
    newest = 10 * LATENESS_MS
    windows.observe(StoredLogs(store), KEY, newest, 1)
    late = newest - windows.keep_ms
    assert windows.observe(StoredLogs(store), KEY, late, 7) == [(1, 7), (0, 0)]
    assert not EventLog(store, KEY, windows.keep_ms).insert(late, 7)
    assert EventLog(store, KEY, windows.keep_ms).insert(late + 1, 7)


@given(limit=segment_events)
def test_state_is_bounded_by_the_keep_time(limit):
    store = PartitionState()
    for time in range(0, 20 * KEEP, 7):
        log_observe(store, time, 1, SPANS, KEEP, limit)
    live = [value for value in store.changes.values() if value is not None]
    entries = KEEP // 7 + 2 + 2 * limit
    assert sum(map(len, live)) <= 16 * entries + 32 * (entries // max(limit // 2, 1) + 2) + 100


def test_a_busy_key_writes_little_per_event():
    store, windows = PartitionState(), Windows([days(30)])
    for time in range(20_000):
        windows.observe(StoredLogs(store), KEY, time * 1000, 1)
        if time > 15_000:
            written = sum(len(value) for value in store.changes.values() if value)
            assert written <= 16 * (eventlog.SEGMENT_EVENTS + 2) * 2 + 32 * 200
        _commit(store)


def test_keys_do_not_collide():
    assert log_key("a", "bc") != log_key("ab", "c")
    assert log_key("a", "b", "EUR") != log_key("a", "b", "USD")
    assert log_key("x" * 1000, "") != log_key("x" * 999, "x")


@pytest.mark.parametrize("limit", [2, 256])
def test_sweep_forgets_silent_logs_whole_and_keeps_the_others(limit):
    store = PartitionState()
    for name, last in (("silent", 100), ("alive", 1000)):
        for time in range(last - 50, last):
            log = EventLog(store, log_key(name), 10_000, limit)
            log.insert(time, 1)
            log.save()
    assert sum(sweep(store, bucket, 500) for bucket in range(eventlog.BUCKETS)) == 1
    left = [key for key, value in store.changes.items() if value is not None]
    assert left
    assert all(b"alive" in key for key in left)


def test_silent_keys_are_forgotten_within_a_day_of_event_time():
    store = PartitionState()
    windows = Windows([days(1)])
    for number in range(50):
        windows.observe(StoredLogs(store), log_key(f"c{number}"), 0, 1)
    start = windows.keep_ms
    dropped = sum(windows.forget_silent(store, start + tick * DAY_MS // 200) for tick in range(1, 220))
    assert dropped == 50


def _commit(store):
    """Take the changes over, as the loop does."""
    store._committed.apply(store.changes)
    store.clear()
