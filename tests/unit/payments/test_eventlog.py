"""Event logs against a brute-force reference, on any order of arrival and any size of segments."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payments import eventlog
from payments.eventlog import EventLog, log_key, sweep
from payments.windows import Span
from streamkit.state import PartitionState
from tests.support.brute_windows import Reference

KEY = log_key("default", "c000001", "EUR")
SPANS = (Span(10), Span(70), Span(300), Span(10, 70), Span(300, 70))
KEEP = 370 + 50

times = st.integers(min_value=0, max_value=1500)
amounts = st.integers(min_value=0, max_value=10**12)
arrivals = st.lists(st.tuples(times, amounts), min_size=1, max_size=60)
segment_events = st.sampled_from([1, 2, 3, 8, 256])


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


# The last sealed segment expires together with the oldest events of the open one.
@example(arrivals=[(0, 0), (0, 0), (0, 0), (420, 0), (1, 0)], limit=2)
@given(arrivals=arrivals, limit=segment_events)
def test_every_window_equals_the_reference_whatever_the_order_of_arrival(arrivals, limit):
    store, reference = PartitionState(), Reference(KEEP)
    for time, amount in arrivals:
        expected = reference.observe(time, amount, SPANS)
        assert log_observe(store, time, amount, SPANS, KEEP, limit) == expected


@given(limit=segment_events)
def test_state_is_bounded_by_the_keep_time(limit):
    store = PartitionState()
    for time in range(0, 20 * KEEP, 7):
        log_observe(store, time, 1, SPANS, KEEP, limit)
    live = [value for value in store.changes.values() if value is not None]
    entries = KEEP // 7 + 2 + 2 * limit
    assert sum(map(len, live)) <= 16 * entries + 32 * (entries // max(limit // 2, 1) + 2) + 100


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
