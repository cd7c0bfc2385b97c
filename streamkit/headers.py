"""Names and values of the headers that records carry; identity and times live here, never in values."""

from collections.abc import Iterable
from typing import NamedTuple

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

ORIGIN_HISTORY = b"history"

# What belongs to one hop only: a vector of side positions, the mark of a heartbeat.
_NOT_CARRIED = frozenset({SIDE, HEARTBEAT})


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
    """Return the milliseconds since the epoch at which each hop wrote the record, in order."""
    raw = find(headers, HOPS)
    if not raw:
        return {}
    return {name: int(ms) for name, _, ms in (part.partition("=") for part in raw.decode().split(","))}


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
