"""Pure: what went back from the dead letters, by its markers: no event ends with such a letter any more."""

from collections.abc import Mapping
from typing import NamedTuple

from audit.effects import event_hash
from streamkit.redrive import retry_of
from streamkit.redrives import Marker

# By then a service has long taken in what went back, or its letters' events count as lost.
_AWAITED_MS = 24 * 3_600_000


class Retry(NamedTuple):
    """A retry topic, and the service that reads it."""

    group: str
    topic: str


class Redriven:
    """What the markers of platform.redrives.v1 say to an audit."""

    def __init__(self, markers: Mapping[str, Marker]) -> None:
        """Take the newest marker of each letter."""
        # A gateway reject never was an event, so only what has a source counts.
        self._sent = [each for each in markers.values() if each.state == "SENT" and each.source is not None]
        self.letters = frozenset(each.dead_letter_id for each in self._sent)

    @property
    def events(self) -> Mapping[bytes, int]:
        """The hash of the event that a record is in its repaired form, by its source."""
        return {
            (each.source or "").encode(): event_hash(each.tenant.encode(), each.event_id.encode())
            for each in self._sent
            if each.event_id is not None
        }

    def awaited(self, now_ms: int) -> list[Retry]:
        """Return the retry topics whose services may not have read them yet."""
        recent = (each for each in self._sent if now_ms - each.event_time < _AWAITED_MS)
        return sorted({Retry(each.service, retry_of("", each.service, each.topic)) for each in recent})
