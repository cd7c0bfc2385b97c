"""Pure: how records that were put aside are shown: many in a table, one whole."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from dead_letters.letter import Letter
from streamkit.avro_faults import read_leaves
from streamkit.errors import StreamkitError
from streamkit.serde import PREFIX_BYTES, SchemaSource, schema_id_of

_BYTES_A_LINE = 16
_MOST_BYTES = 64 * _BYTES_A_LINE


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


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"
    return text if text.isprintable() else repr(text)
