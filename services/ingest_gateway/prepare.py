"""Turn values into Kafka records: encode, route, judge. Pure: time and randomness come as arguments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.ingest_gateway.errors import FieldError, MisfitError
from services.ingest_gateway.explain import child, cut, explain, got
from services.ingest_gateway.route import TENANT_FIELD, Route
from services.ingest_gateway.schema import MISSING
from streamkit import headers
from streamkit.kafka.async_producer import Message
from streamkit.logs import parse_traceparent

Header = tuple[str, bytes]

_HOP: Final = "gateway"
# W3C trace context: version 00, then trace id, span id and flags; sampled is 01.
_SAMPLED: Final = b"01"

MAX_IDENTITY: Final = 1_000
"""Bytes of a key or an event id. Both are written twice, and every transform keeps them in its state."""

_PER_HEADER: Final = 10
"""What librdkafka counts for a header besides its name and its value: two lengths of up to 5 bytes."""


@dataclass(frozen=True, slots=True)
class NotJson:
    """Stands for a record whose bytes are no JSON."""

    detail: str


# Made for each request, and a frozen dataclass takes three times as long to make.
@dataclass(slots=True)
class Trace:
    """Makes a trace context for each record of a request.

    Records of a request that brought a context are spans of its trace; else each begins a trace of its own.
    """

    before: bytes
    trace: bytes
    span: bytes
    after: bytes

    @classmethod
    def of(cls, traceparent: bytes | None, random: bytes) -> "Trace":
        """Continue a context, or begin new ones; `random` is 16 bytes that no other request has."""
        ids = parse_traceparent(traceparent)
        span = random[:4].hex().encode()
        if ids is None or traceparent is None:
            return cls(b"00-", random[4:].hex().encode(), span, b"-" + _SAMPLED)
        flags = traceparent[53:55]
        return cls(b"00-" + ids.trace_id.encode() + b"-", b"", span, b"-" + flags)

    def header(self, index: int) -> bytes:
        """Return the `traceparent` of the record with this index."""
        # The last 8 digits count from 1, so neither id is ever all zeros.
        if self.trace:
            return b"%b%b%08x-%b%08x%b" % (
                self.before,
                self.trace,
                index + 1,
                self.span,
                index + 1,
                self.after,
            )
        return b"%b%b%08x%b" % (self.before, self.span, index + 1, self.after)


@dataclass(slots=True)
class Context:
    """What is the same for all records of a request.

    `ingest_ms` is when the request had been read whole; event times outside `earliest_ms` to `latest_ms`
    and records above `max_bytes`, with key and headers, are refused. `key` is the key that the client
    said its records have.
    """

    tenant: str
    ingest_ms: int
    earliest_ms: int
    latest_ms: int
    max_bytes: int
    trace: Trace
    key: str | None = None

    def headers(self) -> tuple[Header, Header, Header]:
        """Return the headers that all records share: ingest time, tenant and hop time."""
        return (
            (headers.INGEST_MS, b"%d" % self.ingest_ms),
            (headers.TENANT, self.tenant.encode()),
            (headers.HOPS, headers.hop(_HOP, self.ingest_ms)),
        )

    def room(self) -> int:
        """Return how many bytes value, key and event id of a record may have together."""
        own = ((headers.EVENT_ID, b""), (headers.TRACEPARENT, self.trace.header(0)))
        return self.max_bytes - sum(
            _PER_HEADER + len(name) + len(value) for name, value in (*self.headers(), *own)
        )


@dataclass(slots=True)
class Prepared:
    """Records to write with their indexes in the request, and faults by index."""

    messages: list[Message] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    rejected: dict[int, list[FieldError]] = field(default_factory=dict)


def prepare(route: Route, values: Sequence[object], context: Context, first: int = 0) -> Prepared:
    """Judge and encode the records of a request.

    Args:
        route: where they go.
        values: JSON values, or NotJson; a missing tenant is put into them.
        context: what they share.
        first: the index of the first one in the request, when it is taken in parts.
    """
    prepared = Prepared()
    messages, indexes, encode, trace = prepared.messages, prepared.indexes, route.encode, context.trace.header
    key_field, id_field, time_field = route.key_field, route.id_field, route.time_field
    earliest, latest, room, wanted = context.earliest_ms, context.latest_ms, context.room(), context.key
    tenant, has_tenant, millis = context.tenant, route.has_tenant, route.micros_per_tick == 1000
    ingest, owner, hops = context.headers()
    for index, value in enumerate(values, first):
        # The checks raise whatever they raise: `faults` finds out what is wrong, and with all of the record.
        try:
            if has_tenant and value.setdefault(TENANT_FIELD, tenant) != tenant:  # type: ignore[attr-defined]
                raise MisfitError  # noqa: TRY301 - a call would cost each record
            encoded = encode(value)
            key, event_id, time = value[key_field], value[id_field], value[time_field]  # type: ignore[index]
            if key.__class__ is not str:
                key = text_of(key)
            if event_id.__class__ is not str:
                event_id = text_of(event_id)
            if time.__class__ is not int or not millis:
                time = route.event_ms(time)
            key_bytes, id_bytes = key.encode(), event_id.encode()
            fits = (
                earliest <= time <= latest
                and 0 < len(key_bytes) <= MAX_IDENTITY
                and 0 < len(id_bytes) <= MAX_IDENTITY
                and len(encoded) + len(key_bytes) + len(id_bytes) <= room
                and (wanted is None or key == wanted)
            )
            if not fits:
                raise MisfitError  # noqa: TRY301 - a call would cost each record
            identity, context_header = (headers.EVENT_ID, id_bytes), (headers.TRACEPARENT, trace(index))
            messages.append((key_bytes, encoded, [identity, ingest, owner, context_header, hops]))
            indexes.append(index)
        except Exception:  # noqa: BLE001 - an encoder promises no particular class
            prepared.rejected[index] = faults(route, value, context)
    return prepared


def text_of(value: object) -> str:
    """Return a key or an event id as text; raises MisfitError for what is neither text nor a whole number."""
    if type(value) is str and value:
        return value
    if type(value) is int:
        return str(value)
    raise MisfitError


def faults(route: Route, value: object, context: Context) -> list[FieldError]:
    """Return all that is wrong with a record that `prepare` refused.

    Raises:
        RuntimeError: nothing is, so the encoder and the explainer disagree; a bug of ours.
    """
    if isinstance(value, NotJson):
        return [FieldError("", "JSON", value.detail)]
    errors = explain(route.node, value)
    if isinstance(value, dict):
        wrong = {error.pointer for error in errors}
        errors += [fault for fault in _routing_faults(route, value, context) if fault.pointer not in wrong]
    if not errors:
        over = _size(route, value) - context.room()
        if over <= 0:
            raise RuntimeError(f"A record of {route.topic} was refused and nothing is wrong with it")
        limit = context.max_bytes
        expected = f"a record of at most {limit} bytes as Avro, with its key and headers"
        errors = [FieldError("", expected, f"{limit + over} bytes")]
    return errors


def _size(route: Route, value: Any) -> int:
    """Return the bytes of a record without faults: of its value, its key and its event id."""
    identity = (text_of(value[route.key_field]), text_of(value[route.id_field]))
    return len(route.encode(value)) + sum(len(text.encode()) for text in identity)


def _routing_faults(route: Route, value: dict[str, object], context: Context) -> Iterator[FieldError]:
    if route.has_tenant and value.get(TENANT_FIELD, context.tenant) != context.tenant:
        yield _fault(TENANT_FIELD, f'"{context.tenant}", the tenant of the API key', value)
    for role, name in (("key", route.key_field), ("event id", route.id_field)):
        if not _has_text(value.get(name)):
            yield _fault(name, f"the {role}: text that is not empty", value)
        elif (size := _utf8_length(text_of(value[name]))) > MAX_IDENTITY:
            expected = f"the {role}: text of at most {MAX_IDENTITY} bytes as UTF-8"
            yield FieldError(child("", name), expected, f"{size} bytes")
    key = value.get(route.key_field)
    if context.key is not None and _has_text(key) and text_of(key) != context.key:
        yield _fault(route.key_field, f'"{cut(context.key)}", the key sent with the record', value)
    try:
        event_ms = route.event_ms(value.get(route.time_field))
    except (ArithmeticError, TypeError, ValueError):
        return  # no time at all, which the schema's errors say
    if event_ms > context.latest_ms:
        yield _fault(route.time_field, f"an event time up to {_iso(context.latest_ms)}", value)
    elif event_ms < context.earliest_ms:
        yield _fault(route.time_field, f"an event time from {_iso(context.earliest_ms)} on", value)


def _has_text(value: object) -> bool:
    try:
        return bool(text_of(value))
    except MisfitError:
        return False


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _fault(name: str, expected: str, value: dict[str, object]) -> FieldError:
    return FieldError(child("", name), expected, got(value.get(name, MISSING)))


def _iso(ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
