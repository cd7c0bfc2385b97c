"""The side view of a replay: where live was, forwards, and back after a batch was put back."""

import json

import pytest

from streamkit.errors import StopError
from streamkit.headers import HEARTBEAT, HOPS, SIDE, SOURCE
from streamkit.records import Record
from streamkit.replay.recorded import Recorded
from streamkit.replay.side import RecordedSide
from streamkit.side import SideInput
from streamkit.testing.clock import ManualClock
from streamkit.testing.memory import MemoryBroker

NAMES, CODES = "names", "codes"


def decode(record):
    return record.key.decode(), record.value.decode() if record.value else None


@pytest.fixture
def broker():
    broker = MemoryBroker()
    producer = broker.producer()
    for topic in (NAMES, CODES):
        broker.create_topic(topic, 1)
        for number in range(6):
            headers = [(HEARTBEAT, b"1")] if number == 3 else []
            producer.send(topic, b"k", b"%d" % number, headers)
    return broker


def driver(broker, *vectors):
    """A driver for an input partition whose record n live processed at vectors[n]; None wrote nothing."""
    recorded = Recorded()
    for offset, vector in enumerate(vectors):
        if vector is not None:
            headers = ((SOURCE, b"in@id/0/%d" % offset), (SIDE, json.dumps(vector).encode()), (HOPS, b"s=1"))
            recorded.take([Record("out", 0, 0, 0, None, None, headers)], "s")
    recorded.seal()
    inputs = [SideInput(topic, topic, decode) for topic in (NAMES, CODES)]
    made = RecordedSide(inputs, broker, ManualClock(), recorded)
    made.start()
    return made


def run(count, partition=0):
    return [
        Record("in", partition, n, 0, None, None, ((SOURCE, b"in@id/%d/%d" % (partition, n)),))
        for n in range(count)
    ]


def seen(made, records):
    """For each piece its offsets, and the rows as the step would see them."""
    found = []
    for piece in made.split(records):
        rows = [made.view.table(topic).get("k") for topic in (NAMES, CODES)]
        found.append(([r.offset for r in piece], *(row and row.value for row in rows)))
    return found


def test_each_record_sees_what_live_saw(broker):
    made = driver(
        broker, {}, {"names-0": 1}, {"names-0": 1}, {"codes-0": 3, "names-0": 3}, {"codes-0": 5, "names-0": 3}
    )
    assert seen(made, run(5)) == [
        ([0], None, None),
        ([1, 2], "0", None),
        ([3], "2", "2"),
        ([4], "2", "4"),
    ]
    made.close()


def test_records_that_live_wrote_nothing_for_go_with_their_neighbours(broker):
    made = driver(broker, None, {"names-0": 2}, None, {"names-0": 5})
    assert seen(made, run(4)) == [([0, 1, 2], "1", None), ([3], "4", None)]
    assert seen(made, [*run(3)][2:]) == [([2], "4", None)]


def test_where_live_wrote_nothing_at_all_the_side_inputs_are_as_now(broker):
    assert seen(driver(broker), run(2)) == [([0, 1], "5", "5")]
    assert list(driver(broker).split([])) == []


def test_a_batch_that_is_put_back_sees_the_same_again(broker):
    made = driver(broker, {"names-0": 1}, {"names-0": 5})
    once = seen(made, run(2))
    assert seen(made, run(2)) == once == [([0], "0", None), ([1], "4", None)]


def test_partitions_have_views_of_their_own(broker):
    made = driver(broker, {"names-0": 1}, {"names-0": 5})
    assert seen(made, run(1)) == [([0], "0", None)]
    assert seen(made, run(1, partition=1)) == [([0], "5", "5")]
    assert dict(made.view.positions) == dict(made.reached)
    assert seen(made, run(2)[1:]) == [([1], "4", None)]


def test_positions_that_the_side_input_cannot_be_at_are_refused(broker):
    with pytest.raises(StopError, match="side inputs stand at"):
        seen(driver(broker, {"names-0": 4}), run(1))
    with pytest.raises(StopError, match="side inputs stand at"):
        seen(driver(broker, {"names-0": 99}), run(1))
