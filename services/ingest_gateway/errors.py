"""What can go wrong at the door, each with its machine-readable code and its status on both protocols."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from streamkit.errors import StopError, StreamkitError


class BadSchemaError(StreamkitError):
    """A topic's schema is not one that records can be encoded with; other topics go on."""


class BadKeysFileError(StopError):
    """The file with API keys cannot be read; nobody could be let in."""


class MisfitError(ValueError):
    """A value does not fit its type; `rule` says what of the type it breaks, if more is known."""

    def __init__(self, rule: str = "") -> None:
        super().__init__(rule)
        self.rule = rule


class FieldError(NamedTuple):
    """One fault of a record: where (JSON pointer, RFC 6901), what the schema asks for, what was sent."""

    pointer: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to refuse a whole request: stable code, HTTP status, name of the gRPC status."""

    code: str
    http: int
    grpc: str


NO_KEY: Final = Kind("no_api_key", 401, "UNAUTHENTICATED")
WRONG_KEY: Final = Kind("wrong_api_key", 401, "UNAUTHENTICATED")
NOT_GRANTED: Final = Kind("topic_not_granted", 403, "PERMISSION_DENIED")
UNKNOWN_TOPIC: Final = Kind("unknown_topic", 404, "NOT_FOUND")
UNUSABLE_SCHEMA: Final = Kind("unusable_schema", 503, "FAILED_PRECONDITION")
MALFORMED: Final = Kind("malformed_json", 400, "INVALID_ARGUMENT")
BODY_TOO_LARGE: Final = Kind("body_too_large", 413, "RESOURCE_EXHAUSTED")
BATCH_TOO_LARGE: Final = Kind("batch_too_large", 413, "INVALID_ARGUMENT")
EMPTY_BATCH: Final = Kind("empty_batch", 400, "INVALID_ARGUMENT")
MEDIA_TYPE: Final = Kind("unsupported_media_type", 415, "INVALID_ARGUMENT")
BODY_TOO_SLOW: Final = Kind("body_too_slow", 408, "DEADLINE_EXCEEDED")
OVERLOADED: Final = Kind("overloaded", 503, "UNAVAILABLE")
KAFKA_AWAY: Final = Kind("kafka_away", 503, "UNAVAILABLE")
STARTING: Final = Kind("starting", 503, "UNAVAILABLE")


class RefusedError(Exception):
    """The request is refused as a whole; nothing of it was written.

    `retry_after_s` is set when the same request may succeed later; `errors` are pointed errors of a request
    that cannot be taken apart into records, and `reject_id` names what was kept of it.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        hint: str | None = None,
        retry_after_s: int | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s
        self.errors = errors
        self.reject_id: str | None = None
