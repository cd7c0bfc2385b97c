"""Partitions and transactions of the in-memory broker, as Kafka keeps them: records, markers, ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamkit.records import Record, TopicPartition


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction: what it wrote to, and the offsets it would commit."""

    partitions: set[TopicPartition] = field(default_factory=set)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    state: str = "open"


@dataclass(slots=True)
class Entry:
    """A record, or with `record` None a transaction marker; both take an offset."""

    record: Record | None
    transaction: Transaction | None


class PartitionLog:
    """One partition's entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        # The first offset that is still there (Kafka: log start offset).
        self.start = 0

    @property
    def end(self) -> int:
        """The offset that the next entry gets (Kafka: high watermark)."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """The end before the first record of an open transaction (Kafka: last stable offset)."""
        for offset, entry in enumerate(self.entries):
            if entry.transaction is not None and entry.transaction.state == "open":
                return offset
        return self.end

    def read(self, position: int, limit: int) -> tuple[list[Record], int]:
        """Return up to `limit` committed records from `position`, and the position after them.

        Without a record before the stable end, the position moves over markers and aborted records.
        """
        records: list[Record] = []
        end = self.stable_end
        while position < end and len(records) < limit:
            entry = self.entries[position]
            position += 1
            aborted = entry.transaction is not None and entry.transaction.state == "aborted"
            if entry.record is not None and not aborted:
                records.append(entry.record)
        return records, position


@dataclass(slots=True)
class Topic:
    """A topic: its id, which a recreated one does not share, and its partitions."""

    topic_id: str
    partitions: list[PartitionLog]
    config: Mapping[str, str]


@dataclass(slots=True)
class Producing:
    """What the broker knows of one transactional id: its epoch, and its transaction if one is open."""

    epoch: int = 0
    transaction: Transaction | None = None
