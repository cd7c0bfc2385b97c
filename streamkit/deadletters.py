"""Dead letters: what is kept of a record that could not be processed, and when there are too many."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from streamkit.errors import StopError
from streamkit.headers import TRACEPARENT, Source, find, format_source
from streamkit.records import Headers, Rejected


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
                hint="See `kapstan dlq list` for the reasons. Deploy a fix, then start the service: "
                "it goes on where it stopped",
            )
