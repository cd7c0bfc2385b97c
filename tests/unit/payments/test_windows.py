"""Windows against a brute-force reference that obeys the same rule, on any order of arrival."""

from hypothesis import given
from hypothesis import strategies as st

from payments import eventlog
from payments.eventlog import EventLog, log_key
from payments.logs import MemoryLogs, StoredLogs
from payments.windows import DAY_MS, LATENESS_MS, Span, Windows, days
from streamkit.state import PartitionState
from tests.support.brute_windows import Reference

KEY = log_key("default", "c000001", "EUR")

amounts = st.integers(min_value=0, max_value=10**12)
segment_events = st.sampled_from([1, 2, 3, 8, 256])


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


def test_a_busy_key_writes_little_per_event():
    store, windows = PartitionState(), Windows([days(30)])
    for time in range(20_000):
        windows.observe(StoredLogs(store), KEY, time * 1000, 1)
        if time > 15_000:
            written = sum(len(value) for value in store.changes.values() if value)
            assert written <= 16 * (eventlog.SEGMENT_EVENTS + 2) * 2 + 32 * 200
        _commit(store)


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
