"""JSON logs on stderr, each line with the service and, inside a traced block, the W3C trace ids."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, TextIO

from pythonjsonlogger.json import JsonFormatter

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$")


class TraceIds(NamedTuple):
    """The two ids of a W3C trace context, lower-case hex of 16 and 8 bytes."""

    trace_id: str
    span_id: str


_current: ContextVar[TraceIds | None] = ContextVar("kapstan_trace", default=None)


def parse_traceparent(value: str | bytes | None) -> TraceIds | None:
    """Return the ids in a `traceparent` header, or None when it is absent or malformed.

    Follows https://www.w3.org/TR/trace-context/#traceparent-header: version ff and ids of zeros only
    are invalid; unknown versions are read as far as version 00 goes.
    """
    if value is None:
        return None
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    match = _TRACEPARENT.match(text)
    if match is None or set(match[1]) == {"0"} or set(match[2]) == {"0"}:
        return None
    return TraceIds(match[1], match[2])


@contextmanager
def traced(traceparent: str | bytes | None) -> Iterator[None]:
    """Log every line inside the block with the ids of this trace context, if it is a valid one."""
    token = _current.set(parse_traceparent(traceparent))
    try:
        yield
    finally:
        _current.reset(token)


class _AddContext(logging.Filter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        record.service = self._service
        ids = _current.get()
        if ids is not None:
            record.trace_id, record.span_id = ids
        return True


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log record of the process to stderr as one JSON object a line.

    Keys: `time` (UTC, RFC 3339), `level`, `logger`, `message`, `service`, `trace_id` and `span_id` when
    traced, whatever `extra=` holds, and `error` with the traceback of a logged exception. Replaces
    handlers set before, so a second call changes the level and does not double the lines.

    Args:
        service: the service's name as in the catalogue, such as `fraud_scorer`.
        level: least severity, `DEBUG` to `ERROR`.
        stream: where to write instead of stderr.
    """
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.addFilter(_AddContext(service))
    handler.setFormatter(
        JsonFormatter(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "error"},
            timestamp="time",
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Each request to the registry would be a line at INFO; its client logs what matters.
    logging.getLogger("httpx").setLevel(logging.WARNING)
