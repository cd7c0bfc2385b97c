"""One past record done again: a service's own step over what its state follows from, as live saw it.

Only the records of one key are taken: a window's state is by key, and so is an event's mark as a repeat.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from replay.errors import ReplayRefusedError
from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.headers import SIDE, SOURCE, find, is_heartbeat
from streamkit.loop.batches import prepared
from streamkit.read import Told, span
from streamkit.records import Output, Record, Rejected, TopicPartition
from streamkit.replay.side import whole_ends
from streamkit.replay.view import MovableView
from streamkit.side import SideView
from streamkit.state import PartitionState
from streamkit.transform import TransformSpec

Wanted = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Again:
    """What a step made of a record once more.

    Attributes:
        record: the record that it was made from.
        before: the records of the same key before it in the partition.
        outputs: what the step wrote for it, in order.
        rejected: why it was put aside instead, if it was.
        view: the side inputs as live had read them.
    """

    record: Record
    before: list[Record]
    outputs: list[Output]
    rejected: Rejected | None
    view: SideView


def key_until(
    broker: Broker, tp: TopicPartition, key: bytes | None, last: Wanted, clock: Clock, told: Told
) -> list[Record]:
    """Return the records of a key from the partition's first on, up to the wanted one, whatever its key.

    Blocks; stops reading there.

    Raises:
        ReplayRefusedError: the partition has lost its first records, or does not hold the wanted one.
    """
    admin = broker.admin()
    first, end = admin.start_offsets([tp])[tp], admin.end_offsets([tp], committed_only=True)[tp]
    if first > 0:
        raise ReplayRefusedError(
            f"{tp.topic}/{tp.partition} no longer has its records before offset {first}, and the windows of "
            "this decision follow from them",
            hint="Give the topic a longer retention in its catalogue file before the next time",
        )
    found: list[Record] = []
    for records in span(broker, {tp: 0}, {tp: end}, clock, told):
        for record in records:
            wanted = last(record)
            if wanted or (record.key == key and not is_heartbeat(record.headers)):
                found.append(record)
            if wanted:
                return found
    raise ReplayRefusedError(
        f"the record that the decision was made from is not in {tp.topic}/{tp.partition}"
    )


def again(
    spec: TransformSpec, topic_id: str, records: list[Record], made: Record, broker: Broker, clock: Clock
) -> Again:
    """Do the last of these records again, with the state of those before it and side inputs as live noted.

    Blocks while side inputs are read.

    Args:
        spec: the service.
        topic_id: id of the records' topic.
        records: all of one key and partition, from the first on.
        made: what live made of the last one.
        broker: where side inputs are read.
        clock: bounds the waiting.

    Raises:
        StopError: a side input does not hold any more what live had seen of it.
    """
    tp = records[-1].tp
    run = prepared(records, f"{tp.topic}@{topic_id}/{tp.partition}/")
    view = side_of(spec, made, broker, clock)
    wanted, outputs, rejected = find(run[-1].headers, SOURCE), list[Output](), None
    for one in spec.step(run, view, PartitionState(version=spec.state_version)):
        if isinstance(one, Rejected):
            rejected = one if one.record is run[-1] else rejected
        elif find(one.headers, SOURCE) == wanted:
            outputs.append(one)
    return Again(run[-1], run[:-1], outputs, rejected, view)


def side_of(spec: TransformSpec, made: Record, broker: Broker, clock: Clock) -> SideView:
    """Return the side inputs of a service at the positions that a record of live notes; blocks."""
    ends = whole_ends(broker.admin(), {side.topic for side in spec.side_inputs})
    view = MovableView(spec.side_inputs, broker, clock, ends, {})
    try:
        noted = find(made.headers, SIDE)
        return view.move(orjson.loads(noted) if noted else {})
    finally:
        view.close()
