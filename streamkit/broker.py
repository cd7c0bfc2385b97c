"""What the loops need of a broker; `streamkit.kafka` and `streamkit.testing.memory` provide it.

Both pass tests/behaviour. Consumers read only what is committed. All calls may raise RetryableError when
the broker is away, and FencedError when another process has taken this one's place.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from streamkit.aside import Ask
from streamkit.errors import RetryableError, StopError
from streamkit.positions import Positions
from streamkit.records import Headers, Record, TopicPartition


class AbortableError(RetryableError):
    """The transaction cannot be committed; abort it, go back to the last committed positions, go on."""


class AwayError(RetryableError):
    """The broker has been away for longer than this client's work can wait: go on with new clients.

    Whether the last transaction was committed is not known to this client. A new producer's `init` settles
    it, and the committed positions then tell.
    """


class TooLargeError(StopError):
    """A record is larger than MAX_RECORD_BYTES: it can never be written, however often it is tried.

    When `send` or `send_many` raises it, nothing of that record was queued and the transaction goes on.
    """


# Where `seek` goes to the first record that there is (librdkafka's OFFSET_BEGINNING).
BEGINNING = -2


class Polled(NamedTuple):
    """What one call of `consume` brought.

    `ends` holds, for each partition read to its end just now, the position there: beyond the last
    record by the transaction markers that follow it.
    """

    records: list[Record]
    ends: dict[TopicPartition, int]


class TopicInfo(NamedTuple):
    """A topic's id, which a recreated topic does not share, and its number of partitions."""

    topic_id: str
    partitions: int


# A rebalance takes all partitions of a member away and gives it all of its new ones.
# Given newly assigned partitions, returns the offsets to start at; absent ones start at the beginning.
OnAssigned = Callable[[list[TopicPartition]], Mapping[TopicPartition, int]]
# Given partitions taken away; the flag says that they are lost: another member may own them already.
OnRevoked = Callable[[list[TopicPartition], bool], None]
# Called with (partition, offset) once a record is stored; the offset is -1 when it is not known.
OnDelivered = Callable[[int, int], None]


class Consumer(Protocol):
    """Reads records, as a member of a group (`subscribe`) or of chosen partitions (`assign`)."""

    def subscribe(self, topics: Sequence[str], on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        """Join the group for these topics, or change them; a topic that begins with ^ is a pattern.

        Callbacks run inside `consume` and `close`. Newly assigned partitions are paused until `resume`.
        """
        ...

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from these offsets, outside any group."""
        ...

    def consume(self, max_records: int, timeout_s: float) -> Polled:
        """Return up to `max_records`; waits until there are so many, at most `timeout_s` seconds."""
        ...

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on reading an assigned partition at `offset` or BEGINNING; drops records fetched before."""
        ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until resumed."""
        ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Return records of these partitions again."""
        ...

    def committed(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return the group's offsets; waits for transactions that are about to change them."""
        ...

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit the group's offsets outside a transaction, without waiting for the answer."""
        ...

    def group_metadata(self) -> object:
        """Return what proves this member's place in the group to `TransactionalProducer.send_offsets`."""
        ...

    def close(self) -> None:
        """Leave and release; a static member's partitions wait for it until its session ends."""
        ...


class Producer(Protocol):
    """Writes records, idempotently."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | list[tuple[str, bytes]] = (),
        timestamp_ms: int = 0,
        partition: int | None = None,
        on_delivered: OnDelivered | None = None,
    ) -> None:
        """Queue a record; blocks while the queue is full. Without a partition, the key decides (murmur2).

        Raises TooLargeError.
        """
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait until all is stored; raises RetryableError when it is not in time."""
        ...

    def close(self) -> None:
        """Release; what is not flushed may be lost."""
        ...


class TransactionalProducer(Producer, Protocol):
    """Writes records and a group's positions so that all of it becomes visible, or none."""

    def init(self) -> None:
        """Take over the transactional id: fences its earlier holder and aborts what it left open."""
        ...

    def begin(self) -> None:
        """Begin a transaction."""
        ...

    def send_many(self, topic: str, partition: int, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Queue (key, value) records of one partition without headers: less work for each than `send`.

        Raises TooLargeError; the others may have been queued.
        """
        ...

    def send_offsets(self, positions: Mapping[TopicPartition, int], group_metadata: object) -> None:
        """Add the group's positions; raises AbortableError when this member has lost its place."""
        ...

    def commit(self) -> None:
        """Commit; raises AwayError when the outcome is unknown, AbortableError when it failed."""
        ...

    def abort(self) -> None:
        """Abort; nothing of the transaction is ever visible, also when this raises AwayError."""
        ...


class Admin(Protocol):
    """Asks about and makes topics."""

    def topics(self, names: Sequence[str] | None = None) -> dict[str, TopicInfo]:
        """Return the topics of these names that exist; all topics when None."""
        ...

    def create_topic(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        """Make a topic; one that exists already is left as it is."""
        ...

    def delete_topics(self, names: Sequence[str]) -> None:
        """Delete topics with all they hold, those of them that exist; blocks until they are gone."""
        ...

    def groups(self) -> list[str]:
        """Return the names of all consumer groups."""
        ...

    def delete_group(self, name: str) -> bool:
        """Delete a group with its offsets; False while it has members. One that does not exist is deleted."""
        ...

    def topic_configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return every setting in force of existing topics, by topic."""
        ...

    def set_topic_config(self, name: str, config: Mapping[str, str]) -> None:
        """Change these settings of a topic and leave its others."""
        ...

    def end_offsets(self, partitions: Sequence[TopicPartition], *, committed_only: bool) -> Positions:
        """Return the ends; with `committed_only` before the first open transaction."""
        ...

    def start_offsets(self, partitions: Sequence[TopicPartition]) -> Positions:
        """Return the first offset that each partition still has; what lay before was deleted by age."""
        ...

    def offsets_at(self, partitions: Sequence[TopicPartition], time_ms: int) -> Positions:
        """Return the first offset with a Kafka timestamp of `time_ms` or later, or the end."""
        ...

    def group_offsets(self, group: str, partitions: Sequence[TopicPartition]) -> Positions:
        """Return a group's offsets; partitions without one are absent."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A consumer's place in a group; `instance` is stable over restarts (static membership)."""

    group: str
    instance: str | None = None


class Broker(Protocol):
    """Makes clients."""

    def consumer(self, member: Member | None = None, gather_ms: int = 0) -> Consumer:
        """Return a consumer; one without a member can only `assign`.

        With `gather_ms` the broker may hold records back for so long to hand out more of them at once: it
        spares both sides most of their work for a reader that is in no hurry.
        """
        ...

    def producer(self) -> Producer:
        """Return an idempotent producer."""
        ...

    def transactional_producer(self, transactional_id: str) -> TransactionalProducer:
        """Return a producer of transactions; call `init` before the first one."""
        ...

    def admin(self) -> Admin:
        """Return an admin client."""
        ...

    @property
    def ask(self) -> Ask:
        """Run questions to this broker that a loop is not to wait for."""
        ...
