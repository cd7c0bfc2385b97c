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


def redriven(state, event_id, ingest_ms, redriven_ms):
    """One event that came back from the dead letters."""
    repeats = Repeats(state, DAY_MS, redriven_ms)
    found = repeats.seen("t", event_id, ingest_ms)
    repeats.sweep()
    return found


@given(ingest=st.integers(0, 3 * DAY_MS), sent_again=st.integers(0, 3 * DAY_MS), days=st.integers(0, 9))
def test_a_redriven_event_that_was_sent_again_meanwhile_is_a_repeat(ingest, sent_again, days):
    base = MemoryState()
    state = PartitionState(base)
    later = ingest + sent_again
    assert not seen(state, "t", "e", later)
    committed(state, base)
    assert redriven(state, "e", ingest, later + days * DAY_MS)


@given(
    ingest=st.integers(DAY_MS, 3 * DAY_MS),
    waited=st.integers(0, 99 * DAY_MS),
    lag=st.integers(0, DAY_MS // 2),
)
def test_what_is_sent_again_after_the_redrive_or_waits_in_the_input_then_is_one(ingest, waited, lag):
    state = PartitionState()
    now = ingest + waited
    assert not redriven(state, "e", ingest, now)
    assert seen(state, "t", "e", max(ingest, now - lag))
    assert seen(state, "t", "e", now + DAY_MS - 1)


def test_an_event_that_comes_back_from_two_letters_counts_once_however_much_later():
    state = PartitionState()
    assert not redriven(state, "e", 5, 10 * DAY_MS)
    assert redriven(state, "e", 6, 99 * DAY_MS)
    assert not redriven(state, "other", 6, 99 * DAY_MS)
