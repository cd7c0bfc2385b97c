"""Dead letters: what is kept of a record that could not be processed, and when there are too many."""

from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from streamkit.errors import StopError
from streamkit.headers import TRACEPARENT, Source, find, format_source
from streamkit.records import Headers, Rejected, TopicPartition


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One value of platform.dead-letters.v1; field for field the Avro record of that name."""

    dead_letter_id: str
    service: str
    reason: str
    detail: str
    field_path: str | None
    schema_id: int | None
    source_topic: str
    source_topic_id: str
    source_partition: int
    source_offset: int
    source_key: bytes | None
    source_value: bytes | None
    source_headers: Headers
    traceparent: str | None
    event_time: int


EncodeDeadLetter = Callable[[DeadLetter], bytes]

_STOP_HINT = (
    "See `kapstan dlq list` for the reasons. Deploy a fix and start the service: it goes on from here"
)


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """When a service stops rather than empty a topic into the dead letters.

    `max_consecutive`: so many of one partition in a row. `max_ratio`: such a part of the last
    `window` records, once the window is full.
    """

    max_consecutive: int = 100
    max_ratio: float = 0.5
    window: int = 1000


def dead_letter_of(rejected: Rejected, service: str, topic_id: str) -> DeadLetter:
    """Return the dead letter for `rejected`: a function of the record alone, so a retry writes the same."""
    record = rejected.record
    source = Source(record.topic, topic_id, record.partition, record.offset)
    trace = find(record.headers, TRACEPARENT)
    return DeadLetter(
        dead_letter_id=f"{service}:{format_source(source).decode()}",
        service=service,
        reason=rejected.reason,
        detail=rejected.detail,
        field_path=rejected.field_path,
        schema_id=rejected.schema_id,
        source_topic=record.topic,
        source_topic_id=topic_id,
        source_partition=record.partition,
        source_offset=record.offset,
        source_key=record.key,
        source_value=record.value,
        source_headers=record.headers,
        traceparent=trace.decode("ascii", "replace") if trace is not None else None,
        event_time=record.timestamp_ms,
    )


def check_in_a_row(
    before: int,
    offsets: Sequence[int],
    rejected: AbstractSet[int],
    limit: DeadLetterLimit,
    tp: TopicPartition,
) -> int:
    """Return how many records up to the last of `offsets` were rejected without one that was not.

    `before` is that number up to the first. Raises StopError when it passes the limit on the way.
    """
    if not rejected:
        return 0
    in_a_row = before
    for offset in offsets:
        in_a_row = in_a_row + 1 if offset in rejected else 0
        if in_a_row > limit.max_consecutive:
            raise StopError(
                f"{in_a_row} records in a row cannot be processed, more than {limit.max_consecutive}",
                topic=tp.topic,
                partition=tp.partition,
                offset=offset,
                hint=_STOP_HINT,
            )
    return in_a_row


class RejectionWindow:
    """Counts rejections against the limit over the last records of one worker."""

    def __init__(self, limit: DeadLetterLimit) -> None:
        self._limit = limit
        self._batches: deque[tuple[int, int]] = deque()
        self._records = 0
        self._rejected = 0

    def add(self, records: int, rejected: int) -> None:
        """Count one batch; raises StopError when the ratio over the window is above the limit."""
        self._batches.append((records, rejected))
        self._records += records
        self._rejected += rejected
        while self._records - self._batches[0][0] >= self._limit.window:
            old_records, old_rejected = self._batches.popleft()
            self._records -= old_records
            self._rejected -= old_rejected
        if self._records >= self._limit.window and self._rejected > self._limit.max_ratio * self._records:
            raise StopError(
                f"{self._rejected} of the last {self._records} records went to the dead letters, "
                f"more than {self._limit.max_ratio:.0%}",
                hint=_STOP_HINT,
            )
