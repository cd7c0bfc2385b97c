"""The values that move through a service: a record read, an output to write, a record refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]

# The most that any of our clients writes as one record: key, value and headers, with some 40 bytes around
# them. More than twice what the gateway lets in, so that each hop can add to it; the broker's limit of
# 2,097,152 is for a whole batch, with what stands around its records.
MAX_RECORD_BYTES = 2_000_000
# What librdkafka counts around every record, and for the two lengths of a header.
_AROUND_RECORD, _AROUND_HEADER = 36, 10


class TopicPartition(NamedTuple):
    """One partition of one topic; sorts by topic, then partition."""

    topic: str
    partition: int


# Records and outputs are immutable by convention. A frozen dataclass would enforce it, but its
# __init__ costs four times as much (1.6 us against 0.4 us), a tenth of a transform's whole budget.
@dataclass(slots=True, unsafe_hash=True)
class Record:
    """A record as it stands in a topic; never changed after it was built.

    `timestamp_ms` is the Kafka timestamp: the ingest time in milliseconds since the epoch (UTC).
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    @property
    def tp(self) -> TopicPartition:
        """Return the record's topic and partition."""
        return TopicPartition(self.topic, self.partition)

    def header(self, name: str) -> bytes | None:
        """Return the value of the first header called `name`, or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(slots=True, unsafe_hash=True)
class Output:
    """A record to be written; `name` is a named output that the loop maps to a topic.

    `timestamp_ms` should be the ingest time of the record it was made from, and `headers` what
    `streamkit.headers.carried(record)` gives, so that identity, tenant and trace travel on. With
    `partition` None the key decides (murmur2, as Java's producer).
    """

    name: str
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    partition: int | None = None


@dataclass(slots=True)
class Rejected:
    """A record that cannot be processed; the loop makes a dead letter of it.

    `reason` is a short stable code (a metric label), `detail` a sentence for people, `field_path`
    a JSON pointer into the value.
    """

    record: Record
    reason: str
    detail: str
    field_path: str | None = None
    schema_id: int | None = None


def size_of(key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> int:
    """Return what a record is to be held against MAX_RECORD_BYTES with, as librdkafka counts."""
    size = _AROUND_RECORD + (len(key) if key else 0) + (len(value) if value else 0)
    for name, content in headers:
        size += len(name) + len(content) + _AROUND_HEADER
    return size
