"""Pure: which event a record stands for, and which events the dead letters hold."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any

import numpy as np

from audit.effects import Hashes, event_hash
from audit.stores import Place
from streamkit.errors import DeadLetterError
from streamkit.headers import EVENT_ID, SOURCE, TENANT, Source, find, format_source
from streamkit.records import Headers, Record

Decode = Callable[[bytes], Mapping[str, Any]]
_DEFAULT_TENANT = b"default"


def source_hash(source: bytes) -> int:
    """Return 64 bits for a record that names no event: it is its own, by the place it was written to."""
    return event_hash(b"", source)


class Identity:
    """Gives the event of each record of one topic, as (tenant, event id) in 64 bits.

    The gateway names the event in headers. Where another producer wrote none, the value is decoded; where
    that fails too, the record behind the gateway stands for itself. One that went back from the dead letters
    is the event that it is in its repaired form, which `redriven` gives by its source.
    """

    def __init__(
        self, topic_id: str, event_id_field: str, decode: Decode, redriven: Mapping[bytes, int]
    ) -> None:
        self._topic_id = topic_id
        self._redriven = redriven
        self._field = event_id_field
        self._decode = decode

    def __call__(self, record: Record) -> int:
        """Return the hash of the record's event."""
        found = header_hash(record.headers)
        if found is not None:
            return found
        if self._redriven:
            event = self._redriven.get(source_of(record, self._topic_id))
            if event is not None:
                return event
        with suppress(DeadLetterError, KeyError):
            datum = self._decode(record.value or b"")
            tenant = str(datum.get("tenant", "default")).encode()
            return event_hash(tenant, str(datum[self._field]).encode())
        return place_hash(record, self._topic_id)


def place_hash(record: Record, topic_id: str) -> int:
    """Return the hash of a record that stands for itself, by its place behind the gateway."""
    return source_hash(source_of(record, topic_id))


def source_of(record: Record, topic_id: str) -> bytes:
    """Return the record behind the gateway that a record comes from: itself, unless a header names one."""
    own = Source(record.topic, topic_id, record.partition, record.offset)
    return find(record.headers, SOURCE) or format_source(own)


def header_hash(headers: Headers) -> int | None:
    """Return the hash of the event that headers name, None when they name none."""
    event_id = find(headers, EVENT_ID)
    return None if event_id is None else event_hash(find(headers, TENANT) or _DEFAULT_TENANT, event_id)


class DeadLetterWatch:
    """Gathers from dead letters which events ended there, and which records a sink has put aside."""

    def __init__(
        self,
        decode: Decode,
        sink: str,
        identity: Callable[[str, str], Identity | None],
        redriven: AbstractSet[str],
    ) -> None:
        """Take the decoder of dead letters and the name of the sink whose records are asked for.

        `identity` gives that of a topic by its name and id, None for one without events; `redriven` holds the
        ids of letters that went back, which are passed over.
        """
        self._decode = decode
        self._redriven = redriven
        self._sink = sink
        self._identity = identity
        self._hashes: list[int] = []
        self.aside: dict[Place, list[int]] = {}

    def __call__(self, records: Sequence[Record]) -> None:
        """Take dead letters; one that cannot be read itself is left out."""
        for record in records:
            with suppress(DeadLetterError):
                self._take(self._decode(record.value or b""))

    @property
    def hashes(self) -> Hashes:
        """The events that ended in a dead letter."""
        return np.array(self._hashes, np.uint64)

    def _take(self, letter: Mapping[str, Any]) -> None:
        if letter["dead_letter_id"] in self._redriven:
            return  # its event has to have an effect now, or another letter
        headers = tuple((header["name"], header["value"]) for header in letter["source_headers"])
        place = Place(letter["source_topic"], letter["source_topic_id"], letter["source_partition"])
        if letter["service"] == self._sink:
            self.aside.setdefault(place, []).append(letter["source_offset"])
            return  # the event has its effect; only the search does without it
        record = Record(
            place.topic,
            place.partition,
            letter["source_offset"],
            0,
            letter["source_key"],
            letter["source_value"],
            headers,
        )
        # As the record's own scan named it: without headers, an event is known by what its value says.
        identity = self._identity(place.topic, place.topic_id)
        if identity is not None:
            self._hashes.append(identity(record))
        else:
            named = header_hash(headers)
            self._hashes.append(named if named is not None else place_hash(record, place.topic_id))
