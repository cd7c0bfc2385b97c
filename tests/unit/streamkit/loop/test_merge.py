from hypothesis import given
from hypothesis import strategies as st

from streamkit.headers import HEARTBEAT
from streamkit.loop.batches import Pace
from streamkit.loop.merge import Merged
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker


def merged_run(times, chunk):
    """Write event times to partitions, read them merged; returns (partition, offset, time) in order."""
    broker = MemoryBroker()
    broker.create_topic("t", len(times))
    tps = [TopicPartition("t", p) for p in range(len(times))]
    for tp, values in zip(tps, times, strict=True):
        for value in values:
            broker.append(tp, None, b"%d" % value, (), 0)
    ends = Positions({tp: len(values) for tp, values in zip(tps, times, strict=True)})
    consumer = broker.consumer()
    consumer.assign(dict.fromkeys(tps, 0))
    merged = Merged(ends, lambda record: int(record.value), Pace(ManualClock(), 5, chunk))
    found = []
    for _ in range(sum(len(values) for values in times) + 5):
        found += merged.collect(consumer, tps)
    # Ends beyond the last record are told only as long as something is read.
    assert merged.take_ends().items() <= dict(ends).items()
    return [(r.partition, r.offset, int(r.value)) for r in found]


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=4), st.integers(1, 7))
def test_a_merge_takes_the_least_head_and_keeps_each_partitions_order(times, chunk):
    found = merged_run(times, chunk)
    assert sorted(found) == [(p, o, t) for p, values in enumerate(times) for o, t in enumerate(values)]
    heads = [0] * len(times)
    for partition, offset, time in found:
        assert offset == heads[partition]
        waiting = [values[heads[p]] for p, values in enumerate(times) if heads[p] < len(values)]
        assert time == min(waiting)
        heads[partition] += 1


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=4))
def test_the_order_does_not_depend_on_how_it_is_read(times):
    assert merged_run(times, 1) == merged_run(times, 50)


def test_it_waits_for_a_partition_whose_next_record_is_still_to_come():
    broker = MemoryBroker()
    broker.create_topic("t", 2)
    one, two = TopicPartition("t", 0), TopicPartition("t", 1)
    broker.append(one, None, b"5", (), 0)
    consumer = broker.consumer()
    consumer.assign({one: 0, two: 0})
    merged = Merged(Positions({one: 1, two: 1}), lambda record: int(record.value), Pace(ManualClock(), 5, 10))
    assert merged.collect(consumer, [one, two]) == []
    broker.append(two, None, b"3", (), 0)
    assert [r.value for r in merged.collect(consumer, [one, two])] == [b"3", b"5"]


def test_a_heartbeat_does_not_hold_its_partition_back():
    broker = MemoryBroker()
    broker.create_topic("t", 2)
    one, two = TopicPartition("t", 0), TopicPartition("t", 1)
    broker.append(one, None, b"", ((HEARTBEAT, b"99"),), 0)
    broker.append(one, None, b"5", (), 0)
    broker.append(two, None, b"7", (), 0)
    consumer = broker.consumer()
    consumer.assign({one: 0, two: 0})
    merged = Merged(Positions({one: 2, two: 1}), lambda record: int(record.value), Pace(ManualClock(), 5, 10))
    assert [r.value for r in merged.collect(consumer, [one, two])] == [b"", b"5", b"7"]


def test_records_beyond_the_bounds_stay_out_and_what_is_forgotten_is_read_again():
    broker = MemoryBroker()
    broker.create_topic("t", 1)
    tp = TopicPartition("t", 0)
    for value in range(10):
        broker.append(tp, None, b"%d" % value, (), 0)
    consumer = broker.consumer()
    consumer.assign({tp: 0})
    merged = Merged(Positions({tp: 6}), lambda record: int(record.value), Pace(ManualClock(), 5, 4))
    assert len(merged.collect(consumer, [tp])) == 4
    merged.forget({tp})
    consumer.seek(tp, 2)
    assert [r.offset for _ in range(3) for r in merged.collect(consumer, [tp])] == [2, 3, 4, 5]
