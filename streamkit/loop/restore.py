"""Restore: bring the stores of newly assigned partitions up to the end of their changelogs."""

from collections.abc import Iterable

from streamkit.broker import Broker, Consumer
from streamkit.clock import Clock
from streamkit.crashpoints import crash
from streamkit.loop.task import PartitionTask
from streamkit.records import TopicPartition

_RECORDS_PER_STEP = 10_000
_WAIT_S = 0.05


class Restorer:
    """Reads changelogs with a consumer of its own, a bounded piece at a time."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._consumer: Consumer | None = None
        self._reading: dict[TopicPartition, PartitionTask] = {}

    def step(self, tasks: Iterable[PartitionTask]) -> None:
        """Read on for the tasks that are not restored yet; blocks for 50 ms at most when nothing comes."""
        behind = {task.changelog: task for task in tasks if not task.restored}
        if behind.keys() != self._reading.keys() or any(behind[tp] is not self._reading[tp] for tp in behind):
            self._reading = behind
            if behind or self._consumer is not None:
                self._client().assign({tp: task.changelog_next for tp, task in behind.items()})
        if not behind:
            return
        polled = self._client().consume(_RECORDS_PER_STEP, _WAIT_S)
        changes: dict[TopicPartition, dict[bytes, bytes | None]] = {}
        for record in polled.records:
            tp = record.tp
            if record.key is not None:
                changes.setdefault(tp, {})[record.key] = record.value
            behind[tp].changelog_next = record.offset + 1
        for tp, end in polled.ends.items():
            behind[tp].changelog_next = max(end, behind[tp].changelog_next)
        crash.at("restore.before_write")
        for tp in changes.keys() | polled.ends.keys():
            behind[tp].save(changes.get(tp, {}), None, self._clock.now_ms())
        crash.at("restore.after_write")

    def close(self) -> None:
        """Release the consumer."""
        if self._consumer is not None:
            self._consumer.close()

    def _client(self) -> Consumer:
        if self._consumer is None:
            self._consumer = self._broker.consumer()
        return self._consumer
