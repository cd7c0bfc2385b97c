"""Assignment: what is done, in which order, when partitions come and go.

On assignment: committed offsets first (they wait for open transactions), then the changelog's end, read
uncommitted: the markers of one commit reach the offsets and the changelog at different moments, but its
records stand in the changelog before either. Then restore up to that end, then process.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from streamkit.broker import Admin, Consumer, TopicInfo
from streamkit.clock import Clock
from streamkit.crashpoints import crash
from streamkit.errors import RetryableError
from streamkit.loop.changelog import STALE_AFTER_MS, changelog_of
from streamkit.loop.metrics import LoopMetrics
from streamkit.loop.restore import Restorer
from streamkit.loop.status import LoopStatus
from streamkit.loop.store import PartitionStore, Place, SharedMemory, check_owner, discard
from streamkit.loop.task import PartitionTask
from streamkit.outputs import qualified
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.state import PartitionState
from streamkit.transform import TransformSpec


class Assignment:
    """The tasks of one worker; its methods are the consumer's rebalance callbacks."""

    def __init__(
        self,
        spec: TransformSpec,
        namespace: str,
        state_dir: Path,
        admin: Admin,
        restorer: Restorer,
        clock: Clock,
        status: LoopStatus,
    ) -> None:
        self._spec = spec
        self._namespace = namespace
        self._folder = state_dir / qualified(namespace, spec.service)
        self._admin = admin
        self._restorer = restorer
        self._clock = clock
        self._status = status
        self._memory = SharedMemory()
        self._inputs: Mapping[str, TopicInfo] = {}
        self._changelogs: Mapping[str, TopicInfo] = {}
        self._started_at: dict[TopicPartition, int] = {}
        self.consumer: Consumer | None = None
        self.tasks: dict[TopicPartition, PartitionTask] = {}
        # Partitions that went away since the loop last looked: their records in hand must be dropped.
        self.gone: set[TopicPartition] = set()

    def know(self, inputs: Mapping[str, TopicInfo], changelogs: Mapping[str, TopicInfo]) -> None:
        """Take in what the topics are, before any of their partitions is assigned."""
        self._inputs, self._changelogs = inputs, changelogs

    def assigned(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Open the partitions' stores and return the committed offsets; they stay paused until restored."""
        if self.consumer is None:
            raise RetryableError("partitions were assigned before the loop had started")
        crash.at("assign.before_committed")
        committed = self.consumer.committed(partitions)
        crash.at("assign.before_changelog_end")
        changelogs = {tp: self._changelog(tp) for tp in partitions}
        ends = self._admin.end_offsets(list(changelogs.values()), committed_only=False)
        for tp in partitions:
            task = self._open(tp, changelogs[tp], ends[changelogs[tp]])
            task.committed = committed.get(tp)
            self.tasks[tp] = task
        self._started_at.update(committed)
        self._report()
        return committed

    def revoked(self, partitions: list[TopicPartition], lost: bool) -> None:
        """Close the partitions' stores. No transaction is open: callbacks run between transactions."""
        del lost  # nothing could still be written for them either way
        for tp in partitions:
            self.gone.add(tp)
            self._started_at.pop(tp, None)
            task = self.tasks.pop(tp, None)
            if task is not None:
                task.store.close()
        self._report()

    def progress(self, side: Positions) -> None:
        """Restore a piece further and start the partitions that are complete and whose side is reached."""
        waiting = [task for task in self.tasks.values() if not task.running]
        self._restorer.step(waiting)
        for task in waiting:
            if not task.restored:
                continue
            task.settle()
            if side.covers(task.side):
                self._start(task)
        if waiting:
            self._report()

    def running(self) -> Iterable[PartitionTask]:
        """Return the tasks whose records may be processed."""
        return (task for task in self.tasks.values() if task.running)

    def close(self) -> None:
        """Close all stores."""
        self.revoked(list(self.tasks), lost=False)

    def _start(self, task: PartitionTask) -> None:
        if self.consumer is None:
            return
        crash.at("restore.before_resume")
        if task.next_offset is not None and task.next_offset != self._started_at.get(task.tp):
            self.consumer.seek(task.tp, task.next_offset)
        self.consumer.resume([task.tp])
        task.running = True

    def _changelog(self, tp: TopicPartition) -> TopicPartition:
        if tp.topic not in self._changelogs:
            raise RetryableError("assigned a topic this worker does not know yet", topic=tp.topic)
        return TopicPartition(changelog_of(self._namespace, self._spec.service, tp.topic), tp.partition)

    def _open(self, tp: TopicPartition, changelog: TopicPartition, end: int) -> PartitionTask:
        expected = Place(
            self._namespace, tp.topic, self._inputs[tp.topic].topic_id, self._changelogs[tp.topic].topic_id
        )
        path = self._folder / f"{tp.topic}-{tp.partition}"
        store = PartitionStore(path, self._memory)
        place = store.place
        if place is not None:
            check_owner(place, expected, path)
            if place.changelog_next < end and self._clock.now_ms() - place.saved_ms > STALE_AFTER_MS:
                store.close()
                discard(path)
                store, place = PartitionStore(path, self._memory), None
        state = PartitionState(store, version=self._spec.state_version, migrate=self._spec.migrate)
        task = PartitionTask(tp, changelog, store, place or expected, state)
        task.changelog_end = end
        return task

    def _report(self) -> None:
        self._status.assigned = len(self.tasks)
        self._status.restoring = sum(not task.running for task in self.tasks.values())
        LoopMetrics.assigned_partitions.set(self._status.assigned)
        LoopMetrics.restoring_partitions.set(self._status.restoring)
