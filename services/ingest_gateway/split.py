"""Take a request body apart into records, and find each record's original bytes again when it is refused."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec
import orjson

from services.ingest_gateway.errors import (
    BATCH_TOO_LARGE,
    EMPTY_BATCH,
    MALFORMED,
    MEDIA_TYPE,
    FieldError,
    RefusedError,
)
from services.ingest_gateway.prepare import NotJson

MAX_VALUES: Final = 1_000_000
"""JSON values in a body: an empty list takes 3 bytes to send and 64 to hold, so memory has its own bound."""

_JSON: Final = frozenset({"", "application/json"})
_LINES: Final = frozenset({"application/x-ndjson", "application/jsonl", "application/jsonlines"})
_UTF_8: Final = "charset=utf-8"
_RAW_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_STRING_OR_MARK: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)

Split = Callable[[bytes], Sequence[bytes]]


@dataclass(frozen=True)
class Records:
    """The values of a request, and its bytes, which `split` cuts into the records' own when asked to."""

    values: list[object]
    body: bytes
    split: Split

    @cached_property
    def originals(self) -> Sequence[bytes]:
        """The bytes of each record as they were sent."""
        return self.split(self.body)


def records_of(body: bytes, content_type: str, max_records: int) -> Records:
    """Read a body: an object or an array of objects as JSON, or a value a line as NDJSON.

    Raises:
        RefusedError: it is neither, holds nothing, or holds more than `max_records`.
    """
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    if parameters:
        _check_charset(parameters)
    if media_type in _LINES:
        lines = [line for line in body.split(b"\n") if line and not line.isspace()]
        records = records_of_messages(lines, max_records)
    elif media_type in _JSON:
        records = _json(body, max_records)
    else:
        raise RefusedError(
            MEDIA_TYPE,
            f"Bodies of type {media_type[:100]!r} are not taken.",
            hint="Send application/json (an object or an array) or application/x-ndjson.",
        )
    return records


def _check_charset(parameters: str) -> None:
    for each in map(str.strip, parameters.split(";")):
        if each.startswith("charset=") and each.replace('"', "") != _UTF_8:
            raise RefusedError(MEDIA_TYPE, f"A body in {each[:100]!r} is not taken.", hint="Send UTF-8.")


def records_of_messages(messages: Sequence[bytes], max_records: int) -> Records:
    """Read records that are JSON each; one that is not becomes NotJson.

    Raises:
        RefusedError: there are none, or more than `max_records`.
    """
    _check_count(len(messages), max_records)
    return Records([_value(message) for message in messages], b"", lambda _: messages)


def _value(message: bytes) -> object:
    try:
        _check_values(message)
        return orjson.loads(message)
    except (orjson.JSONDecodeError, RefusedError) as error:
        return NotJson(str(error)[:200])


def _json(body: bytes, max_records: int) -> Records:
    _check_values(body)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(
            MALFORMED,
            f"The body is no JSON: {error}",
            errors=(FieldError("", "JSON", str(error)[:200]),),
        ) from None
    if not isinstance(value, list):
        return Records([value], body, lambda whole: [whole])
    _check_count(len(value), max_records)
    return Records(value, body, _items)


def _items(body: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in _RAW_ITEMS.decode(body)]
    except RecursionError:  # msgspec goes less deep than orjson
        return _deep_items(body)


def _deep_items(body: bytes) -> list[bytes]:
    """Cut a JSON array at the commas between its items, however deep these are; slower than `_items`."""
    items, depth, begin = [], 0, body.index(b"[") + 1
    for token in _STRING_OR_MARK.finditer(body):
        mark = token[0]
        if depth == 1 and mark in (b",", b"]"):
            items.append(body[begin : token.start()].strip())
            begin = token.end()
        depth += (mark in (b"[", b"{")) - (mark in (b"]", b"}"))
    return items


def _check_count(count: int, max_records: int) -> None:
    if count == 0:
        raise RefusedError(EMPTY_BATCH, "The request holds no record.")
    if count > max_records:
        raise RefusedError(
            BATCH_TOO_LARGE,
            f"The request holds {count} records, more than {max_records}.",
            hint="Send several smaller batches.",
        )


def _check_values(body: bytes) -> None:
    # Each value but the first of its array or object follows a comma. Short bodies cannot hold too many.
    if len(body) > MAX_VALUES and body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise RefusedError(BATCH_TOO_LARGE, f"The body holds more than {MAX_VALUES} JSON values.")
