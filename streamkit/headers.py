"""Names and values of the headers that records carry; identity and times live here, never in values."""

from collections.abc import Iterable
from typing import NamedTuple

from streamkit.errors import DeadLetterError
from streamkit.records import Headers, Record

EVENT_ID = "kapstan-event-id"
INGEST_MS = "kapstan-ingest-ms"
TENANT = "kapstan-tenant"
TRACEPARENT = "traceparent"
HOPS = "kapstan-hops"
SOURCE = "kapstan-source"
SIDE = "kapstan-side"
HEARTBEAT = "kapstan-heartbeat"
ORIGIN = "kapstan-origin"
REDRIVE = "kapstan-redrive"

ORIGIN_HISTORY = b"history"

BAD_HEADER = "bad_header"
"""The reason of a dead letter whose record has a header that cannot be read."""

_MOST_SHOWN = 100  # bytes of a bad value; a header may be as long as a record
_MOST_DIGITS = 15  # of a time in ms: the year 33658; what is longer need not fit into a store's 64 bits

# What belongs to one hop only: a vector of side positions, the mark of a heartbeat, of a redriven record.
_NOT_CARRIED = frozenset({SIDE, HEARTBEAT, REDRIVE})


class Source(NamedTuple):
    """Identity of the record behind the gateway that a record was made from."""

    topic: str
    topic_id: str
    partition: int
    offset: int


def find(headers: Iterable[tuple[str, bytes]], name: str) -> bytes | None:
    """Return the value of the first header called `name`, or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


def tenant_of(record: Record) -> str | None:
    """Return the tenant that the gateway names in the record's header; None without one or with an empty one.

    Raises:
        DeadLetterError: reason `bad_header`; the header is not UTF-8, so the gateway did not write it.
    """
    raw = record.header(TENANT)
    if not raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise DeadLetterError(
            f"The header {TENANT} is {raw[:_MOST_SHOWN]!r}, expected a tenant's name in UTF-8.",
            reason=BAD_HEADER,
            hint="Send such records through the gateway, which writes this header itself",
        ) from error


def carried(record: Record, *extra: tuple[str, bytes]) -> Headers:
    """Return the headers an output made from `record` should have, `extra` ones replacing or joining.

    Everything travels on (identity, tenant, trace, hop times, origin) but what is true of one hop only.
    """
    if not extra:
        return tuple([h for h in record.headers if h[0] not in _NOT_CARRIED])
    replaced = _NOT_CARRIED.union(name for name, _ in extra)
    return (*(h for h in record.headers if h[0] not in replaced), *extra)


def with_hop(headers: Headers, hop: bytes) -> Headers:
    """Return `headers` with `hop` (b"service=milliseconds") added to the hop times, which are put last."""
    times = find(headers, HOPS)
    if times is None:
        return (*headers, (HOPS, hop))
    return (*(header for header in headers if header[0] != HOPS), (HOPS, times + b"," + hop))


def hop(service: str, time_ms: int) -> bytes:
    """Return the hop time of `service` as `with_hop` takes it."""
    return b"%s=%d" % (service.encode(), time_ms)


def hop_times(headers: Iterable[tuple[str, bytes]]) -> dict[str, int]:
    """Return the milliseconds since the epoch at which each hop wrote the record, in order.

    What is no hop time is left out: a producer that is not ours may have begun the header with anything,
    and it tells of latency only, which is no reason to put the record aside.
    """
    times: dict[str, int] = {}
    for part in (find(headers, HOPS) or b"").split(b","):
        name, _, ms = part.partition(b"=")
        if name and ms.isdigit() and len(ms) <= _MOST_DIGITS:
            times[name.decode("utf-8", "replace")] = int(ms)
    return times


def format_source(source: Source) -> bytes:
    """Return the header value `topic@topic-id/partition/offset`."""
    return f"{source.topic}@{source.topic_id}/{source.partition}/{source.offset}".encode()


def parse_source(raw: bytes) -> Source:
    """Read a SOURCE header; raises ValueError when it is not one."""
    topic, at, rest = raw.decode("utf-8", "replace").partition("@")
    parts = rest.split("/")
    if not at or len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        raise ValueError(f"not a source header: {raw!r}; expected topic@topic-id/partition/offset")
    return Source(topic, parts[0], int(parts[1]), int(parts[2]))


def is_heartbeat(headers: Iterable[tuple[str, bytes]]) -> bool:
    """Tell whether the record only moves event time on and carries nothing to process."""
    return any(name == HEARTBEAT for name, _ in headers)
