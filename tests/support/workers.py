"""Workers under test: a transform that counts per key, turned by hand, and what its outputs must be."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from streamkit.broker import Broker
from streamkit.clock import Clock, SystemClock
from streamkit.errors import RetryableError
from streamkit.headers import carried
from streamkit.loop.bounds import Bounded
from streamkit.loop.status import LoopStatus
from streamkit.loop.worker import TransformWorker
from streamkit.records import Output, Record, Rejected, TopicPartition
from streamkit.side import SideView
from streamkit.state import PartitionState
from streamkit.testing.memory import MemoryBroker
from streamkit.testing.settings import TestedSettings
from streamkit.transform import TransformSpec

# Tests send timestamps of their own choice; Kafka would delete what seems old.
KEPT = {"retention.ms": "-1"}


class Crashed(BaseException):
    """Stands for the end of a process; not an Exception, so that no handler survives it."""


def count_per_key(
    batch: Sequence[Record], side: SideView, state: PartitionState
) -> Iterator[Output | Rejected]:
    """For each record, its key's running count; the value `bad` is refused, `away` is tried again."""
    del side
    for record in batch:
        if record.value == b"bad":
            yield Rejected(record, "bad", "the value is bad")
            continue
        if record.value == b"away":
            raise RetryableError("the registry is away")
        key = record.key or b""
        count = int(state.get(b"count/" + key) or 0) + 1
        state.put(b"count/" + key, str(count).encode())
        value = (record.value or b"") + b"=" + str(count).encode()
        yield Output("counts", record.key, value, record.timestamp_ms, carried(record))


def counting(service: str, topic: str, **changes: object) -> TransformSpec:
    """A spec that counts `topic` into `<topic>-counts`."""
    fields: dict[str, object] = {
        "service": service,
        "inputs": (topic,),
        "outputs": {"counts": f"{topic}-counts"},
        "step": count_per_key,
        "encode_dead_letter": lambda letter: f"{letter.source_offset}:{letter.reason}".encode(),
        "dead_letters": f"{topic}-dead",
    }
    return TransformSpec(**{**fields, **changes})  # type: ignore[arg-type]


def make_topics(broker: Broker, topic: str, partitions: int) -> None:
    """Make the topics of `counting`."""
    for name, count in ((topic, partitions), (f"{topic}-counts", partitions), (f"{topic}-dead", 1)):
        broker.admin().create_topic(name, count, KEPT)


def worker(
    spec: TransformSpec,
    broker: Broker,
    folder: Path,
    slot: str = "0",
    clock: Clock | None = None,
    bounded: Bounded | None = None,
    **settings: object,
) -> TransformWorker:
    """A worker whose state lies in `folder/<slot>`, opened."""
    made = TransformWorker(
        spec,
        TestedSettings(folder / slot, slot, **settings),  # type: ignore[arg-type]
        broker,
        clock or SystemClock(),
        LoopStatus(),
        bounded,
    )
    made.open()
    return made


def vanish(gone: TransformWorker) -> None:
    """Release what the operating system releases when a process dies; nothing else happens."""
    for task in gone._assignment.tasks.values():
        task.store.close()
    gone._producer.close()


def session_ended(broker: Broker, service: str, slot: str) -> None:
    """Let a static member that is gone be missed: Kafka does so after the session timeout by itself."""
    if isinstance(broker, MemoryBroker):
        broker.expire(service, f"{service}-{slot}")


class Turning(Protocol):
    """A worker that is turned by hand."""

    def turn(self) -> None: ...


def turn_until(workers: Iterable[Turning], done: Callable[[], bool], seconds: float = 40.0) -> None:
    """Turn the workers one after the other until `done`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not done within {seconds:g} s")
        for each in workers:
            each.turn()


def read_all(broker: Broker, topic: str, seconds: float = 20.0) -> list[Record]:
    """All committed records of a topic, by partition and offset; waits until its present ends are reached."""
    admin = broker.admin()
    partitions = [TopicPartition(topic, p) for p in range(admin.topics([topic])[topic].partitions)]
    ends = admin.end_offsets(partitions, committed_only=True)
    consumer = broker.consumer()
    consumer.assign(dict.fromkeys(partitions, 0))
    reached = dict.fromkeys(partitions, 0)
    records: list[Record] = []
    deadline = time.monotonic() + seconds
    while any(reached[tp] < ends[tp] for tp in partitions):
        assert time.monotonic() < deadline, f"{topic} was read to {reached}, it ends at {dict(ends)}"
        polled = consumer.consume(10_000, 0.2)
        records += polled.records
        reached.update({r.tp: r.offset + 1 for r in polled.records} | polled.ends)
    consumer.close()
    return sorted(records, key=lambda r: (r.partition, r.offset))


def assert_counted_once(sent: Iterable[tuple[bytes, bytes]], counts: Iterable[Record]) -> None:
    """Each sent (key, value) was counted exactly once, in order per key, with the right running count."""
    expected: dict[bytes, list[bytes]] = defaultdict(list)
    for key, value in sent:
        expected[key].append(value + b"=" + str(len(expected[key]) + 1).encode())
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for record in counts:
        found[record.key or b""].append(record.value or b"")
    assert found == expected
