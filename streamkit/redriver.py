"""Sends records back from the dead letters: each in one transaction with the marker that says so.

All runs share one transactional id. So a second run, or one after a kill, first ends what the one before
left open and fences it; only then it reads which letters have gone back. Whatever is killed at whatever
moment, a letter goes back once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streamkit.broker import Broker, TooLargeError
from streamkit.clock import Clock
from streamkit.crashpoints import crash
from streamkit.errors import FencedError, StopError
from streamkit.headers import REDRIVE, SOURCE, Source, find, format_source
from streamkit.records import Headers
from streamkit.redrive import Redrive, format_redrive, parse_redrive, retry_of
from streamkit.redrives import REDRIVES, Decode, Marker, read_markers

TRANSACTIONAL_ID = "kapstan-redrive"

Encode = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Returning:
    """A record that is to go back to the service that refused it.

    Attributes:
        letter_id: the letter it comes from.
        service: who refused it.
        place: where that service had read it first.
        moved: whether its key is another now, which then decides the partition.
        key: its key, repaired or not.
        value: its value, repaired or not.
        headers: those of the original.
        timestamp_ms: the original's ingest time.
        tenant: whose event it is.
        event_id: the event that it is now, None when that cannot be read.
    """

    letter_id: str
    service: str
    place: Source
    moved: bool
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    tenant: str
    event_id: str | None

    @property
    def source(self) -> bytes:
        """The record behind the gateway that it comes from."""
        return find(self.headers, SOURCE) or format_source(self.place)


class AnotherRunError(StopError):
    """Another run has begun since and does the rest."""


class Redriver:
    """Sends records back, one after the other; used by one thread. Every method blocks.

    AnotherRunError: this one can do nothing more. TooLargeError: the record does not fit. AwayError leaves
    open whether the last record went back; a new run finds out by itself.
    """

    def __init__(self, broker: Broker, clock: Clock, encode: Encode, decode: Decode) -> None:
        """Take the broker and the codec of platform.redrives.v1."""
        self._broker = broker
        self._clock = clock
        self._encode = encode
        self._decode = decode
        self._producer = broker.transactional_producer(TRANSACTIONAL_ID)
        self._markers: dict[str, Marker] = {}

    @property
    def markers(self) -> Mapping[str, Marker]:
        """The newest marker of each letter."""
        return self._markers

    def open(self) -> None:
        """End what an earlier run left open, then learn what has gone back."""
        self._producer.init()
        crash.at("redrive.after_init")
        self._markers = read_markers(self._broker, self._decode, self._clock)
        crash.at("redrive.after_markers")

    def redrive(self, one: Returning) -> bool:
        """Send a record to its service's retry topic, unless its letter has gone back: then return False."""
        if one.letter_id in self._markers:
            return False
        source = one.source.decode("utf-8", "replace")
        now_ms = self._clock.now_ms()
        self._commit(
            Marker(
                one.letter_id, "SENT", one.service, one.place.topic, source, one.tenant, one.event_id, now_ms
            ),
            one,
        )
        return True

    def note(self, marker: Marker) -> None:
        """Write a marker alone: of what goes back by another way than a retry topic."""
        self._commit(marker, None)

    def close(self) -> None:
        """Release the producer."""
        self._producer.close()

    def _commit(self, marker: Marker, one: Returning | None) -> None:
        try:
            self._producer.begin()
            crash.at("redrive.after_begin")
            if one is not None:
                self._send(one, marker.event_time)
                crash.at("redrive.after_record")
            key, value = marker.dead_letter_id.encode(), self._encode(marker.datum())
            self._producer.send(REDRIVES, key, value, timestamp_ms=marker.event_time, partition=0)
            crash.at("redrive.after_marker")
            self._producer.commit()
        except TooLargeError:
            self._producer.abort()
            raise
        except FencedError as error:
            raise AnotherRunError(
                "another redrive has begun meanwhile and goes on instead",
                hint="Run this one again when it is through: what has gone back goes no second time",
            ) from error
        crash.at("redrive.after_commit")
        self._markers[marker.dead_letter_id] = marker

    def _send(self, one: Returning, now_ms: int) -> None:
        headers = [(name, value) for name, value in one.headers if name not in (REDRIVE, SOURCE)]
        redrive = Redrive(_attempts(one.headers) + 1, now_ms, one.place, one.letter_id)
        self._producer.send(
            retry_of("", one.service, one.place.topic),
            one.key,
            one.value,
            [(SOURCE, one.source), *headers, (REDRIVE, format_redrive(redrive))],
            one.timestamp_ms,
            None if one.moved else one.place.partition,
        )


def _attempts(headers: Headers) -> int:
    """Return how often a record had been redriven when it was refused."""
    try:
        return parse_redrive(find(headers, REDRIVE) or b"").attempt
    except ValueError:
        return 0
