"""Retries: records that come back from the dead letters, read beside the input by whoever owns its partition.

They are not part of the group's subscription: the owner of an input partition reads the retry partition of
the same number, and how far it has come stands in the partition's mark. So state, input and retries move
together, whoever owns them.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streamkit.aside import Regular
from streamkit.broker import Admin, Broker, Consumer, TopicInfo
from streamkit.clock import Clock
from streamkit.errors import RetryableError
from streamkit.loop.changelog import ensure_beside
from streamkit.loop.task import PartitionTask
from streamkit.positions import Positions, recreated
from streamkit.records import Record, TopicPartition
from streamkit.redrive import retry_of

_log = logging.getLogger(__name__)

# What somebody has sent back is history like any input.
_CONFIG = {"cleanup.policy": "delete", "retention.ms": "-1"}
_LOOK_EVERY_S = 2.0
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Retried:
    """A record of a retry topic, for the task whose state it meets."""

    task: PartitionTask
    record: Record
    topic_id: str


def ensure_retries(
    admin: Admin, namespace: str, service: str, inputs: Iterable[str]
) -> Mapping[str, TopicInfo]:
    """Make a service's missing retry topics; return them by input. Blocks; raises as `ensure_beside`."""
    names = {topic: retry_of(namespace, service, topic) for topic in inputs}
    return ensure_beside(admin, names, _CONFIG, "retry topic")[1]


class Retries:
    """Finds redriven records for the partitions that are running.

    There are none nearly always, so no consumer waits for them: every two seconds the broker is asked,
    aside, where the retry partitions end.
    """

    def __init__(self, broker: Broker, clock: Clock, namespace: str, service: str, *, live: bool) -> None:
        """Take where they are read; without `live` (a replay, a bounded run) there are none."""
        self._broker = broker
        self._admin = broker.admin()
        self._namespace = namespace
        self._service = service
        self._live = live
        self._looking = Regular[Positions](broker.ask, clock, _LOOK_EVERY_S)
        self._topics: Mapping[str, TopicInfo] = {}
        self._ends: Mapping[TopicPartition, int] = {}
        # Where reading has come to beyond what marks say: over the markers behind the last record.
        self._passed: dict[TopicPartition, int] = {}
        self._reading: dict[TopicPartition, PartitionTask] = {}
        self._consumer: Consumer | None = None

    @property
    def ids(self) -> Mapping[str, str]:
        """The ids of the retry topics, by name."""
        return {self._name(topic): info.topic_id for topic, info in self._topics.items()}

    def know(self, inputs: Iterable[str]) -> None:
        """Take in the inputs; makes their retry topics. Blocks; raises as `ensure_retries`."""
        if self._live:
            self._topics = ensure_retries(self._admin, self._namespace, self._service, inputs)

    def take(self, running: Iterable[PartitionTask]) -> Sequence[Retried]:
        """Return what has come back for these tasks, a hundred records at most; does not wait.

        What is returned counts as done once the tasks' marks have moved behind it, or else after `put_back`
        comes again. Raises StopError when a retry topic was deleted and created again.
        """
        if not self._topics:
            return ()
        due = self._due({self._beside(task.tp): task for task in running if task.tp.topic in self._topics})
        if due.keys() != self._reading.keys() or any(due[tp] is not self._reading[tp] for tp in due):
            self._client().assign({tp: self._next(tp, task) for tp, task in due.items()})
            self._reading = due
        if not due:
            return ()
        polled = self._client().consume(_AT_ONCE, 0.0)
        self._passed.update(polled.ends)
        return [Retried(due[r.tp], r, self._topics[due[r.tp].tp.topic].topic_id) for r in polled.records]

    def put_back(self) -> None:
        """Read again what the tasks' marks do not hold: what was taken was given up."""
        self._reading, self._passed = {}, {}

    def close(self) -> None:
        """Release the consumer."""
        if self._consumer is not None:
            self._consumer.close()

    def _due(self, tasks: Mapping[TopicPartition, PartitionTask]) -> dict[TopicPartition, PartitionTask]:
        if not tasks:
            return {}
        try:
            ends = self._looking.answer(lambda: self._admin.end_offsets(list(tasks), committed_only=True))
        except RetryableError as error:  # what came back can wait, whatever the broker cannot say just now
            _log.warning("nothing is read from the retry topics for now: %s", error)
            return {}
        if ends is not None:
            self._ends = ends
        return {tp: task for tp, task in tasks.items() if self._ends.get(tp, 0) > self._next(tp, task)}

    def _next(self, tp: TopicPartition, task: PartitionTask) -> int:
        mark = task.mark
        if mark is None or not mark.retry_next:
            return self._passed.get(tp, 0)
        topic_id = self._topics[task.tp.topic].topic_id
        if mark.retry_id != topic_id:
            raise recreated(tp.topic, mark.retry_id, topic_id)
        return max(mark.retry_next, self._passed.get(tp, 0))

    def _beside(self, tp: TopicPartition) -> TopicPartition:
        return TopicPartition(self._name(tp.topic), tp.partition)

    def _name(self, topic: str) -> str:
        return retry_of(self._namespace, self._service, topic)

    def _client(self) -> Consumer:
        if self._consumer is None:
            self._consumer = self._broker.consumer()
        return self._consumer
