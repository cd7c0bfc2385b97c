"""Dead letters: what is kept of a record that could not be processed, and when there are too many."""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from streamkit.errors import StopError
from streamkit.headers import TRACEPARENT, Source, find, format_source
from streamkit.records import MAX_RECORD_BYTES, Headers, Rejected, TopicPartition
from streamkit.redrive import redrive_of

TOO_LARGE = "too_large"
"""The reason of a record whose output Kafka cannot take."""

CUT = "The original is too large for a dead letter"
"""Stands in the detail of a letter that keeps a part of its original only."""

# What of the original fits into a letter: the rest is for the other fields and the letter's own headers.
_MOST_ORIGINAL_BYTES = MAX_RECORD_BYTES - 65_536
_MOST_CHARACTERS = 2_000
_PER_HEADER = 16  # Avro's lengths of name and value, rounded up
_MOST_OWN_HEADER_BYTES = 8_192


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
    "`kapstan dlq list` shows them with their reasons. Mend the cause, then start the service again: it goes "
    "on behind them, and stops again at as many"
)


class TooManyRejectedError(StopError):
    """A topic would be emptied into the dead letters. With an offset: that record is one too many."""


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """When a service stops rather than empty a topic into the dead letters.

    `max_consecutive`: so many of one partition in a row. `max_ratio`: such a part of the last
    `window` records, once the window is full.
    """

    max_consecutive: int = 100
    max_ratio: float = 0.5
    window: int = 1000


UNLIMITED = DeadLetterLimit(max_consecutive=sys.maxsize, max_ratio=1.0)


def dead_letter_of(rejected: Rejected, service: str, topic_id: str) -> DeadLetter:
    """Return the dead letter for `rejected`: a function of the record alone, so a retry writes the same.

    Of an original that is too large for a letter it keeps as much as fits, and its detail says so. A record
    that was redriven and refused again gets a letter with an id of its own; the REDRIVE header among its
    `source_headers` names the letter before it.
    """
    record = rejected.record
    source = Source(record.topic, topic_id, record.partition, record.offset)
    trace = find(record.headers, TRACEPARENT)
    redrive = redrive_of(record)
    letter = DeadLetter(
        dead_letter_id=letter_id_of(service, source, redrive.attempt if redrive is not None else 0),
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
    letter = _shortened(letter)
    return letter if _original_bytes(letter) <= _MOST_ORIGINAL_BYTES else _cut(letter)


def letter_id_of(service: str, place: Source, attempt: int) -> str:
    """Return the id of a service's letter about a record; `attempt` counts how often it had been redriven."""
    return f"{service}:{format_source(place).decode()}" + (f"#{attempt}" if attempt else "")


def short_headers(headers: Headers) -> Headers:
    """Return the headers that a letter carries on as its own; it keeps all of them in its value.

    The first 8 KiB: with long ones twice in it, a letter might not fit into a record.
    """
    return _fitting(headers, _MOST_OWN_HEADER_BYTES)


def _fitting(headers: Headers, room: int) -> Headers:
    """Return the headers that fit whole, each into what those before it left."""
    kept = []
    for header in headers:
        size = _header_bytes((header,))
        if size <= room:
            kept.append(header)
            room -= size
    return tuple(kept)


def _header_bytes(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value) + _PER_HEADER for name, value in headers)


def _shortened(letter: DeadLetter) -> DeadLetter:
    """Cut overlong texts, each marked by an ellipsis at its end."""
    path, trace = letter.field_path, letter.traceparent
    return replace(
        letter,
        detail=_short(letter.detail),
        field_path=_short(path) if path is not None else None,
        traceparent=_short(trace) if trace is not None else None,
    )


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _original_bytes(letter: DeadLetter) -> int:
    headers = _header_bytes(letter.source_headers)
    return len(letter.source_key or b"") + headers + len(letter.source_value or b"")


def _cut(letter: DeadLetter) -> DeadLetter:
    """Keep the key, then the headers that fit whole, then the value's beginning."""
    key, value = letter.source_key or b"", letter.source_value or b""
    kept_key = key[:_MOST_ORIGINAL_BYTES]
    left = _MOST_ORIGINAL_BYTES - len(kept_key)
    kept_headers = _fitting(letter.source_headers, left)
    kept_value = value[: left - _header_bytes(kept_headers)]
    says = (
        f"{letter.detail} {CUT}, which keeps {len(kept_key)} of "
        f"{len(key)} bytes of the key, {len(kept_headers)} of {len(letter.source_headers)} headers and the "
        f"first {len(kept_value)} of {len(value)} bytes of the value."
    )
    return replace(
        letter,
        detail=says,
        source_key=None if letter.source_key is None else kept_key,
        source_headers=kept_headers,
        source_value=None if letter.source_value is None else kept_value,
    )


def check_in_a_row(
    before: int,
    offsets: Sequence[int],
    rejected: AbstractSet[int],
    limit: DeadLetterLimit,
    tp: TopicPartition,
) -> int:
    """Return how many records up to the last of `offsets` were rejected without one that was not.

    `before` is that number up to the first. Raises TooManyRejectedError when it passes the limit on the way.
    """
    if not rejected:
        return 0
    in_a_row = before
    for offset in offsets:
        in_a_row = in_a_row + 1 if offset in rejected else 0
        if in_a_row > limit.max_consecutive:
            raise TooManyRejectedError(
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
        """Count one batch; raises TooManyRejectedError when the ratio over the window is too high."""
        self._batches.append((records, rejected))
        self._records += records
        self._rejected += rejected
        while self._records - self._batches[0][0] >= self._limit.window:
            old_records, old_rejected = self._batches.popleft()
            self._records -= old_records
            self._rejected -= old_rejected
        if self._records >= self._limit.window and self._rejected > self._limit.max_ratio * self._records:
            raise TooManyRejectedError(
                f"{self._rejected} of the last {self._records} records went to the dead letters, "
                f"more than {self._limit.max_ratio:.0%}",
                hint=_STOP_HINT,
            )
