"""A destination in memory, and sink workers turned by hand."""

from collections.abc import Sequence
from pathlib import Path

from streamkit.broker import Broker
from streamkit.clock import Clock, SystemClock
from streamkit.errors import RetryableError
from streamkit.loop.sink_worker import SinkWorker
from streamkit.loop.status import LoopStatus
from streamkit.positions import Positions
from streamkit.records import Record, TopicPartition
from streamkit.sink import Destination, SinkSpec
from streamkit.testing.settings import TestedSettings


class ListDestination:
    """Keeps what was committed in a list; commits may be told to fail, before or after they took effect.

    `view` gives another worker's handle on the same store.
    """

    def __init__(self, store: "ListDestination | None" = None) -> None:
        self._store = store or self
        self._uncommitted: list[Record] = []
        self.written = 0
        if store is None:
            self.committed: list[Record] = []
            self.positions = Positions()
            self.fail_commits: list[RetryableError | None] = []
            self.applied_before_failing: set[int] = set()
            self._commits = 0

    def view(self) -> "ListDestination":
        return ListDestination(self._store)

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        self._uncommitted = []
        return self._store.positions.only(partitions)

    def write(self, batch: Sequence[Record]) -> None:
        self._uncommitted += batch
        self.written += len(batch)

    def commit(self, positions: Positions) -> None:
        store = self._store
        number, store._commits = store._commits, store._commits + 1
        failure = store.fail_commits[number] if number < len(store.fail_commits) else None
        if failure is None or number in store.applied_before_failing:
            store.committed += self._uncommitted
            store.positions = Positions({**store.positions, **positions}, positions.topic_ids)
            self._uncommitted = []
        if failure is not None:
            raise failure

    def close(self) -> None:
        self._uncommitted = []


def sink(
    topic: str,
    destination: Destination,
    broker: Broker,
    folder: Path,
    slot: str = "0",
    clock: Clock | None = None,
    service: str | None = None,
    **limits: object,
) -> SinkWorker:
    """An opened sink worker; flushes at the age of 50 ms unless told otherwise."""
    spec = SinkSpec(service or topic, (topic,), destination, **{"flush_age_ms": 50, **limits})  # type: ignore[arg-type]
    settings = TestedSettings(folder / slot, slot)
    made = SinkWorker(spec, settings, broker, clock or SystemClock(), LoopStatus())
    made.open()
    return made
