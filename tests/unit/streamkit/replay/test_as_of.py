"""Side inputs as of event time: a function of the log, whatever live knew and whenever it was killed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkit.records import Output, Record, TopicPartition
from streamkit.replay.as_of import AsOf, Timeline
from streamkit.side import SideInput, SideView
from streamkit.state import MemoryState, PartitionState

SIDE = SideInput("rows", "rows", lambda record: ("row", record.value))


def record(topic, offset, time_ms, value=b"", partition=0):
    return Record(topic, partition, offset, time_ms, b"k", value)


def event_time(one):
    return one.timestamp_ms


def step(batch, side, state):
    row = side.table("rows").get("row")
    for one in batch:
        yield Output("o", one.key, row.value if row else None, one.timestamp_ms)


def seen(timeline, batches, state=None):
    """What each record of a partition sees of the row."""
    as_of = AsOf(step, [SIDE], lambda: timeline, event_time)
    state = state or PartitionState(MemoryState())
    return [out.value for batch in batches for out in as_of(batch, SideView(), state)]


def test_each_record_sees_the_row_as_of_its_time():
    timeline = Timeline([record("rows", n, 10 * n, b"%d" % n) for n in range(4)], event_time)
    batch = [record("in", n, time_ms) for n, time_ms in enumerate([-1, 0, 9, 10, 25, 99])]
    assert seen(timeline, [batch]) == [None, b"0", b"0", b"1", b"2", b"3"]


def test_a_late_record_sees_what_the_one_before_it_saw_also_after_a_kill():
    timeline = Timeline([record("rows", n, 10 * n, b"%d" % n) for n in range(4)], event_time)
    first, late = record("in", 0, 20), record("in", 1, 5)
    assert seen(timeline, [[first, late]]) == [b"2", b"2"]
    state = PartitionState(MemoryState())
    assert seen(timeline, [[first]], state) == [b"2"]
    assert seen(timeline, [[late]], state) == [b"2"], "the time is in the state"


def test_a_batch_that_was_given_up_is_done_again_with_what_it_saw():
    timeline = Timeline([record("rows", n, 10 * n, b"%d" % n) for n in range(4)], event_time)
    as_of = AsOf(step, [SIDE], lambda: timeline, event_time)
    state = PartitionState(MemoryState())
    batch = [record("in", 0, 5), record("in", 1, 30)]
    once = [out.value for out in as_of(batch, SideView(), state)]
    state.clear()
    assert [out.value for out in as_of(batch, SideView(), state)] == once == [b"0", b"3"]


def test_what_is_fixed_holds_from_the_beginning_and_offsets_go_before_times():
    rows = [record("rows", 0, 50, b"first"), record("rows", 1, 20, b"second")]
    batch = [record("in", 0, 30), record("in", 1, 50)]
    assert seen(Timeline(rows, event_time), [batch]) == [None, b"second"]
    assert seen(Timeline(rows, event_time, frozenset({"rows"})), [batch]) == [b"second", b"second"]


@given(
    st.lists(st.integers(0, 50), max_size=8),
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 50)), max_size=12),
    st.integers(0, 12),
)
def test_neither_batches_nor_other_partitions_matter(rows, records, cut):
    timeline = Timeline([record("rows", n, t, b"%d" % n) for n, t in enumerate(rows)], event_time)
    both = {
        p: [record("in", n, t, partition=p) for n, (q, t) in enumerate(records) if q == p] for p in (0, 1)
    }
    for mine in both.values():
        if mine:
            assert seen(timeline, [mine]) == seen(
                timeline, [each for each in (mine[:cut], mine[cut:]) if each]
            )


@pytest.mark.parametrize("partition", [0, 1])
def test_partitions_have_views_of_their_own(partition):
    timeline = Timeline([record("rows", n, 10 * n, b"%d" % n) for n in range(4)], event_time)
    as_of = AsOf(step, [SIDE], lambda: timeline, event_time)
    states = {p: PartitionState(MemoryState()) for p in (0, 1)}
    list(as_of([record("in", 0, 30, partition=1 - partition)], SideView(), states[1 - partition]))
    here = TopicPartition("in", partition)
    (out,) = as_of([record("in", 0, 10, partition=here.partition)], SideView(), states[partition])
    assert out.value == b"1"
