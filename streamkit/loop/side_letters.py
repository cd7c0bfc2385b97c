"""Dead letters of side inputs: each worker reads them all, from the beginning at each start; one writes.

The owner of the first input partition writes those that lie beyond the side vector of that partition's
state, and moves the vector on in the same transaction: so each letter is written once, whoever owns it.
"""

from collections.abc import Callable, Sequence

from streamkit.broker import Admin
from streamkit.loop.emit import Emitter
from streamkit.loop.side_reader import SideDriver
from streamkit.loop.task import PartitionTask
from streamkit.records import Rejected


class SideLetters:
    """Finds the side records that still have to be put aside, and writes them."""

    def __init__(self, side: SideDriver, admin: Admin) -> None:
        self._side = side
        self._admin = admin
        self._ids: dict[str, str] = {}
        # So many of the rejected, from the first on, are known to need nothing more from this owner.
        self._done: tuple[PartitionTask | None, int] = (None, 0)

    def pending(self, owner: PartitionTask | None) -> Sequence[Rejected]:
        """Return what the owner of the first partition has to write; nothing for other workers."""
        if owner is None or not self._side.rejected or not owner.running:
            return ()
        rejected, first = self._side.rejected, self._done[1] if self._done[0] is owner else 0
        if first == len(rejected):
            return ()
        seen = owner.side
        pending = [one for one in rejected[first:] if one.record.offset >= seen.get(one.record.tp, 0)]
        if not pending:
            self._done = owner, len(rejected)
        return pending

    def writer(self, pending: Sequence[Rejected]) -> Callable[[Emitter], Sequence[Rejected]]:
        """Return what writes them as part of a transaction."""

        def write(emitter: Emitter) -> Sequence[Rejected]:
            for one in pending:
                emitter.dead_letter(one, self._topic_id(one.record.topic))
            return pending

        return write

    def _topic_id(self, topic: str) -> str:
        if topic not in self._ids:
            self._ids[topic] = self._admin.topics([topic])[topic].topic_id
        return self._ids[topic]
