from hypothesis import given
from hypothesis import strategies as st

from streamkit.headers import SOURCE
from streamkit.loop.batches import prepared, runs
from streamkit.loop.interleave import Interleaved
from streamkit.records import Output, Record, Rejected


def made_of(record, number):
    """What a step makes of a record whose value says how many outputs; a value of 0 is refused."""
    if not number:
        return [Rejected(record, "bad", "it is bad")]
    return [Output("o", b"%d" % n, record.value, 0, record.headers) for n in range(number)]


def batch_of(shape):
    """Records of the partitions in `shape`, in that order; offsets count per partition."""
    counts = {}
    batch = []
    for partition, number in shape:
        offset = counts[partition] = counts.get(partition, -1) + 1
        batch.append(Record("t", partition, offset, 0, None, b"%d" % number))
    return batch


def seen(one):
    """What stands at one place of a result, comparable."""
    if isinstance(one, Rejected):
        return one.record.tp, one.record.offset
    return dict(one.headers)[SOURCE], one.key


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30), st.booleans())
def test_the_order_is_that_of_a_step_called_for_each_record_alone(shape, rejected_first):
    batch = batch_of(shape)
    together = Interleaved(batch)
    for tp, run in runs(batch, keep_order=False):
        produced = [one for r in prepared(run, f"t@id/{tp.partition}/") for one in made_of(r, int(r.value))]
        if rejected_first:  # as the scorer yields
            produced.sort(key=lambda one: not isinstance(one, Rejected))
        together.add(run, produced)
    alone = [one for record in batch for one in made_of(record, int(record.value))]
    assert [seen(one) for one in together.in_order()] == [seen(one) for one in alone]


def test_an_output_without_a_source_follows_the_one_before_it():
    batch = batch_of([(0, 1), (1, 1), (0, 1), (1, 1)])
    together = Interleaved(batch)
    for tp, run in runs(batch, keep_order=False):
        first, second = prepared(run, f"t@id/{tp.partition}/")
        bare = [Output("o", b"bare%d" % tp.partition, None, 0)]
        together.add(run, [*bare, *made_of(first, 1), *bare, *made_of(second, 1), *bare])
    assert [one.key for one in together.in_order()] == [
        b"bare0", b"0", b"bare0", b"bare1", b"0", b"bare1", b"0", b"bare0", b"0", b"bare1",
    ]  # fmt: skip
