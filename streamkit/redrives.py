"""What has gone back from the dead letters: the markers of platform.redrives.v1, and reading them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from streamkit.broker import Broker
from streamkit.clock import Clock
from streamkit.errors import DeadLetterError
from streamkit.headers import is_heartbeat
from streamkit.read import read_to_end
from streamkit.records import Record

REDRIVES = "platform.redrives.v1"
State = Literal["CLAIMED", "SENT", "REFUSED"]
Decode = Callable[[bytes], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Marker:
    """That a letter went back; see the schema for its fields. Times in ms since the epoch."""

    dead_letter_id: str
    state: State
    service: str
    topic: str
    source: str | None
    tenant: str
    event_id: str | None
    event_time: int

    def datum(self) -> dict[str, Any]:
        """Return the marker as an Avro datum."""
        return {"redrive_id": f"{self.dead_letter_id} {self.state}", **asdict(self)}

    @classmethod
    def of(cls, datum: Mapping[str, Any]) -> Self:
        """Return the marker that a datum is."""
        return cls(**{name: datum[name] for name in cls.__slots__})


def newest(records: Iterable[Record], decode: Decode) -> dict[str, Marker]:
    """Return the newest marker of each letter, by its id; what cannot be read is none."""
    found: dict[str, Marker] = {}
    for record in records:
        if is_heartbeat(record.headers):
            continue
        try:
            marker = Marker.of(decode(record.value or b""))
        except DeadLetterError:
            continue
        found[marker.dead_letter_id] = marker
    return found


def read_markers(broker: Broker, decode: Decode, clock: Clock) -> dict[str, Marker]:
    """Return the newest marker of each letter in the topic now; blocks, raises as `read_to_end`."""
    return newest(read_to_end(broker, REDRIVES, clock), decode)
