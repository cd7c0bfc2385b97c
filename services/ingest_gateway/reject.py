"""What is kept of refused input: one record of platform.gateway-rejects.v1 each, with the original bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.ingest_gateway.errors import FieldError
from services.ingest_gateway.prepare import Context
from streamkit import headers
from streamkit.kafka.async_producer import Message

TOPIC: Final = "platform.gateway-rejects.v1"

INVALID_RECORD: Final = "invalid_record"

MAX_PAYLOAD: Final = 500_000
"""Bytes kept of one refusal; what is longer is cut, because Kafka takes about a megabyte in a record."""


_MAX_TEXT: Final = 500
"""Characters kept of a pointer and of what was expected: a client may name a field with a megabyte.
A hundred faults of this length, with the payload, stay below a megabyte."""


class Encoder(Protocol):
    """Encodes a value for the log; streamkit.serde.AvroEncoder is one."""

    def encode(self, datum: dict[str, object]) -> bytes:
        """Return the Avro bytes with the schema's id before them."""
        ...


@dataclass(frozen=True, slots=True)
class Reject:
    """Refused input: `topic` is where it was sent, `reject_id` names it in the answer too.

    Without a payload it is not kept, as the topic's catalogue entry asks.
    """

    reject_id: str
    topic: str
    reason: str
    errors: Sequence[FieldError]
    payload: bytes | None


def message_of(reject: Reject, context: Context, encoder: Encoder, index: int) -> Message:
    """Return the Kafka record that keeps a reject; `index` is the record's in its request."""
    payload, errors = reject.payload or b"", list(reject.errors)
    if len(payload) > MAX_PAYLOAD:
        errors.append(FieldError("", f"at most {MAX_PAYLOAD} bytes to keep", f"{len(payload)} bytes, cut"))
        payload = payload[:MAX_PAYLOAD]
    value = {
        "reject_id": reject.reject_id,
        "tenant": context.tenant,
        "topic": reject.topic,
        "reason": reject.reason,
        "errors": [_short(error)._asdict() for error in errors],
        "payload": payload,
        "event_time": context.ingest_ms,
    }
    return (
        reject.topic.encode(),
        encoder.encode(value),
        [
            (headers.EVENT_ID, reject.reject_id.encode()),
            (headers.INGEST_MS, b"%d" % context.ingest_ms),
            (headers.TENANT, context.tenant.encode()),
            (headers.TRACEPARENT, context.trace.header(index)),
            (headers.HOPS, headers.hop("gateway", context.ingest_ms)),
        ],
    )


def _short(error: FieldError) -> FieldError:
    return FieldError(_head(error.pointer), _head(error.expected), error.got)


def _head(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
