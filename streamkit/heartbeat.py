"""Heartbeats: event time moves on in silent partitions, but never past what is still to be processed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# event time in ms since the epoch -> a schema-valid value that carries it. Pure.
BuildHeartbeat = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class UpstreamGroup:
    """A transform further up; what it has not yet processed at T may still bring event times before T."""

    group: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeartbeatRule:
    """When heartbeats are written and how far behind the clock their event time stays.

    `upstream` lists the transforms between the gateway and this one, the first hop first.
    """

    silence_ms: int = 10_000
    out_of_orderness_ms: int = 5_000
    upstream: tuple[UpstreamGroup, ...] = field(default=())


HeartbeatOutputs = Mapping[str, BuildHeartbeat]
