"""What is written begins at the start of the span; what lies before only makes the state."""

from collections.abc import Iterator, Mapping, Sequence

from streamkit.positions import Positions
from streamkit.records import Output, Record, Rejected, TopicPartition
from streamkit.side import SideView
from streamkit.sink import Destination
from streamkit.state import PartitionState
from streamkit.transform import Step


class WrittenFrom:
    """A step whose outputs and dead letters before `starts` are left out; its state is not."""

    def __init__(self, step: Step, starts: Mapping[TopicPartition, int]) -> None:
        self._step = step
        self._starts = starts

    def __call__(
        self, batch: Sequence[Record], side: SideView, state: PartitionState
    ) -> Iterator[Output | Rejected]:
        """Yield what the step does for the records from the start on."""
        start = self._starts.get(batch[0].tp, 0)
        warming = [record for record in batch if record.offset < start]
        if warming:
            for _ in self._step(warming, side, state):
                pass
        if len(warming) < len(batch):
            yield from self._step(batch[len(warming) :], side, state)


class ReadFrom:
    """A destination that is begun at `starts`, where it holds nothing of a partition yet."""

    def __init__(self, destination: Destination, starts: Positions) -> None:
        self._destination = destination
        self._starts = starts

    def open(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return where to go on: the start, or beyond it what the destination holds already."""
        return self._destination.open(partitions).merge(self._starts.only(partitions))

    def write(self, batch: Sequence[Record]) -> None:
        """Take records."""
        self._destination.write(batch)

    def commit(self, positions: Positions) -> None:
        """Make all writes durable together with `positions`."""
        self._destination.commit(positions)

    def close(self) -> None:
        """Release what is held."""
        self._destination.close()
