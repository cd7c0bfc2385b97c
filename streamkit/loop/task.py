"""One assigned input partition: its store, its overlay, and how far it is."""

from streamkit.errors import StopError
from streamkit.loop.mark import MARK_KEY, Mark
from streamkit.loop.store import PartitionStore, Place
from streamkit.positions import Positions
from streamkit.records import TopicPartition
from streamkit.state import PartitionState


class PartitionTask:
    """What a worker holds for one input partition from assignment to revocation."""

    def __init__(
        self,
        tp: TopicPartition,
        changelog: TopicPartition,
        store: PartitionStore,
        place: Place,
        state: PartitionState,
    ) -> None:
        self.tp = tp
        self.changelog = changelog
        self.store = store
        self.place = place
        self.state = state
        self.committed: int | None = None
        self.changelog_next = place.changelog_next
        self.changelog_end = 0
        self.mark = store.mark
        # Where reading goes on; None means the beginning, wherever retention has put it.
        self.next_offset: int | None = None
        self.running = False

    @property
    def restored(self) -> bool:
        """Whether the store holds all that the changelog had when the partition was assigned."""
        return self.changelog_next >= self.changelog_end

    @property
    def side(self) -> Positions:
        """The vector of side positions that this state has seen."""
        return self.mark.side if self.mark is not None else Positions()

    def settle(self) -> None:
        """Take the restored state as the truth about where to go on; raises StopError when it cannot be."""
        self.mark = self.store.mark
        if self.mark is None:
            if self.committed is not None:
                raise self._refusal(
                    f"the group has committed offset {self.committed}, but the changelog holds no state",
                    "The changelog was deleted or emptied. Rebuild the state with `kapstan replay`",
                )
            self.next_offset = None
            return
        if self.mark.topic_id != self.place.topic_id:
            raise self._refusal(
                f"the state follows from topic id {self.mark.topic_id}, the topic was deleted and created "
                f"again with id {self.place.topic_id}",
                "Replay into a new namespace with `kapstan replay`, or, to start from nothing, delete the "
                f"changelog topic {self.changelog.topic} and {self.store.path}",
            )
        if self.committed is not None and self.committed != self.mark.next_offset:
            raise self._refusal(
                f"the group's offset is {self.committed}, the state stands at {self.mark.next_offset}: "
                "somebody has moved the group's offsets",
                "Delete the group's offsets to go on from the state; to process again, use `kapstan replay`",
            )
        self.next_offset = self.mark.next_offset

    def delivered(self, _partition: int, offset: int) -> None:
        """Note where the changelog stands: the mark is the last record of each transaction."""
        if offset >= 0:
            self.changelog_next = offset + 1

    def save(self, changes: dict[bytes, bytes | None], mark: Mark | None, now_ms: int) -> None:
        """Write changes that the changelog holds, and the place reached there, to the store."""
        self.place = Place(
            self.place.namespace,
            self.place.topic,
            self.place.topic_id,
            self.place.changelog_id,
            self.changelog_next,
            now_ms,
        )
        if mark is not None:
            changes = {**changes, MARK_KEY: mark.encode()}
            self.mark, self.next_offset = mark, mark.next_offset
        self.store.write(changes.items(), self.place)

    def _refusal(self, message: str, hint: str) -> StopError:
        return StopError(message, topic=self.tp.topic, partition=self.tp.partition, hint=hint)
