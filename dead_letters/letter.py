"""Pure: one form for dead letters and gateway rejects."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from heapq import heappush, heappushpop
from types import MappingProxyType
from typing import Any

from streamkit.errors import StreamkitError
from streamkit.headers import REDRIVE, Source, find
from streamkit.records import Record
from streamkit.redrive import parse_redrive
from streamkit.redrives import Marker

UNREADABLE = "unreadable"
"""The reason shown for a record among the letters that cannot be read as one."""

_NONE: Mapping[str, Marker] = MappingProxyType({})


@dataclass(frozen=True)
class Letter:
    """A record that was put aside. `ref` is short and names it on the command line: d17 or g3.

    `place` is where a service had read it first, `tenant` who sent it to the gateway, `marker` says that it
    went back since, `again` which letter it was before, when it had gone back and was refused once more.
    """

    ref: str
    letter_id: str
    at_ms: int
    service: str
    reason: str
    detail: str
    field_path: str | None
    origin: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    traceparent: str | None = None
    place: Source | None = None
    tenant: str | None = None
    marker: Marker | None = None
    again: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON data, bytes as hex."""
        headers = [[name, value.hex()] for name, value in self.headers]
        return {
            **asdict(self),
            "headers": headers,
            "key": None if self.key is None else self.key.hex(),
            "value": None if self.value is None else self.value.hex(),
        }


def from_dead_letter(offset: int, record: dict[str, Any], markers: Mapping[str, Marker] = _NONE) -> Letter:
    """Return the letter of a record of platform.dead-letters.v1; `markers` by letter say what went back."""
    headers = tuple((header["name"], header["value"]) for header in record["source_headers"])
    place = f"{record['source_partition']}/{record['source_offset']}"
    return Letter(
        ref=f"d{offset}",
        letter_id=record["dead_letter_id"],
        at_ms=record["event_time"],
        service=record["service"],
        reason=record["reason"],
        detail=record["detail"],
        field_path=record["field_path"],
        origin=f"{record['source_topic']}@{record['source_topic_id']}/{place}",
        topic=record["source_topic"],
        key=record["source_key"],
        value=record["source_value"],
        headers=headers,
        traceparent=record["traceparent"],
        place=Source(
            record["source_topic"],
            record["source_topic_id"],
            record["source_partition"],
            record["source_offset"],
        ),
        marker=markers.get(record["dead_letter_id"]),
        again=_before(headers),
    )


def _before(headers: tuple[tuple[str, bytes], ...]) -> str | None:
    """Return the id of the letter that a record was redriven from, None when it was not."""
    try:
        return parse_redrive(find(headers, REDRIVE) or b"").letter_id
    except ValueError:
        return None


def from_reject(offset: int, record: dict[str, Any], markers: Mapping[str, Marker] = _NONE) -> Letter:
    """Return the letter of a record of platform.gateway-rejects.v1; it never was in its topic."""
    errors = record["errors"]
    return Letter(
        ref=f"g{offset}",
        letter_id=record["reject_id"],
        at_ms=record["event_time"],
        service="ingest_gateway",
        reason=record["reason"],
        detail="; ".join(
            f"{e['pointer'] or 'the whole'}: expected {e['expected']}, got {e['got']}" for e in errors
        ),
        field_path=errors[0]["pointer"] if errors else None,
        origin=f"tenant {record['tenant']}, meant for {record['topic']}",
        topic=record["topic"],
        key=None,
        value=record["payload"],
        tenant=record["tenant"],
        marker=markers.get(record["reject_id"]),
    )


def from_unreadable(ref: str, record: Record, error: StreamkitError) -> Letter:
    """Return what there is to show of a record that cannot be read as a letter: its own bytes.

    Args:
        ref: what names it on the command line.
        record: the record, as it lies among the letters.
        error: why it cannot be read.
    """
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return Letter(
        ref=ref,
        letter_id=place,
        at_ms=record.timestamp_ms,
        service="unknown",
        reason=UNREADABLE,
        detail=f"This record of {record.topic} cannot be read as a letter: {error}",
        field_path=None,
        origin=place,
        topic=record.topic,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def chosen(letters: Iterable[Letter], service: str | None, reason: str | None) -> Iterator[Letter]:
    """Yield the letters of one service and one reason; None takes all."""
    for letter in letters:
        if service in (None, letter.service) and reason in (None, letter.reason):
            yield letter


def newest_of(letters: Iterable[Letter], most: int) -> tuple[list[Letter], int]:
    """Return the newest `most` letters, the oldest of them first, and how many there were.

    Of the same time the later ones count as newer. No more than these are held at once: a letter may have
    two megabytes, and there may be any number.
    """
    held: list[tuple[int, int, Letter]] = []
    count = 0
    for letter in letters:
        count += 1
        entry = (letter.at_ms, count, letter)
        if len(held) < most:
            heappush(held, entry)
        else:
            heappushpop(held, entry)
    return [letter for _, _, letter in sorted(held)], count
