from hypothesis import given
from hypothesis import strategies as st

from streamkit import dedup
from streamkit.dedup import DAY_MS, Repeats
from streamkit.state import MemoryState, PartitionState


def seen(state, tenant, event_id, now_ms, window_ms=DAY_MS):
    """One event as a batch of its own."""
    repeats = Repeats(state, window_ms)
    found = repeats.seen(tenant, event_id, now_ms)
    repeats.sweep()
    return found


def committed(state, base):
    base.apply(state.changes)
    state.clear()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=60))
def test_an_id_counts_once_within_the_window(steps):
    state, now, first = PartitionState(), 1_000, {}
    window = 100
    for identity, pause in steps:
        now += pause
        repeat = identity in first and now - first[identity] < window
        assert seen(state, "default", f"e{identity}", now, window) == repeat
        if not repeat:
            first[identity] = now


def test_tenants_do_not_share_ids():
    state = PartitionState()
    assert not seen(state, "a", "e1", 5)
    assert not seen(state, "b", "e1", 5)
    assert seen(state, "a", "e1", 6)


def test_a_day_is_the_default_window():
    state = PartitionState()
    assert not seen(state, "t", "e", 7)
    assert seen(state, "t", "e", 7 + DAY_MS - 1)
    assert not seen(state, "t", "e", 7 + DAY_MS)


def test_clocks_of_gateways_may_differ_a_little():
    state = PartitionState()
    assert not seen(state, "t", "e", DAY_MS)
    assert seen(state, "t", "e", DAY_MS + 60_000)


def test_state_stays_bounded_while_ids_go_on_coming():
    base = MemoryState()
    state = PartitionState(base)
    window, most = 1_000, 0
    for n in range(40_000):
        assert not seen(state, "t", f"e{n}", n, window)
        if n % 100 == 0:
            committed(state, base)
            most = max(most, len(base.values))
    # Two and a half windows of one id per millisecond, and what a sweep may lag behind.
    assert most < 4 * window


def test_a_sweep_removes_only_what_is_older_than_the_window():
    state = PartitionState()
    for n in range(5_000):
        seen(state, "t", f"e{n}", n, 1_000)
    assert all(seen(state, "t", f"e{n}", 5_000, 1_000) for n in range(4_001, 5_000))
    assert dedup._SWEPT in state.changes


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=60),
    st.lists(st.integers(1, 20), min_size=60, max_size=60),
)
def test_answers_do_not_depend_on_how_events_are_batched(steps, sizes):
    now, events = 1_000, []
    for identity, pause in steps:
        now += pause
        events.append((f"e{identity}", now))
    alone, together = PartitionState(), PartitionState()
    one_by_one = [seen(alone, "t", event, at, 100) for event, at in events]
    found, rest = [], events
    for size in sizes:
        repeats = Repeats(together, 100)
        found += [repeats.seen("t", event, at) for event, at in rest[:size]]
        repeats.sweep()
        rest = rest[size:]
    assert found == one_by_one


def test_a_batch_is_swept_once_however_large_it_is():
    class Counting(MemoryState):
        scans = 0

        def scan(self, prefix, start=b""):
            self.scans += 1
            return super().scan(prefix, start)

    base = Counting()
    repeats = Repeats(PartitionState(base), 1_000)
    for n in range(5_000):
        repeats.seen("t", f"e{n}", n)
    repeats.sweep()
    assert base.scans == 1
