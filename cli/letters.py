"""Pure: one form for dead letters and gateway rejects, and how both are shown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from heapq import heappush, heappushpop
from types import MappingProxyType
from typing import Any

from streamkit.avro_faults import read_leaves
from streamkit.errors import StreamkitError
from streamkit.headers import REDRIVE, Source, find
from streamkit.records import Record
from streamkit.redrive import parse_redrive
from streamkit.redrives import Marker
from streamkit.serde import PREFIX_BYTES, SchemaSource, schema_id_of

UNREADABLE = "unreadable"
"""The reason shown for a record among the letters that cannot be read as one."""

_NONE: Mapping[str, Marker] = MappingProxyType({})
_BYTES_A_LINE = 16
_MOST_BYTES = 64 * _BYTES_A_LINE


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


def when(at_ms: int) -> str:
    """Return the time in UTC to the second; of one that no calendar has, the milliseconds."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        # A letter is shown for what is wrong with it, and its time may be just that.
        return f"{at_ms} ms from 1970"


def overview(letters: Sequence[Letter]) -> Iterator[str]:
    """Yield the lines of `dlq list`: two for each letter, in columns that fit them all."""
    rows = [
        (one.ref, when(one.at_ms), one.service, one.reason, one.topic, one.field_path or "", _since(one))
        for one in letters
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for letter, row in zip(letters, rows, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
        yield f"{'':{widths[0]}}  {letter.detail}"


def _since(letter: Letter) -> str:
    """What has become of a letter since it was put aside; empty when nothing has."""
    if letter.marker is None:
        return ""
    words = {"SENT": "went back", "CLAIMED": "may have gone back", "REFUSED": "was refused again"}
    return f"{words[letter.marker.state]} {when(letter.marker.event_time)}"


def report(letter: Letter, schemas: SchemaSource) -> Iterator[str]:
    """Yield the lines of `dlq show`: what is known, the original bytes, and what can be read of them."""
    facts = {
        "id": letter.letter_id,
        "time": f"{when(letter.at_ms)} UTC",
        "service": letter.service,
        "reason": letter.reason,
        "detail": letter.detail,
        "field": letter.field_path,
        "origin": letter.origin,
        "trace": letter.traceparent,
        "since": _since(letter) or None,
        "before": letter.again and f"redriven from {letter.again}",
        "key": None if letter.key is None else _text(letter.key),
    }
    yield from (f"{name:<8} {fact}" for name, fact in facts.items() if fact is not None)
    if letter.headers:
        yield "headers"
        yield from (f"  {name} = {_text(value)}" for name, value in letter.headers)
    if letter.value is None:
        yield "value    none"
        return
    yield f"value    {len(letter.value)} bytes"
    yield from hexdump(letter.value[:_MOST_BYTES])
    if len(letter.value) > _MOST_BYTES:
        yield f"  ... {len(letter.value) - _MOST_BYTES} more; --json has them all"
    yield "as far as it can be read"
    yield from (f"  {line}" for line in readable(letter.value, schemas))


def hexdump(value: bytes) -> Iterator[str]:
    """Yield offset, bytes and printable ASCII, 16 bytes a line."""
    for start in range(0, len(value), _BYTES_A_LINE):
        part = value[start : start + _BYTES_A_LINE]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        yield f"  {start:06x}  {part.hex(' '):<47}  {shown}"


def readable(value: bytes, schemas: SchemaSource) -> Iterator[str]:
    """Yield the fields of the value up to the first fault; of another format, its text."""
    try:
        schema = schemas.schema(schema_id_of(value))
    except StreamkitError as error:
        yield str(error)
        yield _text(value[:_MOST_BYTES])
        return
    leaves, fault = read_leaves(schema, value[PREFIX_BYTES:])
    yield from (f"{pointer or '/'} = {leaf!r}" for pointer, leaf in leaves)
    if fault is not None:
        yield f"{fault.pointer or '/'}: {fault.problem}"


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


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"
    return text if text.isprintable() else repr(text)
